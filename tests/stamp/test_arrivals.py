"""
Arrivals: first copies, extra copies, and order.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.arriving import Order, order
from twisted_netdemo.stamp.session.arrivals import GAPS, Arrivals


def counted(arrivals: Arrivals) -> Order:
    """
    What has been counted.
    """
    a = arrivals
    return Order(a.first, a.extra, a.reordered, a.extent, a.n)


class ArrivalsTests(SynchronousTestCase):
    def after(self, *numbers: int) -> Arrivals:
        """
        After these have come.
        """
        arrivals = Arrivals()
        for number in numbers:
            arrivals.add(number)
        return arrivals

    def test_inOrder(self) -> None:
        """
        A stream that comes whole and in order has nothing to show.
        """
        self.assertEqual(counted(self.after(*range(1000))), Order(1000, 0, 0, 0, 0))

    def test_examples(self) -> None:
        """
        Examples that one works out with a pencil: one late packet, a loss, copies, a reversal.
        """
        table = {
            (1, 2, 3, 5, 6, 7, 4, 8, 9, 10): Order(10, 0, 1, 3, 3),
            (0, 2, 3): Order(3, 0, 0, 0, 0),
            (0, 1, 1, 2, 0): Order(3, 2, 0, 0, 0),
            (3, 2, 1, 0): Order(4, 0, 3, 3, 3),
            (0, 3, 1, 4, 2): Order(5, 0, 2, 3, 1),
        }
        for numbers, expected in table.items():
            self.assertEqual(counted(self.after(*numbers)), expected, numbers)

    @given(st.lists(st.integers(0, 40), max_size=120))
    @settings(max_examples=120, deadline=None)
    def test_asDefined(self, numbers: list[int]) -> None:
        """
        Whatever comes in whatever order, the counts are those of the definitions.
        """
        arrivals = self.after(*numbers)
        self.assertEqual(counted(arrivals), order(numbers))
        bits = int.from_bytes(arrivals.bitmap(0, 6), "big")
        self.assertEqual({n for n in range(48) if bits >> (47 - n) & 1}, set(numbers))

    @given(st.lists(st.integers(0, 200), max_size=80), st.integers(0, 220))
    @settings(max_examples=50, deadline=None)
    def test_partOfTheBitmap(self, numbers: list[int], start: int) -> None:
        """
        A sender that asks from any number on gets those bits.
        """
        bits = int.from_bytes(self.after(*numbers).bitmap(start, 4), "big")
        had = {start + n for n in range(32) if bits >> (31 - n) & 1}
        self.assertEqual(had, {n for n in numbers if start <= n < start + 32})

    def test_wideBitmap(self) -> None:
        """
        A bitmap as long as a datagram tells of each of as many gaps as are kept, and its end.
        """
        arrivals = self.after(*range(3, 1001, 2))
        bits = int.from_bytes(arrivals.bitmap(1, 65_000), "big")
        width = 8 * 65_000
        had = {1 + n for n in range(4100) if bits >> (width - 1 - n) & 1}
        self.assertEqual(had, {*range(3, 1001, 2)})
        self.assertEqual(bits & (1 << width - 4100) - 1, 0)
        self.assertEqual(arrivals.bitmap(1 << 32, 4), bytes(4))

    @given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 8))
    @settings(max_examples=50, deadline=None)
    def test_bounded(self, numbers: list[int], most: int) -> None:
        """
        Memory has a bound; beyond it a straggler is counted as one that nobody can tell, and what
        is still known stays right.
        """
        arrivals = Arrivals(most)
        seen: set[int] = set()
        for number in numbers:
            known = number >= arrivals.floor
            kind = arrivals.add(number)
            if known:
                self.assertEqual(kind, "extra" if number in seen else "first")
            seen.add(number)
            self.assertLessEqual(len(arrivals._starts), most)
            self.assertLessEqual(len(arrivals._tops), most + 2)
        self.assertEqual(arrivals.first + arrivals.extra + arrivals.outside, len(numbers))
        bits = int.from_bytes(arrivals.bitmap(0, 40), "big")
        had = {n for n in range(320) if bits >> (319 - n) & 1}
        self.assertEqual(had, {n for n in seen if n >= arrivals.floor})

    def test_memory(self) -> None:
        """
        The most that a session's arrivals take is what the page says.
        """
        arrivals = self.after(*range(0, 4 * GAPS, 2))
        parts = (
            getattr(arrivals, f"_{name}") for name in ("starts", "ends", "at", "tops", "spans")
        )
        self.assertLess(sum(each.itemsize * len(each) for each in parts), 16 * 1024)

    def test_jump(self) -> None:
        """
        A number from the far end of the sequence space costs no more than any other.
        """
        arrivals = self.after(0, 0xFFFFFFFF, 1, 0xFFFFFFFE)
        self.assertEqual(counted(arrivals), Order(4, 0, 2, 2, 1))
