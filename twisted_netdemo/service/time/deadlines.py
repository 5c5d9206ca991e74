"""
One timer for many deadlines of one length.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

T = TypeVar("T", bound=Hashable)


class Deadlines(Generic[T]):
    """
    Deadlines that are all equally long, so that they come due in the order in which they began:
    beginning and cancelling one is a dictionary's insert and delete, not a timer of its own.

    @ivar seconds: how long each of them is.
    """

    def __init__(self, clock: IReactorTime, seconds: float, due: Callable[[T], object]) -> None:
        """
        @param clock: the reactor, whose L{monotonic} clock is meant, or a fake.
        @param due: called with each owner whose deadline has passed.
        """
        self._clock = monotonic(clock)
        self.seconds = seconds
        self._due = due
        self._pending: dict[T, float] = {}  # when each began
        self._timer: IDelayedCall | None = None

    def begin(self, owner: T, now: float | None = None) -> None:
        """
        Begin the deadline of one that has none yet.

        @param now: the L{monotonic} clock's seconds, where the caller has just asked.
        """
        self._pending[owner] = self._clock.seconds() if now is None else now
        if self._timer is None:
            self._timer = self._clock.callLater(self.seconds, self._fire)

    def cancel(self, owner: T) -> None:
        """
        It is no longer needed (or has come already).
        """
        self._pending.pop(owner, None)

    def since(self, owner: T) -> float | None:
        """
        When it began, in the clock's seconds; C{None} without one.
        """
        return self._pending.get(owner)

    def _fire(self) -> None:
        now = self._clock.seconds()
        due: list[T] = []
        self._timer = None
        for owner, began in self._pending.items():
            if began + self.seconds > now:
                self._timer = self._clock.callLater(began + self.seconds - now, self._fire)
                break
            due.append(owner)
        for owner in due:
            if owner in self._pending:  # the one before may have cancelled it
                del self._pending[owner]
                with _log.failuresHandled("a deadline's callback failed"):
                    self._due(owner)

    def stop(self) -> None:
        """
        Forget all of them.
        """
        self._pending.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
