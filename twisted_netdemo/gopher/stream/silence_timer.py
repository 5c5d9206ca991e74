"""
A timeout for a server that sends nothing, which stands still while the server is kept waiting.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class SilenceTimer:
    """
    Calls back after a silence. It looks seldom, instead of being rescheduled with each chunk.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        isPaused: Callable[[], bool],
        expired: Callable[[], object],
    ) -> None:
        """
        @param seconds: how long the silence may be.
        @param isPaused: whether the silence does not count at present.
        @param expired: called when it was too long.
        """
        self._clock = clock
        self._seconds = seconds
        self._isPaused = isPaused
        self._expired = expired
        self._heard = 0.0  # when the server last sent something, or was allowed to
        self._call: IDelayedCall | None = None

    def hear(self) -> float:
        """
        The silence begins anew.

        @return: when, by the clock.
        """
        self._heard = self._clock.seconds()
        return self._heard

    def check(self) -> None:
        """
        Look now, and again for as long as it is not too long.
        """
        left = self._heard + self._seconds - self._clock.seconds()
        if self._isPaused():
            left = self._seconds
        if left > 0:
            self._call = self._clock.callLater(left, self.check)
        else:
            # If the whole process was held up, bytes may be waiting: let them be read first.
            self._call = self._clock.callLater(0, self._confirm, self._heard)

    def _confirm(self, heard: float) -> None:
        if self._heard != heard or self._isPaused():
            self.check()
        else:
            self._expired()

    def cancel(self) -> None:
        """
        Stop looking, for good.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._isPaused = self._expired = _never  # leaves no reference cycle


def _never() -> bool:
    """
    Replaces the callbacks.
    """
    return False
