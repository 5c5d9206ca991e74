"""
When a run ends because nobody looks at it any more.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Lingering:
    """
    Ends a run some time after its last page was closed, unless another opens meanwhile. A download
    goes on without its page: it is waited for as long as something of it is sent.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        sent: Callable[[], int],
        end: Callable[[], object],
    ) -> None:
        """
        @param seconds: how long to wait.
        @param sent: how many parts of downloads have been sent so far.
        @param end: ends the run.
        """
        self._clock = clock
        self._seconds = seconds
        self._sent = sent
        self._end = end
        self._call: IDelayedCall | None = None
        self._hasBegun = False

    def counted(self, pages: int) -> None:
        """
        So many pages are open now.
        """
        self._hasBegun |= pages > 0
        if pages:
            self._cancel()
        elif self._hasBegun and self._call is None:
            self._wait()

    def _wait(self) -> None:
        self._call = self._clock.callLater(self._seconds, self._look, self._sent())

    def _look(self, before: int) -> None:
        if self._sent() != before:
            self._wait()
        else:
            self._call = None
            self._end()

    def _cancel(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def stop(self) -> None:
        """
        The run ends.
        """
        self._hasBegun = False
        self._cancel()
