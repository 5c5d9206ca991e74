"""
One direction of a link: when things leave, and in which order.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds.reorder import FAULT as REORDER
from twisted_netdemo.faults.link import OVERHEAD, FlowQueue, Link
from twisted_netdemo.faults.model import Conditions, Fate, outcomeOf


def fate(delay: float = 0.0, isReordered: bool = False) -> Fate:
    return Fate(1, outcomeOf([REORDER] if isReordered else []), delay, 0)


def run(link: Link[int], until: float = 1e9) -> list[tuple[float, int]]:
    """
    Let everything leave: when and what.
    """
    left = []
    while (when := link.next()) is not None and when <= until:
        left += [(round(when, 9), packet) for packet in link.due(when)]
    return left


def reordered(count: int, held: Sequence[int], gap: int) -> list[int]:
    """
    The order that a reader of the documentation would work out with pencil and paper, all packets
    setting out before the hold ends and more than enough following.
    """
    order: list[int] = []
    waiting: dict[int, int] = {}
    for n in range(count):
        if n in held:
            waiting[n] = gap
            continue
        order.append(n)
        for early in sorted(waiting):
            waiting[early] -= 1
            if not waiting[early]:
                order.append(early)
                del waiting[early]
    return order + sorted(waiting)


class Delays(SynchronousTestCase):
    """
    Each packet takes its time; none overtakes by it.
    """

    def test_delay(self) -> None:
        """
        A packet leaves when its delay is over, not before.
        """
        link: Link[int] = Link(Conditions(Impairments()))
        flow = link.flow()
        self.assertTrue(link.enter(flow, 1, 100, fate(0.02), 5.0))
        self.assertEqual((link.octets, len(flow)), (100 + OVERHEAD, 1))
        self.assertEqual(link.next(), 5.02)
        self.assertEqual(link.due(5.0199), [])
        self.assertEqual(link.due(5.02), [1])
        self.assertIsNone(link.next())
        self.assertEqual((link.octets, len(flow)), (0, 0))

    def test_atOnce(self) -> None:
        """
        Without a delay it leaves at once.
        """
        link: Link[int] = Link(Conditions(Impairments()))
        link.enter(link.flow(), 1, 100, fate(), 5.0)
        self.assertEqual(link.due(5.0), [1])

    def test_jitterKeepsTheOrder(self) -> None:
        """
        A short delay after a long one waits for it.
        """
        link: Link[int] = Link(Conditions(Impairments()))
        flow = link.flow()
        for n, delay in enumerate((0.05, 0.01, 0.06)):
            link.enter(flow, n, 100, fate(delay), n * 0.001)
        self.assertEqual(run(link), [(0.05, 0), (0.05, 1), (0.062, 2)])

    def test_conversationsDoNotWaitForEachOther(self) -> None:
        """
        One client's long delay does not delay other clients, and all leave in the order of time.
        """
        link: Link[int] = Link(Conditions(Impairments()))
        one, other = link.flow(), link.flow()
        link.enter(one, 1, 100, fate(0.05), 0.0)
        link.enter(one, 2, 100, fate(0.07), 0.0)
        link.enter(other, 3, 100, fate(0.01), 0.001)
        link.enter(other, 4, 100, fate(0.059), 0.001)
        self.assertEqual(link.due(1.0), [3, 1, 4, 2])

    def test_aFewAtATime(self) -> None:
        """
        The packets that are due can be taken in parts, so that a flood does not delay others.
        """
        link: Link[int] = Link(Conditions(Impairments()))
        flow = link.flow()
        for n in range(10):
            link.enter(flow, n, 1, fate(0.01), n * 0.001)
        self.assertEqual(link.due(1.0, 4), [0, 1, 2, 3])
        self.assertEqual(link.next(), 0.014)
        self.assertEqual(link.due(1.0), [4, 5, 6, 7, 8, 9])

    def test_emptyOnesAreBounded(self) -> None:
        """
        A flood of empty datagrams under way is bounded too: each takes memory.
        """
        link: Link[int] = Link(Conditions(Impairments()), limit=10 * OVERHEAD)
        flow = link.flow()
        entered = [link.enter(flow, n, 0, fate(1.0), 0.0) for n in range(12)]
        self.assertEqual(entered, [True] * 10 + [False] * 2)

    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 9))))
    def test_order(self, packets: list[tuple[int, int, int]]) -> None:
        """
        Whatever the delays, each packet leaves once, in its conversation's order and not early.
        """
        link: Link[int] = Link(Conditions(Impairments()))
        flows = [link.flow() for _ in range(3)]
        now = 0.0
        earliest = {}
        for n, (flow, delay, pause) in enumerate(packets):
            now += pause / 1000
            link.enter(flows[flow], n, 10, fate(delay / 1000), now)
            earliest[n] = now + delay / 1000
        left = run(link)
        self.assertEqual(sorted(n for _, n in left), list(range(len(packets))))
        for index in range(3):
            mine = [n for _, n in left if packets[n][0] == index]
            self.assertEqual(mine, sorted(mine))
        self.assertEqual([when for when, _ in left], sorted(when for when, _ in left))
        self.assertTrue(all(when >= earliest[n] - 1e-9 for when, n in left))
        self.assertEqual(link.octets, 0)


class Reordering(SynchronousTestCase):
    """
    A reordered packet leaves right after so many later ones, or when its time is up.
    """

    def enter(self, link: Link[int], flow: FlowQueue[int], held: Sequence[int], count: int) -> None:
        for n in range(count):
            link.enter(flow, n, 10, fate(isReordered=n in held), n * 0.001)

    def test_gap(self) -> None:
        """
        The second of six leaves right after the fifth, at that very time.
        """
        link: Link[int] = Link(Conditions(Impairments(gap=3)))
        self.enter(link, link.flow(), [1], 6)
        self.assertEqual(
            run(link), [(0.0, 0), (0.002, 2), (0.003, 3), (0.004, 4), (0.004, 1), (0.005, 5)]
        )

    def test_hold(self) -> None:
        """
        Where not enough follow, it leaves after the hold: the last one of a conversation, say.
        """
        link: Link[int] = Link(Conditions(Impairments(gap=3, hold=0.04)))
        self.enter(link, link.flow(), [1], 3)
        self.assertEqual(run(link), [(0.0, 0), (0.002, 2), (0.041, 1)])

    def test_othersDoNotCount(self) -> None:
        """
        Another client's packets are not later ones.
        """
        link: Link[int] = Link(Conditions(Impairments(gap=1)))
        one, other = link.flow(), link.flow()
        link.enter(one, 1, 10, fate(isReordered=True), 0.0)
        link.enter(other, 2, 10, fate(), 0.001)
        link.enter(one, 3, 10, fate(), 0.002)
        self.assertEqual(run(link), [(0.001, 2), (0.002, 3), (0.002, 1)])

    def test_all(self) -> None:
        """
        Where every packet is held, each leaves after the hold, and none is held for ever.
        """
        link: Link[int] = Link(Conditions(Impairments(gap=3, hold=1.0)))
        self.enter(link, link.flow(), range(3), 3)
        self.assertEqual(run(link), [(1.0, 0), (1.001, 1), (1.002, 2)])

    @given(st.integers(1, 5), st.sets(st.integers(0, 29)), st.integers(0, 30))
    def test_model(self, gap: int, held: set[int], count: int) -> None:
        """
        The order is the one that pencil and paper give.
        """
        link: Link[int] = Link(Conditions(Impairments(gap=gap)))
        self.enter(link, link.flow(), sorted(held), count)
        left = [n for _, n in run(link)]
        self.assertEqual(left, reordered(count, sorted(held), gap))


class Bottlenecks(SynchronousTestCase):
    """
    C{--rate} and C{--queue} behave as a bottleneck does.
    """

    def test_rate(self) -> None:
        """
        1,000 octets take 8 ms at 1 Mbit/s; later packets of any client wait their turn;
        then comes the delay.
        """
        link: Link[int] = Link(Conditions(Impairments(rate=1e6)))
        link.enter(link.flow(), 0, 1000, fate(0.02), 0.0)
        link.enter(link.flow(), 1, 500, fate(0.02), 0.001)
        link.enter(link.flow(), 2, 1000, fate(0.02), 1.0)
        self.assertEqual(run(link), [(0.028, 0), (0.032, 1), (1.028, 2)])

    def test_tailDrop(self) -> None:
        """
        With a queue of 2, one is on the line, two wait, the fourth is dropped; a place is free
        once the first is through.
        """
        link: Link[int] = Link(Conditions(Impairments(rate=1e6, queue=2)))
        flow = link.flow()
        entered = [link.enter(flow, n, 1000, fate(), 0.0) for n in range(4)]
        self.assertEqual(entered, [True, True, True, False])
        self.assertFalse(link.enter(flow, 4, 1000, fate(), 0.0079))
        self.assertTrue(link.enter(flow, 5, 1000, fate(), 0.0081))
        self.assertEqual(run(link), [(0.008, 0), (0.016, 1), (0.024, 2), (0.032, 5)])

    def test_noQueue(self) -> None:
        """
        C{--queue 0}: a packet that comes while the line is busy is dropped.
        """
        link: Link[int] = Link(Conditions(Impairments(rate=1e6, queue=0)))
        flow = link.flow()
        self.assertTrue(link.enter(flow, 0, 1000, fate(), 0.0))
        self.assertFalse(link.enter(flow, 1, 1000, fate(), 0.007))
        self.assertTrue(link.enter(flow, 2, 1000, fate(), 0.0081))

    def test_bounded(self) -> None:
        """
        A long delay under a flood does not fill the memory: packets beyond the limit are dropped.
        """
        link: Link[int] = Link(Conditions(Impairments()), limit=2 * (1000 + OVERHEAD))
        flow = link.flow()
        entered = [link.enter(flow, n, 1000, fate(60.0), 0.0) for n in range(3)]
        self.assertEqual(entered, [True, True, False])
        link.due(60.0)
        self.assertTrue(link.enter(flow, 3, 1000, fate(60.0), 60.0))


class Change(SynchronousTestCase):
    """
    The conditions change while packets are under way.
    """

    def test_rate(self) -> None:
        """
        Packets that have entered keep their times; later ones take as long as the new rate says,
        and queue behind them.
        """
        conditions = Conditions(Impairments(rate=800, queue=9))
        link: Link[int] = Link(conditions)
        flow = link.flow()
        link.enter(flow, 0, 100, fate(), 0.0)
        conditions.change(Impairments(rate=8000, queue=1))
        self.assertTrue(link.enter(flow, 1, 100, fate(), 0.0))
        self.assertFalse(link.enter(flow, 2, 100, fate(), 0.0))
        conditions.change(Impairments(delay=0.01))
        self.assertFalse(link.isOpen(flow, fate()))
        self.assertTrue(link.isOpen(link.flow(), fate()))
        link.enter(flow, 3, 100, fate(0.01), 0.5)
        self.assertEqual(run(link), [(1.0, 0), (1.1, 1), (1.1, 3)])

    def test_gap(self) -> None:
        """
        Packets that are held leave in their order, even if a later one has less to wait for.
        """
        conditions = Conditions(Impairments(gap=3, hold=1.0))
        link: Link[int] = Link(conditions)
        flow = link.flow()
        link.enter(flow, 0, 1, fate(isReordered=True), 0.0)
        self.assertEqual(link.due(0.0), [])
        conditions.change(Impairments(gap=1, hold=0.1))
        link.enter(flow, 1, 1, fate(isReordered=True), 0.0)
        self.assertEqual(link.due(0.5), [])
        for n in (2, 3, 4):
            link.enter(flow, n, 1, fate(), 0.6)
        self.assertEqual(link.due(0.6), [2, 3, 4, 0, 1])
