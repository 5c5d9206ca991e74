"""
The arrivals of a stream's numbered packets: first copies, further copies, and their order.

Both ends count with it: the reflector the requests that come to it, the sender the answers. What is
kept is the numbers that are missing, as ranges: little where little is lost, and never more than a
bound. Pure.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Literal

#: The ranges of missing numbers that a reflector keeps for a session, in 15 KiB at most. Where half
#: of all packets are lost at random, they reach some 2,000 numbers back; with one in a hundred,
#: 50,000.
GAPS = 512

#: A first copy; a further copy; or a packet too far back to tell.
Arrival = Literal["first", "extra", "outside"]


class Arrivals:
    """
    Counts the arrivals of packets that are numbered from 0.

    @ivar first: how many first copies have arrived.
    @ivar extra: how many further copies of them.
    @ivar outside: packets from further back than what is kept.
    @ivar reordered: first copies that are reordered (RFC 4737 3.3: a number below NextExp).
    @ivar extent: the largest extent of reordering (RFC 4737 4.2.2), 0 without any.
    @ivar n: the largest n for which a first copy is n-reordered (RFC 4737 5): the n first copies
        that arrived before it have greater numbers. 0 without any.
    """

    __slots__ = (
        "_at",
        "_ends",
        "_floor",
        "_most",
        "_next",
        "_spans",
        "_starts",
        "_tops",
        "extent",
        "extra",
        "first",
        "n",
        "outside",
        "reordered",
    )

    def __init__(self, most: int = GAPS) -> None:
        """
        @param most: how many ranges of missing numbers are kept; the oldest go.
        """
        self._most = most
        self._next = 0  # NextExp: one above the greatest number so far
        self._floor = 0  # what is known of the numbers below has been given up
        # The missing ranges, rising: where each begins, ends (exclusive), and the place in the
        # order of arrival of the packet that jumped over it.
        self._starts = array("I")
        self._ends = array("I")
        self._at = array("Q")
        # What a missing number would be measured against to tell its n, if it came now: for each
        # stretch between missing ranges, its last arrival's number, and of how many arrivals it is
        # the least since the one below it.
        self._tops = array("I")
        self._spans = array("Q")
        self.first = self.extra = self.outside = 0
        self.reordered = self.extent = self.n = 0

    def add(self, number: int) -> Arrival:
        """
        A packet has arrived.
        """
        if number == self._next and not self._starts:
            # what a good path does all the time
            self._next = number + 1
            self._rises(number)
            return "first"
        if number >= self._next:
            if number > self._next:
                self._jump(self._next, number)
            self._next = number + 1
            self._rises(number)
            return "first"
        at = bisect_right(self._starts, number) - 1
        if at >= 0 and number < self._ends[at]:
            self._late(number, at)
            return "first"
        if number < self._floor:
            self.outside += 1
            return "outside"
        self.extra += 1
        return "extra"

    def _jump(self, start: int, end: int) -> None:
        self._starts.append(start)
        self._ends.append(end)
        self._at.append(self.first)
        self._bound()

    def _bound(self) -> None:
        """
        Give up the oldest range, if there are too many.
        """
        if len(self._starts) <= self._most:
            return
        self._floor = self._ends[0]
        del self._starts[0], self._ends[0], self._at[0]
        while len(self._tops) > 1 and self._tops[1] < self._floor:
            del self._tops[0], self._spans[0]

    def _rises(self, number: int) -> None:
        """
        A first copy whose number is the greatest so far.
        """
        self.first += 1
        tops, spans = self._tops, self._spans
        if tops and not (self._starts and self._starts[-1] > tops[-1]):
            tops[-1] = number
            spans[-1] += 1
        else:
            tops.append(number)
            spans.append(1)

    def _late(self, number: int, at: int) -> None:
        """
        A first copy that was missing.

        @param at: in which range.
        """
        starts, ends = self._starts, self._ends
        self.reordered += 1
        self.extent = max(self.extent, self.first - self._at[at])
        self.first += 1
        if number == starts[at] and number + 1 == ends[at]:
            del starts[at], ends[at], self._at[at]
            below = at - 1
        elif number == starts[at]:
            starts[at] += 1
            below = at - 1
        else:
            if number + 1 < ends[at]:
                starts.insert(at + 1, number + 1)
                ends.insert(at + 1, ends[at])
                self._at.insert(at + 1, self._at[at])
            ends[at] = number
            below = at
        tops, spans = self._tops, self._spans
        n = 0
        while tops and tops[-1] > number:
            n += spans.pop()
            tops.pop()
        self.n = max(self.n, n)
        if tops and not (below >= 0 and starts[below] > tops[-1]):
            tops[-1] = number
            spans[-1] += n + 1
        else:
            tops.append(number)
            spans.append(n + 1)
        self._bound()

    @property
    def floor(self) -> int:
        """
        The first number of which it is still known whether it has arrived.
        """
        return self._floor

    @property
    def next(self) -> int:
        """
        One above the greatest number that has arrived.
        """
        return self._next

    def bitmap(self, start: int, octets: int) -> bytes:
        """
        Whether each of the numbers from C{start} on has arrived, a bit each, the most significant
        bit of an octet first. Of those that are not known any more it says that they have not.
        """
        bits = bytearray(octets)
        last = min(start + 8 * octets, self._next)
        first = max(start, self._floor)
        at = max(0, bisect_right(self._starts, first) - 1)
        while first < last and at < len(self._starts):
            _set(bits, first - start, min(last, self._starts[at]) - start)
            first = max(first, self._ends[at])
            at += 1
        _set(bits, first - start, last - start)
        return bytes(bits)


def _set(bits: bytearray, first: int, last: int) -> None:
    """
    Set the bits from C{first} to C{last}, exclusive; the first of an octet is its most significant.
    """
    if first >= last:
        return
    start, end = first >> 3, last >> 3
    head, tail = 0xFF >> (first & 7), 0xFF00 >> (last & 7) & 0xFF
    if start == end:
        bits[start] |= head & tail
        return
    bits[start] |= head
    bits[start + 1 : end] = b"\xff" * (end - start - 1)
    if tail:
        bits[end] |= tail
