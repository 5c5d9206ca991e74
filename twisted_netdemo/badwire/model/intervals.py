"""
The intervals of a stream that have arrived. Pure.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter

#: The number of islands that are remembered. The furthest ones are forgotten first.
ISLANDS = 10_000

# The first byte of an island, and the byte after its last.
_first, _last = itemgetter(0), itemgetter(1)


class Intervals:
    """
    The bytes of a stream that have arrived: all before L{expected}, and islands after it.

    @ivar expected: the first missing byte.
    """

    def __init__(self) -> None:
        self.expected = 0
        self._islands: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> tuple[str, int]:
        """
        Take the bytes from C{start} up to C{end}, which is excluded.

        @return: C{delivered}, C{held} or C{ignored}, and how many bytes that arrived earlier can be
            delivered as well now.
        """
        if end <= self.expected:
            return "ignored", 0
        if start > self.expected:
            return ("held" if self._keep(start, end) else "ignored"), 0
        self.expected = end
        # Islands neither touch nor overlap: only the last of these may reach further.
        reached = bisect_right(self._islands, end, key=_first)
        if reached:
            self.expected = max(end, self._islands[reached - 1][1])
            del self._islands[:reached]
        return "delivered", self.expected - end

    @property
    def furthest(self) -> int:
        """
        The number after the last byte that has arrived.
        """
        return self._islands[-1][1] if self._islands else self.expected

    def _keep(self, start: int, end: int) -> bool:
        """
        Keep an island.

        @return: whether it had new bytes, and there was room for it.
        """
        first = bisect_left(self._islands, start, key=_last)
        last = bisect_right(self._islands, end, key=_first)
        if first < last:
            known = self._islands[first]
            if known[0] <= start and end <= known[1]:
                return False
            start, end = min(start, known[0]), max(end, self._islands[last - 1][1])
        elif first == ISLANDS:
            return False
        self._islands[first:last] = [(start, end)]
        del self._islands[ISLANDS:]
        return True
