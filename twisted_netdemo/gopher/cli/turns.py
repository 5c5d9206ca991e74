"""
The order in which jobs use the console: that of their numbers, whichever is ready first.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.gopher.cli.pace import Pace


class Turn:
    """
    A job's turn to use the console.
    """

    def __init__(self, coming: Deferred[None] | None, clock: IReactorTime) -> None:
        """
        @param coming: fires when the turn comes; C{None} if it has come.
        """
        self._coming = coming
        self._clock = clock

    @property
    def hasCome(self) -> bool:
        """
        Whether the job may use the console.
        """
        return self._coming is None or self._coming.called

    async def wait(self, pace: Pace) -> None:
        """
        Wait for the turn, in time that is not counted.
        """
        if self._coming is not None and not self._coming.called:
            began = self._clock.seconds()
            await self._coming
            pace.exclude(self._clock.seconds() - began)


class Turns:
    """
    Gives the turns, to one job at a time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._current = 1
        self._waiting: dict[int, Deferred[None]] = {}
        self._isPassing = False

    def take(self, number: int) -> Turn:
        """
        The turn of the job with this number, counted from 1.
        """
        if number == self._current:
            return Turn(None, self._clock)
        coming = self._waiting[number] = Deferred()
        return Turn(coming, self._clock)

    def finish(self) -> None:
        """
        The current job is done. The next may be done at once, and the one after it: a loop, since
        recursion would be too deep.
        """
        self._current += 1
        if self._isPassing:
            return
        self._isPassing = True
        try:
            while self._current in self._waiting:
                self._waiting.pop(self._current).callback(None)
        finally:
            self._isPassing = False
