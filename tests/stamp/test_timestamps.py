"""
Timestamps and Error Estimates.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate, fromNTP, fromPTP, ntp, ptp

S = 1_000_000_000
TIMES = st.integers(0, 1 << 62)


class TimestampTests(SynchronousTestCase):
    def test_byHand(self) -> None:
        """
        1970 and the half of a second after it, in both formats.
        """
        self.assertEqual(ntp(0), 2_208_988_800 << 32)
        self.assertEqual(ntp(S // 2), (2_208_988_800 << 32) + (1 << 31))
        self.assertEqual(ptp(0), 37 << 32)
        self.assertEqual(ptp(S // 2), (37 << 32) + 500_000_000)

    @given(TIMES)
    def test_back(self, time: int) -> None:
        """
        Not a nanosecond goes astray, in any era.
        """
        self.assertEqual(fromNTP(ntp(time), time + 60 * S), time)
        self.assertEqual(fromPTP(ptp(time), time - 60 * S), time)

    def test_wraps(self) -> None:
        """
        A packet under way when the seconds begin anew, in 2036 and in 2106, takes no 136 years.
        """
        for wrap, to, back in (
            ((1 << 32) - 2_208_988_800, ntp, fromNTP),
            ((1 << 32) - 37, ptp, fromPTP),
        ):
            before, after = wrap * S - S, wrap * S + S
            self.assertEqual(to(wrap * S), 0)
            self.assertEqual(back(to(before), after), before)
            self.assertEqual(back(to(after), before), after)


class ErrorEstimateTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """
        What is seen in the field reads as RFC 4656 4.1.2 has it, and is written back alike.
        """
        table = {
            0x0001: (False, False, 0, 1),
            0x8001: (True, False, 0, 1),
            0x3FFF: (False, False, 63, 255),
            0xC5A0: (True, True, 5, 160),
        }
        for bits, (synchronized, isPTP, scale, multiplier) in table.items():
            estimate = ErrorEstimate(synchronized, isPTP, scale, multiplier)
            self.assertEqual(ErrorEstimate.fromWire(bits), estimate)
            self.assertEqual(estimate.toWire(), bits)

    def test_seconds(self) -> None:
        """
        The multiplier counts units of two to the power of the scale, less 32, seconds.
        """
        self.assertEqual(ErrorEstimate(False, False, 32, 3).seconds, 3.0)
        self.assertEqual(ErrorEstimate(False, False, 22, 1).seconds, 2**-10)

    @given(st.floats(0, 1e6))
    def test_promisesNoMore(self, seconds: float) -> None:
        """
        An error is never said to be smaller than it is, nor larger by more than a hundredth and a
        unit of the field.
        """
        said = ErrorEstimate.of(seconds, True)
        self.assertGreaterEqual(said.seconds, seconds)
        self.assertLessEqual(said.seconds, seconds * 1.01 + 2**-32)
        self.assertTrue(1 <= said.multiplier <= 255 and 0 <= said.scale <= 63)
