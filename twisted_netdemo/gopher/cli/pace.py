"""
Much work in small pieces: between them the reactor has its turn, and a deadline is looked at.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from twisted.internet.task import deferLater

from twisted_netdemo.gopher.errors import TimedOut
from twisted_netdemo.service.cli.quantities import showDuration
from twisted_netdemo.service.time.clock import monotonic

# How many bytes of a body make a piece.
_PIECE = 8192
#: How many seconds the reactor may be kept from its turn.
_TURN = 0.05
#: How many seconds after its deadline what has come may still be worked on.
_GRACE = 0.25
#: And for how many the rest of a text may be taken, by a reader that is slow.
_LAST = 0.35


class OutOfTime(TimedOut):
    """
    What was made of a body took too long.
    """


class Pace:
    """
    The time of one fetch and of what is made of it.
    """

    def __init__(self, clock: Any, most: float | None) -> None:
        """
        @param clock: an L{IReactorTime}.
        @param most: how many seconds both may take together, from now; C{None} for no limit.
        """
        self._clock = monotonic(clock)
        self._most = most
        self._began = self._last = self._clock.seconds()

    def exclude(self, seconds: float) -> None:
        """
        So long the work could not begin; that is not counted.
        """
        self._began += seconds

    async def pieces(self, data: bytes | bytearray) -> AsyncGenerator[bytes, None]:
        """
        Data in pieces, each with a L{step} behind it; the first is always given.

        @raise OutOfTime: where the time is over.
        """
        self._last = self._clock.seconds()  # others have had their turn
        for start in range(0, len(data), _PIECE):
            yield bytes(data[start : start + _PIECE])
            await self.step()

    async def step(self) -> None:
        """
        After each piece.

        @raise OutOfTime: where the time is over.
        """
        if self._isOver(_GRACE):
            raise OutOfTime(f"it took longer than {showDuration(self._most or 0)}")
        if self._clock.seconds() - self._last > _TURN:
            await self.turn()

    async def turn(self) -> None:
        """
        The reactor has its turn.
        """
        await deferLater(self._clock, 0)
        self._last = self._clock.seconds()

    @property
    def isLast(self) -> bool:
        """
        Whether there is no time either for the rest of what has been begun.
        """
        return self._isOver(_LAST)

    def _isOver(self, grace: float) -> bool:
        return self._most is not None and self._clock.seconds() - self._began > self._most + grace
