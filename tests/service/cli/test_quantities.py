"""
Quantities as people write them.
"""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.cli import quantities


class QuantityTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        What a person writes is what the service takes.
        """
        for parse, text, value in [
            (quantities.duration, "60", 60.0),
            (quantities.duration, "1.5s", 1.5),
            (quantities.duration, ".5", 0.5),
            (quantities.duration, "20ms", 0.02),
            (quantities.duration, "7us", 7e-6),
            (quantities.duration, "2m", 120.0),
            (quantities.duration, "1h", 3600.0),
            (quantities.duration, "0", 0.0),
            (quantities.size, "65536", 65536),
            (quantities.size, "64KiB", 65536),
            (quantities.size, "1.5MiB", 1572864),
            (quantities.size, "1GiB", 1 << 30),
            (quantities.port, "0", 0),
            (quantities.port, "65535", 65535),
            (quantities.ratio, "10%", 0.1),
            (quantities.ratio, "0%", 0.0),
            (quantities.ratio, "100%", 1.0),
            (quantities.ratio, "0.5%", 0.005),
            (quantities.bitrate, "800bit", 800.0),
            (quantities.bitrate, "1mbit", 1e6),
            (quantities.bitrate, "2.5gbit", 2.5e9),
        ]:
            with self.subTest(text=text):
                self.assertAlmostEqual(parse(text), value)

    def test_refused(self) -> None:
        """
        What is no such quantity is refused, and the message quotes it.
        """
        for parse, texts in [
            (
                quantities.port,
                ["65536", "-1", "x", "", "1e3", "1_000", "٣", "9" * 20],
            ),
            (quantities.whole, ["1.0", "+1", "ten", "9" * 30]),
            (quantities.duration, ["5q", "-1", "s", "", "1 2", "nan", "inf", "1e3", "5S"]),
            (quantities.positiveDuration, ["0", "0ms", "x"]),
            (quantities.size, ["-3", "1.5", "10kb", "MiB", "1 MB"]),
            (quantities.ratio, ["10", "101%", "-1%", "%", "x%"]),
            (quantities.bitrate, ["1", "0bit", "1Mbps", "1MBIT"]),
        ]:
            for text in texts:
                with self.subTest(parse=parse.__name__, text=text):
                    error = self.assertRaises(ValueError, parse, text)
                    self.assertIn(repr(text), str(error))

    def test_unitAskedFor(self) -> None:
        """
        Where a unit is asked for, a bare number is refused.
        """
        self.assertRaises(ValueError, quantities.duration, "20", bare=False)
        self.assertEqual(quantities.duration("20s", bare=False), 20.0)

    @given(st.text(max_size=12))
    def test_nothingElseEscapes(self, text: str) -> None:
        """
        Whatever is typed, it is a quantity or a ValueError: never another exception.
        """
        for parse in (
            quantities.port,
            quantities.duration,
            quantities.size,
            quantities.ratio,
            quantities.bitrate,
        ):
            with contextlib.suppress(ValueError):
                self.assertGreaterEqual(parse(text), 0)

    def test_shown(self) -> None:
        """
        A duration is said as a person would.
        """
        self.assertEqual(quantities.showDuration(60), "60 seconds")
        self.assertEqual(quantities.showDuration(1), "1 second")
        self.assertEqual(quantities.showDuration(0.5), "0.5 seconds")
