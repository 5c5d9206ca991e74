"""
Which requests of a run are known to have arrived at a stampreflector: those that were answered, and
those that its reports tell of. Pure.

A report tells of a stretch of requests, a bit for each, and the sender asks for one after the other
until all is known.
"""

from __future__ import annotations

from collections import deque


class Stretches:
    """
    @ivar known: how many requests are known to have arrived.
    """

    def __init__(self, width: int) -> None:
        """
        @param width: of how many requests a report tells, a multiple of 8.
        """
        self.known = 0
        self._width = width
        self._requests = 0
        self._isClosed = False
        # Those known of each stretch, a bit each, the first the most significant; and the stretches
        # in which some are not known.
        self._bits: list[int] = []
        self._open: deque[int] = deque()

    def __len__(self) -> int:
        """
        The number of stretches with requests that are not known to have arrived.
        """
        return len(self._open)

    def sends(self) -> None:
        """
        A further request is sent.
        """
        if not self._requests % self._width:
            self._open.append(len(self._bits))
            self._bits.append(0)
        self._requests += 1

    def close(self) -> None:
        """
        All requests have been sent.
        """
        self._isClosed = True

    def wants(self) -> int:
        """
        With which request the report is to begin that the next packet asks for: in turn the
        stretches in which some are not known to have arrived.
        """
        for _ in range(len(self._open)):
            stretch = self._open.popleft()
            if self._bits[stretch] != self._all(stretch):
                self._open.append(stretch)
                return stretch * self._width
        return 0

    def _all(self, stretch: int) -> int:
        """
        The bits of a stretch whose requests have all arrived.
        """
        width = self._width
        there = min(width, self._requests - stretch * width) if self._isClosed else width
        return ((1 << there) - 1) << width - there

    def arrived(self, request: int) -> None:
        """
        A request was answered.
        """
        stretch, bit = divmod(request, self._width)
        self._learn(stretch, 1 << self._width - 1 - bit)

    def reported(self, start: int, bitmap: bytes) -> None:
        """
        A report has come. One that is not of a stretch of ours tells nothing.
        """
        stretch, rest = divmod(start, self._width)
        if not rest and stretch < len(self._bits) and 8 * len(bitmap) == self._width:
            self._learn(stretch, int.from_bytes(bitmap, "big") & self._all(stretch))

    def _learn(self, stretch: int, arrived: int) -> None:
        new = arrived & ~self._bits[stretch]
        self._bits[stretch] |= new
        self.known += new.bit_count()

    def hasArrived(self, request: int) -> bool:
        """
        Whether a request is known to have arrived.
        """
        stretch, bit = divmod(request, self._width)
        return bool(self._bits[stretch] >> self._width - 1 - bit & 1)
