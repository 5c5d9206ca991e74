"""
One direction of a link, at times that it is told: a bottleneck, delays that keep the order, and
the holding back of what is to be reordered.

Pure: the caller gives the time with each call, in seconds of any clock that never goes back, takes
what is L{Link.due} and comes back at L{Link.next}. One L{Link} is shared by all the conversations
of its direction, each of which keeps its order in a L{Lane} of its own:

    >>> link = Link(figures)
    >>> lane = link.lane()
    >>> link.enter(lane, "a packet", 512, fate, now)    # False: dropped at the tail of the queue
    >>> link.next()                                     # when to look
    >>> link.due(then)                                  # what leaves, in this order

The bottleneck comes first: a packet waits there for those before it, whoever sent them, and takes
its length for the rate's time. Then comes its delay, though it never leaves before an earlier one
of its lane. A reordered one stands aside when it would leave, lets C{gap} later ones of its lane
pass and leaves right after the last of them, or C{hold} seconds later where they do not come.
"""

from __future__ import annotations

import sys
from collections import deque
from heapq import heappop, heappush
from typing import Generic, TypeVar

from twisted_netdemo.faults.model import Fate, Figures

T = TypeVar("T")

#: How many octets of memory the packets under way in one direction may take.
LIMIT = 1 << 26

#: What one takes beside its own octets, about: without it, empty ones would have no bound.
OVERHEAD = 600


class Bottleneck:
    """
    A line of a given rate and the queue before it, which drops at its tail.

    @param rate: bits a second; C{None} for a line that takes no time.
    @param queue: how many packets may wait behind the one that is being sent.
    """

    def __init__(self, rate: float | None, queue: int) -> None:
        self._seconds = 0.0 if rate is None else 8 / rate
        self._queue = queue
        self._free = 0.0
        self._starts: deque[float] = deque()

    def enter(self, octets: int, now: float) -> float | None:
        """
        @return: when the packet's last bit is through; C{None} where the queue is full.
        """
        if not self._seconds:
            return now
        starts = self._starts
        while starts and starts[0] <= now:
            starts.popleft()
        begin = self._free
        if begin > now:
            if len(starts) >= self._queue:
                return None
            starts.append(begin)
        else:
            begin = now
        self._free = end = begin + octets * self._seconds
        return end


class Lane(Generic[T]):
    """
    The packets of one conversation that are under way. Made by L{Link.lane}.
    """

    __slots__ = ("_gap", "_held", "_hold", "_last", "_passed", "_scheduled", "_waiting")

    def __init__(self, gap: int, hold: float) -> None:
        self._gap = gap
        self._hold = hold
        self._last = 0.0
        self._passed = 0
        self._scheduled: float | None = None
        # when it leaves, the packet, its octets, whether it is to be held
        self._waiting: deque[tuple[float, T, int, bool]] = deque()
        # after how many have passed it leaves, and when at the latest. One that is held later is
        # never free earlier, so this is a queue too.
        self._held: deque[tuple[int, float, T, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._held)

    def _add(self, leaves: float, packet: T, octets: int, isHeld: bool) -> None:
        self._last = leaves = max(leaves, self._last)
        self._waiting.append((leaves, packet, octets, isHeld))

    def _next(self) -> float | None:
        waiting = self._waiting[0][0] if self._waiting else None
        if not self._held:
            return waiting
        held = self._held[0][1]
        return held if waiting is None else min(held, waiting)

    def _due(self, now: float, leaving: list[T], most: int) -> int:
        """
        Add what leaves to the list, until about so many are in it.

        @return: the octets of it.
        """
        waiting, held = self._waiting, self._held
        freed = 0
        while len(leaving) < most and (when := self._next()) is not None and when <= now:
            if held and held[0][1] <= when:
                _, _, packet, octets = held.popleft()
                leaving.append(packet)
                freed += octets
                continue
            leaves, packet, octets, isHeld = waiting.popleft()
            if isHeld:
                held.append((self._passed + self._gap, leaves + self._hold, packet, octets))
                continue
            leaving.append(packet)
            freed += octets
            self._passed += 1
            while held and held[0][0] <= self._passed:
                _, _, packet, octets = held.popleft()
                leaving.append(packet)
                freed += octets
        return freed


class Link(Generic[T]):
    """
    @param figures: C{rate}, C{queue}, C{gap} and C{hold} are what counts here; the rest has gone
        into the fates.
    @param limit: how many octets may be under way, L{OVERHEAD} counted for each packet: beyond,
        packets are dropped as at the tail of the queue.
    """

    def __init__(self, figures: Figures, limit: int = LIMIT) -> None:
        self._figures = figures
        self._bottleneck = Bottleneck(figures.rate, figures.queue)
        self._limit = limit
        self._isFast = figures.rate is None
        self._octets = 0
        self._made = 0
        # a lane's next time; the number keeps equal times in order. An entry whose time is not
        # its lane's any more is stale.
        self._agenda: list[tuple[float, int, Lane[T]]] = []

    @property
    def octets(self) -> int:
        """
        How many octets are under way, L{OVERHEAD} counted for each packet.
        """
        return self._octets

    def lane(self) -> Lane[T]:
        """
        The way of one more conversation. It is forgotten with its last packet, unless the caller
        keeps it.
        """
        return Lane(self._figures.gap, self._figures.hold)

    def isOpen(self, lane: Lane[T], fate: Fate) -> bool:
        """
        Whether nothing would hold up a packet: it need not L{enter}, and leaves at once.
        """
        return self._isFast and not (fate.delay or fate.reordered or lane)

    def enter(self, lane: Lane[T], packet: T, octets: int, fate: Fate, now: float) -> bool:
        """
        Set out. Whether a packet is C{lost} is the caller's business: such a one does not come
        here.

        @param octets: what it weighs at the bottleneck.
        @return: whether it was let in; else it is dropped at the tail of the queue.
        """
        if self._octets + octets + OVERHEAD > self._limit:
            return False
        through = self._bottleneck.enter(octets, now)
        if through is None:
            return False
        weight = octets + OVERHEAD
        self._octets += weight
        lane._add(through + fate.delay, packet, weight, fate.reordered)
        self._schedule(lane)
        return True

    def _schedule(self, lane: Lane[T]) -> None:
        when = lane._next()
        if when != lane._scheduled:
            lane._scheduled = when
            if when is not None:
                self._made += 1
                heappush(self._agenda, (when, self._made, lane))

    def next(self) -> float | None:
        """
        The time at which L{due} has something to do; C{None} with nothing under way.
        """
        agenda = self._agenda
        while agenda and agenda[0][0] != agenda[0][2]._scheduled:
            heappop(agenda)
        return agenda[0][0] if agenda else None

    def due(self, now: float, most: int = sys.maxsize) -> list[T]:
        """
        What leaves by now, in the order of leaving. A duplicated packet is in it once.

        @param most: about how many to take; the rest is due at once.
        """
        leaving: list[T] = []
        while len(leaving) < most and (when := self.next()) is not None and when <= now:
            lane = heappop(self._agenda)[2]
            lane._scheduled = None
            # one lane's time after the other's, so that the whole comes out in order
            self._octets -= lane._due(when, leaving, most)
            self._schedule(lane)
        return leaving
