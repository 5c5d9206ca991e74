"""
The sender's record of a run: in bounded memory, and in linear time, whatever the reflector answers.
"""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.reflecting import BEGAN
from twisted_netdemo.stamp.packets.base_packet import Reply
from twisted_netdemo.stamp.packets.run_report import RunReport
from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate, ntp
from twisted_netdemo.stamp.results.evaluation import measured
from twisted_netdemo.stamp.results.measurement import Rejected, Sending
from twisted_netdemo.stamp.session.ledger import Ledger
from twisted_netdemo.stamp.session.stretches import Stretches


class StretchesTests(SynchronousTestCase):
    @given(
        st.integers(1, 100),
        st.lists(st.tuples(st.booleans(), st.integers(0, 120), st.binary(min_size=1, max_size=2))),
    )
    def test_known(self, count: int, told: list[tuple[bool, int, bytes]]) -> None:
        """
        What is known is what was answered or reported, each request once; what is asked for next
        begins a stretch that is not known whole, until there is none.
        """
        stretches, known = Stretches(8), set[int]()
        for _ in range(count):
            stretches.sends()
        stretches.close()
        for isReport, start, bitmap in told:
            if isReport:
                stretches.reported(start, bitmap)
                if start % 8 == 0 and len(bitmap) == 1:
                    known |= {start + n for n in range(8) if bitmap[0] >> 7 - n & 1}
            elif start < count:
                stretches.arrived(start)
                known.add(start)
        known &= {*range(count)}
        self.assertEqual(stretches.known, len(known))
        self.assertEqual({n for n in range(count) if stretches.hasArrived(n)}, known)
        wanted = {stretches.wants() for _ in range(20)}
        self.assertEqual(len(stretches), len({n // 8 for n in range(count) if n not in known}))
        self.assertLessEqual(wanted, {n // 8 * 8 for n in range(count) if n not in known} or {0})


class LedgerTests(SynchronousTestCase):
    def test_worstEstimate(self) -> None:
        """
        Beside the figures is the worst that the reflector has said of its clock in the run.
        """
        ledger = Ledger(1)
        kept, off = ErrorEstimate.of(0.001, True), ErrorEstimate.of(2, False)
        for number, estimate in enumerate((kept, off, kept, ErrorEstimate.of(3, True), kept)):
            sent = ledger.sends(BEGAN)
            bits = estimate.toWire()
            reply = Reply(number, ntp(BEGAN), bits, 5, ntp(BEGAN), sent, ntp(BEGAN), 1, 60)
            ledger.replied(reply, None, BEGAN)
        assert ledger.reflector is not None
        self.assertFalse(ledger.reflector.synchronized)
        self.assertTrue(3 <= ledger.reflector.seconds < 3.03)

    def replies(self, ledger: Ledger, sessions: int, numbers: list[int]) -> None:
        """
        Each request is answered, by so many sessions in turn.
        """
        for n, number in enumerate(numbers):
            sent = ledger.sends(BEGAN)
            report = RunReport(True, False, 1, n % sessions, 1, 0, 0, 0, 0, 0, 0, b"")
            reply = Reply(number, ntp(BEGAN), 1, 5, ntp(BEGAN), sent, ntp(BEGAN), 1, 60)
            ledger.replied(reply, report, BEGAN)

    def test_manySessions(self) -> None:
        """
        A reflector that answers from ever new sessions fills no memory; how the replies were
        ordered is unknown then, but none counts as lost.
        """
        for sessions, isKnown in ((16, True), (200, False)):
            ledger = Ledger(1)
            self.replies(ledger, sessions, [0] * 400)
            ledger.close()
            clock = ErrorEstimate.of(0, True)
            result = measured(ledger, ("192.0.2.1", 862), 1, clock, Sending(), Rejected())
            self.assertEqual((result.received, result.lost), (400, 0))
            self.assertEqual(len(ledger.arrivals), 16)
            self.assertEqual(len(ledger.reports), 16)
            self.assertEqual(result.reorderedDown is not None, isKnown)

    def test_manyGaps(self) -> None:
        """
        Numbers that leave a gap each, in the worst order, take no more than a bound.
        """
        ledger = Ledger(1)
        numbers = [2 * n for n in range(18_000)]
        random.Random(1).shuffle(numbers)
        self.replies(ledger, 1, [50_000, *numbers])
        (arrivals,) = ledger.arrivals.values()
        self.assertLessEqual(len(arrivals._starts), 1 << 14)
        self.assertGreater(ledger.unordered, 0)
