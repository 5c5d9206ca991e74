"""
The newest events, numbered, for any number of readers.

Pure. Bytes are bounded: old events fall out as new ones come, and whoever reads too late is told
how many they were. Events are kept as the bytes that are sent, in blocks which all readers share.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import NamedTuple

#: How many bytes of events are kept: ten minutes of a busy lesson.
SIZE = 24 << 20

#: Between two events. It is white space to JSON, in whose texts a tab is escaped: no event has one.
SEPARATOR = b",\t"

#: About how many bytes of events make a block.
_BLOCK = 1 << 15

# What a block costs beside its events, about, so that small ones have a bound too.
_OVERHEAD = 256


class _Block(NamedTuple):
    """
    Events that follow each other.

    @ivar first: the number of the first.
    @ivar following: the number of the event after the last.
    """

    first: int
    following: int
    events: bytes


class Slice(NamedTuple):
    """
    Events that follow each other.

    @ivar dropped: how many events before them have fallen out already.
    @ivar events: their texts, with L{SEPARATOR} between them.
    @ivar following: the number of the event after them.
    """

    dropped: int
    events: bytes
    following: int


class EventRing:
    """
    @ivar following: the number of the next event.
    """

    def __init__(self, size: int = SIZE) -> None:
        """
        @param size: how many bytes are kept.
        """
        self.following = 1
        self._block = min(_BLOCK, size // 16)
        self._most = size - self._block
        self._blocks: list[_Block] = []
        self._bytes = 0
        # those of the block that is not made yet
        self._new: list[str] = []
        self._length = 0

    @property
    def first(self) -> int:
        """
        The number of the oldest event that is there; L{following} if there is none.
        """
        return self._blocks[0].first if self._blocks else self.following - len(self._new)

    def add(self, event: str) -> None:
        """
        Add an event, a JSON text. It is there for its readers even if it alone is above the bound.
        """
        self._new.append(event)
        self.following += 1
        self._length += len(event)
        if self._length >= self._block:
            self._make()

    def _make(self) -> None:
        """
        Make a block of the new events.
        """
        events = SEPARATOR.decode().join(self._new).encode()
        self._blocks.append(_Block(self.following - len(self._new), self.following, events))
        self._bytes += len(events) + _OVERHEAD
        self._new.clear()
        self._length = 0
        old = 0
        while self._bytes > self._most and old < len(self._blocks) - 1:
            self._bytes -= len(self._blocks[old].events) + _OVERHEAD
            old += 1
        del self._blocks[:old]

    def read(self, number: int, most: int) -> Slice:
        """
        The events from a number on.

        @param most: about how many bytes of them at most; one event is there in any case.
        """
        if self._new:
            self._make()
        start = min(max(number, self.first), self.following)
        place = bisect_right(self._blocks, start, key=attrgetter("first")) - 1
        following = start
        parts: list[bytes] = []
        length = 0
        while following < self.following and length < most:
            block = self._blocks[place]
            part = block.events
            if following > block.first:  # a page that has come back knows some of these
                part = part.split(SEPARATOR, following - block.first)[-1]
            parts.append(part)
            length += len(part)
            following = block.following
            place += 1
        return Slice(max(0, start - max(1, number)), SEPARATOR.join(parts), following)
