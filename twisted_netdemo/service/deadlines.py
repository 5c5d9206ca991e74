"""
One timer for many deadlines of one length.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, takewhile

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_log = Logger()


class Deadline:
    """
    What happens when the time is up, and when that is.

    @ivar due: the clock's seconds.
    @ivar callback: may be exchanged by who takes the deadline over.
    """

    __slots__ = ("_pending", "callback", "due")

    def __init__(
        self, due: float, callback: Callable[[], None], pending: dict[Deadline, None]
    ) -> None:
        self.due = due
        self.callback = callback
        self._pending = pending

    def cancel(self) -> None:
        """
        It is no longer needed (or has come already).
        """
        self._pending.pop(self, None)


class Deadlines:
    """
    Deadlines that are all equally long, so that they come due in the order in which they began:
    beginning and cancelling one is a dictionary's insert and delete, not a timer of its own.
    """

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self._pending: dict[Deadline, None] = {}
        self._timer: IDelayedCall | None = None

    def begin(self, callback: Callable[[], None], now: float | None = None) -> Deadline:
        """
        Have C{callback} called after the time that is the same for all.

        @param now: the clock's seconds, of who has just asked.
        """
        if now is None:
            now = self._clock.seconds()
        deadline = Deadline(now + self.seconds, callback, self._pending)
        self._pending[deadline] = None
        if self._timer is None:
            self._timer = self._clock.callLater(self.seconds, self._fire)
        return deadline

    def _fire(self) -> None:
        now = self._clock.seconds()
        due = list(takewhile(lambda deadline: deadline.due <= now, self._pending))
        later = next(islice(self._pending, len(due), None), None)
        self._timer = None
        if later is not None:
            self._timer = self._clock.callLater(later.due - now, self._fire)
        for deadline in due:
            if deadline in self._pending:  # the one before may have cancelled it
                del self._pending[deadline]
                with _log.failuresHandled("a deadline's callback failed"):
                    deadline.callback()

    def stop(self) -> None:
        """
        Forget all of them.
        """
        self._pending.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
