"""
A link at work: packets set out, and leave it at their time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted_netdemo.faults.link import LIMIT, Lane, Link
from twisted_netdemo.faults.model import Fate, Figures
from twisted_netdemo.service.time.timer import timer

T = TypeVar("T")

# How many leave in a row: the rest of the process waits for so many.
_BATCH = 64


class Way(Generic[T]):
    """
    One direction of a relay, for all of its conversations.

    @ivar seconds: the time now, of the clock that counts here.
    @ivar lane: the way of one more conversation, as L{Link.lane}.
    """

    def __init__(
        self,
        figures: Figures,
        reactor: Any,
        leave: Callable[[T], None],
        limit: int = LIMIT,
    ) -> None:
        """
        @param leave: called with each packet when it leaves.
        @param limit: how many octets may be under way.
        """
        self._link: Link[T] = Link(figures, limit)
        self._leave = leave
        self._timer = timer(reactor, self._wake)
        self._set: float | None = None
        self._looking = False
        self.seconds: Callable[[], float] = self._timer.seconds
        self.lane: Callable[[], Lane[T]] = self._link.lane

    def enter(self, lane: Lane[T], packet: T, octets: int, fate: Fate) -> bool:
        """
        Set out, as L{Link.enter}. What takes no time leaves before this returns, unless many are
        before it.
        """
        if not self._looking and self._link.isOpen(lane, fate):
            self._looking = True
            try:
                self._leave(packet)
            finally:
                self._looking = False
            if self._link.octets:
                self._look()
            return True
        entered = self._link.enter(lane, packet, octets, fate, self.seconds())
        if entered and not self._looking:
            self._look()
        return entered

    def _wake(self) -> None:
        self._set = None
        self._look()

    def _look(self) -> None:
        self._looking = True
        try:
            for packet in self._link.due(self.seconds(), _BATCH):
                self._leave(packet)
        finally:
            self._looking = False
            following = self._link.next()
            if following != self._set:
                self._set = following
                self._timer.at(following)

    def close(self) -> list[T]:
        """
        Let nothing leave any more.

        @return: what was still under way.
        """
        self._timer.close()
        return self._link.due(math.inf)
