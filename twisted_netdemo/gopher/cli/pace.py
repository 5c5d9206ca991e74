"""
Long work on a body in small steps, so that the reactor runs in between and time limits hold.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_netdemo.gopher.errors import TimedOut
from twisted_netdemo.service.cli.quantities import showDuration
from twisted_netdemo.service.time.clock import monotonic

# How many bytes of a body make a piece.
_PIECE = 8192
# For how many seconds at most the reactor is kept from running.
_MAX_HOLD = 0.05
# For how many seconds after the time limit the work may go on with what has come,
_GRACE = 0.25
# and a slow reader may take the rest of a piece.
_READER_GRACE = 0.35


class OutOfTime(TimedOut):
    """
    The work on a body took too long.
    """


class Pace:
    """
    The time that a fetch and the work on its body have taken.
    """

    def __init__(self, clock: IReactorTime, limit: float | None) -> None:
        """
        @param limit: how many seconds both may take together, from now; C{None} for no limit.
        """
        self._clock = monotonic(clock)
        self._limit = limit
        self._began = self._last = self._clock.seconds()

    def exclude(self, seconds: float) -> None:
        """
        Do not count these seconds, in which the work had to wait.
        """
        self._began += seconds

    async def pieces(self, data: bytes | bytearray) -> AsyncGenerator[bytes, None]:
        """
        Cut data into pieces, with a L{step} after each; the first always comes.

        @raise OutOfTime: the time is over.
        """
        self._last = self._clock.seconds()  # the reactor has just run
        for start in range(0, len(data), _PIECE):
            yield bytes(data[start : start + _PIECE])
            await self.step()

    async def step(self) -> None:
        """
        Let the reactor run, if it was kept from it for long.

        @raise OutOfTime: the time is over.
        """
        if self._limit is not None and self._isOver(_GRACE):
            raise OutOfTime(f"it took longer than {showDuration(self._limit)}")
        if self._clock.seconds() - self._last > _MAX_HOLD:
            await self.turn()

    async def turn(self, seconds: float = 0) -> None:
        """
        Let the reactor run for so many seconds.
        """
        await deferLater(self._clock, seconds)
        self._last = self._clock.seconds()

    @property
    def isLast(self) -> bool:
        """
        Whether there is no more time for the rest of a piece either.
        """
        return self._isOver(_READER_GRACE)

    def _isOver(self, grace: float) -> bool:
        passed = self._clock.seconds() - self._began
        return self._limit is not None and passed > self._limit + grace
