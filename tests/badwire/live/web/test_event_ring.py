"""
Tests of the ring of events.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.web.event_ring import SEPARATOR, EventRing


def read(ring: EventRing, number: int, most: int) -> tuple[int, list[str], int]:
    """
    A slice of a ring, its events one by one.
    """
    dropped, events, following = ring.read(number, most)
    return dropped, events.decode().split(SEPARATOR.decode()) if events else [], following


class RingTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """
        Events are numbered from 1, and read from a number on.
        """
        ring = EventRing()
        self.assertEqual((ring.first, ring.following), (1, 1))
        self.assertEqual(read(ring, 1, 100), (0, [], 1))
        for event in ("a", "b", "c"):
            ring.add(event)
        self.assertEqual(read(ring, 1, 100), (0, ["a", "b", "c"], 4))
        self.assertEqual(read(ring, 3, 100), (0, ["c"], 4))
        self.assertEqual(read(ring, 4, 100), (0, [], 4))
        self.assertEqual(read(ring, 9, 100), (0, [], 4))
        ring.add("d")
        self.assertEqual(read(ring, 2, 100), (0, ["b", "c", "d"], 5))

    def test_parts(self) -> None:
        """
        Much is read in parts, each of one event at least.
        """
        ring = EventRing(1 << 14)  # of blocks of a kilobyte
        events = [letter * 1024 for letter in "abc"]
        for event in events:
            ring.add(event)
        self.assertEqual(read(ring, 1, 1), (0, events[:1], 2))
        self.assertEqual(read(ring, 2, 1025), (0, events[1:], 4))

    def test_shared(self) -> None:
        """
        All readers get the same bytes: sixteen pages that read nothing cost no more than one.
        """
        ring = EventRing()
        for number in range(2000):
            ring.add(f'{{"event": "sent", "n": {number}}}')
        self.assertIs(ring.read(1, 1).events, ring.read(1, 1).events)

    @given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 30_000), st.integers(1, 500))
    def test_bound(self, lengths: list[int], size: int, most: int) -> None:
        """
        Whatever comes, the ring is bounded; a reader gets each event once, in order, or is told how
        many it has missed.
        """
        ring = EventRing(size)
        number, got, missed = 1, 0, 0
        for place, length in enumerate(lengths, 1):
            ring.add(f"{place}:".ljust(length, "."))
            if place % 7 == 0:
                dropped, events, following = read(ring, number, most)
                places = [int(event.partition(":")[0]) for event in events]
                self.assertEqual(places, list(range(number + dropped, following)))
                number, got, missed = following, got + len(events), missed + dropped
        missing, kept, following = read(ring, 1, 1 << 30)
        self.assertEqual((missing + 1, following), (ring.first, len(lengths) + 1))
        # The newest event is there, however long it is.
        self.assertLessEqual(sum(map(len, kept[:-1])), size)
        while number < ring.following:
            dropped, events, number = read(ring, number, most)
            got, missed = got + len(events), missed + dropped
        self.assertEqual(got + missed, len(lengths))
