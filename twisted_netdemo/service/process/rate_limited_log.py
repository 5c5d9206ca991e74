"""
Saying a thing once a minute that may happen a thousand times a second.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.service.time.clock import monotonic


class RateLimitedLog:
    """
    Lets the first of many equal messages through, and then one a period with their number.
    """

    def __init__(self, clock: IReactorTime, say: Callable[[int], None], seconds: float = 60.0):
        """
        @param say: called with how often it has happened since it was said last, 1 or more.
        """
        self._clock = monotonic(clock)
        self._say = say
        self._seconds = seconds
        self._since = 0
        self._last: float | None = None

    def happened(self) -> None:
        """
        It has happened once more.
        """
        self._since += 1
        now = self._clock.seconds()
        if self._last is None or now - self._last >= self._seconds:
            self._last = now
            times, self._since = self._since, 0
            self._say(times)
