"""
The newest events of a run, numbered from 1, each as a JSON text.

Pure. The ring has a bound in bytes; the oldest events fall out first, and whoever reads too late is
told how many they were.
"""

from __future__ import annotations

from typing import NamedTuple

#: How many bytes of events are kept: ten minutes of a busy lesson.
SIZE = 24 << 20

#: What an event costs beside its own text, about, so that short ones have a bound too.
_OVERHEAD = 64

# Events that have fallen out stay in the list until there are so many, and more than others.
_SLACK = 1024


class Slice(NamedTuple):
    """
    Events that follow each other.

    @ivar dropped: how many events before them have fallen out already.
    @ivar events: their texts.
    @ivar following: the number of the event after them.
    """

    dropped: int
    events: list[str]
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
        self._size = size
        self._events: list[str] = []
        self._fallen = 0  # how many at the list's beginning
        self._bytes = 0

    @property
    def first(self) -> int:
        """
        The number of the oldest event that is there; L{following} if there is none.
        """
        return self.following - len(self._events) + self._fallen

    def add(self, event: str) -> None:
        """
        Add an event. It is there for its readers even if it alone is above the bound.
        """
        self._events.append(event)
        self._bytes += len(event) + _OVERHEAD
        self.following += 1
        while self._bytes > self._size and self._fallen < len(self._events) - 1:
            self._bytes -= len(self._events[self._fallen]) + _OVERHEAD
            self._events[self._fallen] = ""
            self._fallen += 1
        if self._fallen > max(_SLACK, len(self._events) // 2):
            del self._events[: self._fallen]
            self._fallen = 0

    def read(self, number: int, most: int) -> Slice:
        """
        The events from a number on.

        @param most: about how many bytes of them at most; one event is there in any case.
        """
        start = min(max(number, self.first), self.following)
        place = start - self.following + len(self._events)
        taken: list[str] = []
        length = 0
        while place < len(self._events) and length < most:
            taken.append(self._events[place])
            length += len(taken[-1])
            place += 1
        return Slice(max(0, start - max(1, number)), taken, start + len(taken))

    def all(self) -> list[str]:
        """
        All events that are there.
        """
        return self._events[self._fallen :]
