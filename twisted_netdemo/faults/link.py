"""
One direction of a link, without a clock: a bottleneck, delays that keep the order, and packets that
are held back to be reordered.

Pure: the caller passes the time with each call, in seconds of any clock that never goes back, takes
the packets that are L{Link.due} and comes back at L{Link.next}. All conversations of a direction
share one L{Link}, and each keeps its order in a L{FlowQueue} of its own:

    >>> link = Link(Conditions(Impairments(delay=0.02)))
    >>> flow = link.flow()
    >>> link.enter(flow, "a packet", 512, fate, now)    # False: dropped at the tail of the queue
    >>> link.next()                                     # when to look
    >>> link.due(then)                                  # the packets that leave, in this order

The bottleneck comes first: a packet waits there for all earlier packets, whichever conversation
they belong to, and then takes as long as the rate needs for its length. Its delay follows, but it
never leaves before an earlier packet of its flow. A reordered packet stands aside when it would
leave, lets C{gap} later packets of its flow pass and leaves right after the last of them, or
C{hold} seconds later if they do not come.

The conditions may change while packets are under way. Those that have entered keep their times.
"""

from __future__ import annotations

import sys
from collections import deque
from heapq import heappop, heappush
from typing import Generic, TypeVar

from twisted_netdemo.faults.model import Conditions, Fate

T = TypeVar("T")

#: How many octets of memory the packets under way in one direction may take.
LIMIT = 1 << 26

#: What one takes beside its own octets, about: without it, empty ones would have no bound.
OVERHEAD = 600


class Bottleneck:
    """
    A line of a given rate and the queue before it, which drops at its tail.
    """

    def __init__(self) -> None:
        self._free = 0.0
        self._starts: deque[float] = deque()

    def enter(self, octets: int, now: float, rate: float | None, queue: int) -> float | None:
        """
        @param rate: bits a second; C{None} for a line that takes no time.
        @param queue: how many packets may wait behind the one that is being sent.
        @return: when the packet's last bit is through; C{None} where the queue is full.
        """
        if rate is None:
            return now
        starts = self._starts
        while starts and starts[0] <= now:
            starts.popleft()
        begin = self._free
        if begin > now:
            if len(starts) >= queue:
                return None
            starts.append(begin)
        else:
            begin = now
        self._free = end = begin + octets * (8 / rate)
        return end


class FlowQueue(Generic[T]):
    """
    The packets of one conversation that are under way. Made by L{Link.flow}.
    """

    __slots__ = ("_conditions", "_held", "_last", "_passed", "_scheduled", "_waiting")

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._last = 0.0
        self._passed = 0
        self._scheduled: float | None = None
        # when it leaves, the packet, its octets, whether it is to be held
        self._waiting: deque[tuple[float, T, int, bool]] = deque()
        # after how many have passed it leaves, and when at the latest: both never fall
        self._held: deque[tuple[int, float, T, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._held)

    def _add(self, leaves: float, packet: T, octets: int, isHeld: bool) -> None:
        self._last = leaves = max(leaves, self._last)
        self._waiting.append((leaves, packet, octets, isHeld))

    def _hold(self, leaves: float, packet: T, octets: int) -> None:
        impairments = self._conditions.impairments
        after, latest = self._passed + impairments.gap, leaves + impairments.hold
        if self._held:
            after, latest = max(after, self._held[-1][0]), max(latest, self._held[-1][1])
        self._held.append((after, latest, packet, octets))

    def _next(self) -> float | None:
        waiting = self._waiting[0][0] if self._waiting else None
        if not self._held:
            return waiting
        held = self._held[0][1]
        return held if waiting is None else min(held, waiting)

    def _due(self, now: float, leaving: list[T], most: int) -> int:
        """
        Add the packets that leave to the list, until about so many are in it.

        @return: their octets.
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
                self._hold(leaves, packet, octets)
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
    All packets of one direction that are under way.
    """

    def __init__(self, conditions: Conditions, limit: int = LIMIT) -> None:
        """
        @param conditions: C{rate}, C{queue}, C{gap} and C{hold} matter here; fates have the rest.
        @param limit: how many octets may be under way, L{OVERHEAD} counted for each packet. Beyond
            it packets are dropped as at the tail of the queue.
        """
        self._conditions = conditions
        self._bottleneck = Bottleneck()
        self._limit = limit
        self._octets = 0
        self._made = 0
        # a flow's next time; the number keeps equal times in order. An entry is stale when its time
        # is no longer its flow's.
        self._agenda: list[tuple[float, int, FlowQueue[T]]] = []

    @property
    def octets(self) -> int:
        """
        How many octets are under way, L{OVERHEAD} counted for each packet.
        """
        return self._octets

    def flow(self) -> FlowQueue[T]:
        """
        The queue of one more conversation. The link forgets it with its last packet.
        """
        return FlowQueue(self._conditions)

    def isOpen(self, flow: FlowQueue[T], fate: Fate) -> bool:
        """
        Whether nothing would delay a packet: it need not L{enter}, and leaves at once.
        """
        return (
            self._conditions.impairments.rate is None
            and not fate.delay
            and not fate.outcome.isHeld
            and not flow._waiting
            and not flow._held
        )

    def enter(self, flow: FlowQueue[T], packet: T, octets: int, fate: Fate, now: float) -> bool:
        """
        Set out. A lost packet does not come here: that is up to the caller.

        @param octets: its length at the bottleneck.
        @return: whether it was let in; if not, it is dropped at the tail of the queue.
        """
        if self._octets + octets + OVERHEAD > self._limit:
            return False
        impairments = self._conditions.impairments
        through = self._bottleneck.enter(octets, now, impairments.rate, impairments.queue)
        if through is None:
            return False
        weight = octets + OVERHEAD
        self._octets += weight
        flow._add(through + fate.delay, packet, weight, fate.outcome.isHeld)
        self._schedule(flow)
        return True

    def _schedule(self, flow: FlowQueue[T]) -> None:
        when = flow._next()
        if when != flow._scheduled:
            flow._scheduled = when
            if when is not None:
                self._made += 1
                heappush(self._agenda, (when, self._made, flow))

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
        The packets that leave by now, in the order of leaving. A duplicated packet is in it once.

        @param most: about how many to take; the others stay due.
        """
        leaving: list[T] = []
        while len(leaving) < most and (when := self.next()) is not None and when <= now:
            flow = heappop(self._agenda)[2]
            flow._scheduled = None
            # one flow's time after the other's, so that the whole comes out in order
            self._octets -= flow._due(when, leaving, most)
            self._schedule(flow)
        return leaving
