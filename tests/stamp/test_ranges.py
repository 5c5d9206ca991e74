"""
What a sender says about reflectors that are not ours: the truth is always within it.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.arriving import order
from tests.stamp.drawn import Another, Copies, Drawn
from tests.stamp.reflecting import ERROR
from twisted_netdemo.stamp.packets.base_packet import parseRequest
from twisted_netdemo.stamp.reflector.session_reflector import SessionReflector
from twisted_netdemo.stamp.reflector.sessions import Sessions
from twisted_netdemo.stamp.results.directions import Count
from twisted_netdemo.stamp.results.measurement import Reordering
from twisted_netdemo.stamp.sender.settings import Settings
from twisted_netdemo.stamp.session.kernel_clock import ClockError
from twisted_netdemo.testing import MemoryPort

COUNT = 12
RUN = Settings(count=COUNT, interval=0.002, timeout=0.5)

#: The fate of each packet: its copies, with delays that disorder them.
FATES: st.SearchStrategy[list[Copies]] = st.lists(
    st.lists(st.integers(1, 12), max_size=3), max_size=2 * COUNT
)
LOST: Copies = ()


class Truth:
    """
    What became of the requests.
    """

    def __init__(self, path: Drawn) -> None:
        there = [n for n in path.there if n < COUNT]
        back = [(number, n) for number, n in path.back if n < COUNT]
        self.arrived = set(there)
        self.answered = {n for _, n in back}
        self.lossUp = COUNT - len(self.arrived)
        self.lossDown = len(self.arrived - self.answered)
        self.duplicatesUp = len(there) - len(self.arrived)
        self.duplicatesDown = len(back) - len(set(back))
        self.orderUp = order(there)
        self.orderDown = order([number for number, _ in back])


def isIn(value: int, count: Count) -> bool:
    """
    Whether a range has room for it; nothing is claimed by C{None}.
    """
    if count is None:
        return True
    return count[0] <= value <= count[1] if isinstance(count, tuple) else value == count


def ours(sessions: Sessions | None) -> object:
    """
    Our reflector, as a function.
    """
    from twisted.internet.task import Clock

    port = MemoryPort(number=862)
    reflector = SessionReflector(
        Clock(), sessions, isBroadcast=lambda host: False, clockError=ClockError(lambda: ERROR)
    )
    reflector.started(port)

    def reflect(data: bytes, now: int) -> bytes | None:
        reflector.datagramsReceived([(data, ("192.0.2.1", 40000), ("192.0.2.2", 60, 0), now)])
        return port.sent.pop()[0] if port.sent else None

    return reflect


class OursTests(SynchronousTestCase):
    @given(FATES, FATES)
    @settings(max_examples=30, deadline=None)
    def test_exact(self, up: list[Copies], down: list[Copies]) -> None:
        """
        With our reflector every count is the truth's, whatever befalls whichever packet.
        """
        path = Drawn(ours(Sessions()), RUN, up, down)  # type: ignore[arg-type]  # a function
        result = path.run()
        truth, ways = Truth(path), result.directions
        if ways.kind != "ours" or ways.undecided:
            # the fates drawn are many more than requests: they may have eaten all closing packets
            self.assertGreater(len(up) + len(down), COUNT)
            return
        self.assertEqual((ways.lossUp, ways.lossDown), (truth.lossUp, truth.lossDown))
        self.assertEqual(ways.duplicatesDown, truth.duplicatesDown)
        self.assertEqual(ways.duplicatesUp, truth.duplicatesUp)
        for got, (first, _, count, extent, n) in (
            (result.reorderedUp, truth.orderUp),
            (result.reorderedDown, truth.orderDown),
        ):
            if got is None:  # not one answer came
                self.assertEqual(truth.answered, set())
            else:
                self.assertEqual(got, Reordering(count, count / first if first else 0, extent, n))

    def test_stateless(self) -> None:
        """
        With a stateless one of ours, only the round trip's loss is claimed.
        """
        path = Drawn(ours(None), RUN, [LOST, (1, 1)], [LOST])  # type: ignore[arg-type]  # a function
        result = path.run()
        ways = result.directions
        self.assertEqual((ways.kind, result.lost, ways.undecided), ("stateless", 1, 1))
        self.assertEqual((ways.lossUp, ways.lossDown), (None, None))
        self.assertEqual((ways.duplicatesUp, ways.duplicatesDown), (None, None))
        self.assertEqual((result.reorderedUp, result.reorderedDown), (None, None))


class OthersTests(SynchronousTestCase):
    @given(FATES, FATES, st.booleans())
    @settings(max_examples=50, deadline=None)
    def test_within(self, up: list[Copies], down: list[Copies], stateful: bool) -> None:
        """
        With another's reflector the truth is within each range, and what is given as one number is
        the truth.
        """
        path = Drawn(Another(stateful), RUN, up, down)
        result = path.run()
        truth, ways = Truth(path), result.directions
        self.assertEqual(result.lost, COUNT - len(truth.answered))
        self.assertTrue(isIn(truth.lossUp, ways.lossUp))
        self.assertTrue(isIn(truth.lossDown, ways.lossDown))
        self.assertTrue(isIn(truth.duplicatesUp, ways.duplicatesUp))
        self.assertTrue(isIn(truth.duplicatesDown, ways.duplicatesDown))
        self.assertIsNone(result.reorderedUp)
        if result.reorderedDown is not None:
            first, _, count, extent, n = truth.orderDown
            self.assertEqual(result.reorderedDown, Reordering(count, count / first, extent, n))
        if not stateful:
            self.assertEqual(ways.kind, "stateless")

    def said(self, up: list[Copies], down: list[Copies]) -> tuple[Count, Count, Count, int]:
        """
        Losses up and down, duplicates up, and how many requests are undecided.
        """
        ways = Drawn(Another(), RUN, up, down).run().directions
        self.assertEqual(ways.kind, "stateful")
        return ways.lossUp, ways.lossDown, ways.duplicatesUp, ways.undecided

    def test_formulas(self) -> None:
        """
        With A requests unanswered, K numbers unseen and D copies seen, ranges are as documented.
        """
        fine: Copies = (1,)
        # A = 2, K = 0: what is lost was lost on the way there
        self.assertEqual(self.said([LOST, LOST], []), (2, 0, 0, 0))
        # A = 2, K = 1: one up, one down; or two up and a copy whose answer was lost
        self.assertEqual(self.said([LOST], [LOST]), ((1, 2), (0, 1), (0, 1), 2))
        # A = 0, K = 1: it can but have been a copy
        self.assertEqual(self.said([fine, (1, 1)], [fine, LOST]), (0, 0, 1, 0))
        # but for the first number, which may have been an earlier run's
        self.assertEqual(self.said([(1, 1)], [LOST]), (0, 0, (0, 1), 0))
        # A = 0, K = 0, D = 1
        self.assertEqual(self.said([(1, 1)], []), (0, 0, 1, 0))
        # nothing at all: the copy of a closing packet tells that it counts
        self.assertEqual(self.said([], []), (0, 0, 0, 0))
        # A = K, all numbers equal: still a reflector that counts
        self.assertEqual(self.said([], [fine, LOST]), ((0, 1), (0, 1), (0, 1), 1))

    def test_earlierRun(self) -> None:
        """
        A session in which an earlier run from the same port had a hundred numbers has no hundred
        copies.
        """
        another = Another()
        another._number = 100
        ways = Drawn(another, RUN, [LOST], []).run().directions
        self.assertEqual(ways.kind, "stateful")
        self.assertEqual((ways.lossUp, ways.lossDown), ((0, 1), (0, 1)))
        self.assertEqual(ways.duplicatesUp, (0, 100))

    def test_restarted(self) -> None:
        """
        Of a reflector that began to count anew in the run, nothing is claimed that depends on its
        numbers.
        """
        another = Another()

        def reflect(data: bytes, now: int) -> bytes:
            if parseRequest(data).number == 6:
                another._number = 0
            return another(data, now)

        result = Drawn(reflect, RUN, [LOST], []).run()
        ways = result.directions
        self.assertEqual(ways.kind, "stateful")
        self.assertIsNone(result.reorderedDown)
        self.assertEqual((ways.lossUp, ways.lossDown, ways.duplicatesUp), (None, None, None))
        self.assertEqual(ways.undecided, 1)

    def test_noClosingAnswered(self) -> None:
        """
        Where no closing packet is answered, what depends on unseen numbers is open.
        """
        up: list[Copies] = [LOST] + [(1,)] * (COUNT - 1) + [LOST] * 100
        ways = Drawn(Another(), RUN, up, []).run().directions
        self.assertEqual((ways.lossUp, ways.lossDown, ways.duplicatesUp), (None, None, None))
        self.assertEqual(ways.undecided, 1)
