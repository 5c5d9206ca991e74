"""
The round that is under way, and when things are due again. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class MirrorRound:
    """
    A round.

    @ivar number: from 1.
    @ivar begun: when it began, in seconds since the epoch.
    @ivar asked: how many resources had been asked for in it when it was interrupted.
    @ivar isResumed: whether it was interrupted.
    """

    number: int
    begun: float
    asked: int = 0
    isResumed: bool = False


class RoundTime:
    """
    @ivar current: the round.
    @ivar every: after how many seconds a resource is asked for again; C{None} for one round.
    """

    def __init__(self, every: float | None, now: Callable[[], float]) -> None:
        """
        @param now: returns the seconds since the epoch.
        """
        self.current = MirrorRound(0, 0.0)
        self.every = every
        self._now = now

    @property
    def since(self) -> float:
        """
        From when on a server's rules are new enough.
        """
        return self.current.begun if self.every is None else self._now() - self.every

    def dueAfter(self, now: float) -> float | None:
        """
        When what was asked for now is due again; C{None} if that is in no later round.
        """
        return None if self.every is None else now + self.every
