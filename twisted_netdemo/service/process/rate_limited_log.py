"""
Saying a thing once a minute that may happen a thousand times a second.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_netdemo.service.time.clock import monotonic


class RateLimitedLog:
    """
    Lets the first of many equal messages through, and then one a period with their number. Each is
    counted in a message: at the latest when the period ends, or with L{stop}.
    """

    def __init__(self, clock: IReactorTime, say: Callable[[int], None], seconds: float = 60.0):
        """
        @param say: called with how often it has happened since it was said last, 1 or more.
        """
        self._clock = monotonic(clock)
        self._say = say
        self._seconds = seconds
        self._since = 0
        self._period: IDelayedCall | None = None

    def happened(self) -> None:
        """
        It has happened once more.
        """
        self._since += 1
        if self._period is None:
            self._tell()

    def _tell(self) -> None:
        # Set before it is said: what logs may have it happen again.
        self._period = self._clock.callLater(self._seconds, self._periodEnds)
        self._sayAll()

    def _periodEnds(self) -> None:
        self._period = None
        if self._since:
            self._tell()

    def _sayAll(self) -> None:
        times, self._since = self._since, 0
        self._say(times)

    def stop(self) -> None:
        """
        Say those that have not been said. Nothing is left in the reactor.
        """
        if self._period is not None:
            self._period.cancel()
            self._period = None
        if self._since:
            self._sayAll()
