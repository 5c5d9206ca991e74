"""
A link on a clock: packets set out, and leave it at their time.

A relay calls L{Scheduler.enter}, with which a packet that takes no time has left when the call
returns. A caller that has something to do between a packet's admission and its leaving calls
L{Scheduler.admit}, and L{Scheduler.look} afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.faults.link import LIMIT, FlowQueue, Link
from twisted_netdemo.faults.model import Conditions, Fate
from twisted_netdemo.service.time.timer import timer

T = TypeVar("T")

# How many packets leave in a row; the rest of the process waits meanwhile.
_BATCH = 64


class Scheduler(Generic[T]):
    """
    One direction of a relay or wire, for all of its conversations.

    @ivar seconds: the time now, of the clock that counts here.
    @ivar flow: makes the queue of one more conversation, as L{Link.flow}.
    @ivar isOpen: whether nothing would delay a packet, as L{Link.isOpen}.
    """

    def __init__(
        self,
        conditions: Conditions,
        reactor: IReactorTime,
        leave: Callable[[T], None],
        limit: int = LIMIT,
    ) -> None:
        """
        @param leave: called with each packet when it leaves.
        @param limit: how many octets may be under way.
        """
        self._link: Link[T] = Link(conditions, limit)
        self._leave = leave
        self._timer = timer(reactor, self._wake)
        self._set: float | None = None
        self._isLooking = False
        self.seconds: Callable[[], float] = self._timer.seconds
        self.flow: Callable[[], FlowQueue[T]] = self._link.flow
        self.isOpen: Callable[[FlowQueue[T], Fate], bool] = self._link.isOpen

    def enter(self, flow: FlowQueue[T], packet: T, octets: int, fate: Fate) -> bool:
        """
        Set out, as L{Link.enter}. A packet that takes no time leaves before this returns, unless
        many are before it.
        """
        if not self._isLooking and self._link.isOpen(flow, fate):
            self._isLooking = True
            try:
                self._leave(packet)
            finally:
                self._isLooking = False
            if self._link.octets:
                self.look()
            return True
        admitted = self.admit(flow, packet, octets, fate)
        if admitted:
            self.look()
        return admitted

    def admit(self, flow: FlowQueue[T], packet: T, octets: int, fate: Fate) -> bool:
        """
        Set out, as L{Link.enter}, but do not leave before the next L{look}.
        """
        return self._link.enter(flow, packet, octets, fate, self.seconds())

    def _wake(self) -> None:
        self._set = None
        self.look()

    def look(self) -> None:
        """
        Let the packets leave that are due, and set the timer for the next one.
        """
        if self._isLooking:
            return
        self._isLooking = True
        try:
            for packet in self._link.due(self.seconds(), _BATCH):
                self._leave(packet)
        finally:
            self._isLooking = False
            following = self._link.next()
            if following != self._set:
                self._set = following
                self._timer.at(following)

    def close(self) -> list[T]:
        """
        Let nothing leave any more.

        @return: the packets that were still under way.
        """
        self._timer.close()
        return self._link.due(math.inf)
