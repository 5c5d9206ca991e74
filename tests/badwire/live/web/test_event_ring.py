"""
Tests of the ring of events.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.web.event_ring import EventRing


class RingTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """
        Events are numbered from 1, and read from a number on.
        """
        ring = EventRing()
        self.assertEqual((ring.first, ring.following), (1, 1))
        for event in ("a", "b", "c"):
            ring.add(event)
        self.assertEqual(ring.read(1, 100), (0, ["a", "b", "c"], 4))
        self.assertEqual(ring.read(3, 100), (0, ["c"], 4))
        self.assertEqual(ring.read(4, 100), (0, [], 4))
        self.assertEqual(ring.read(9, 100), (0, [], 4))
        self.assertEqual(ring.all(), ["a", "b", "c"])

    def test_parts(self) -> None:
        """
        Much is read in parts, each of one event at least.
        """
        ring = EventRing()
        for event in ("aaaa", "bb", "cc"):
            ring.add(event)
        self.assertEqual(ring.read(1, 1), (0, ["aaaa"], 2))
        self.assertEqual(ring.read(2, 3), (0, ["bb", "cc"], 4))

    @given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 3000), st.integers(1, 500))
    def test_bound(self, lengths: list[int], size: int, most: int) -> None:
        """
        Whatever comes, the ring is bounded; a reader gets each event once, in order, or is told how
        many it has missed.
        """
        ring = EventRing(size)
        number, read, missed = 1, 0, 0
        for place, length in enumerate(lengths, 1):
            ring.add(f"{place}:".ljust(length, "."))
            kept = ring.all()
            self.assertTrue(sum(map(len, kept)) <= size or len(kept) == 1)
            self.assertEqual(len(kept), ring.following - ring.first)
            if place % 7 == 0:
                dropped, events, following = ring.read(number, most)
                places = [int(event.partition(":")[0]) for event in events]
                self.assertEqual(places, list(range(number + dropped, following)))
                number, read, missed = following, read + len(events), missed + dropped
        while number < ring.following:
            dropped, events, number = ring.read(number, most)
            read, missed = read + len(events), missed + dropped
        self.assertEqual(read + missed, len(lengths))
