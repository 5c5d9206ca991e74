"""
The figures, and how they are shown.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from tests.schemas import assertConforms
from tests.stamp.drawn import Another, Copies, Drawn
from tests.stamp.path import Path
from tests.stamp.test_oracle import BAD
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.stamp.results.document import document
from twisted_netdemo.stamp.results.measurement import Measurement, Rejected, Sending
from twisted_netdemo.stamp.results.outputs import cannotWrite, writeWhole
from twisted_netdemo.stamp.results.plot import darkName, pictures
from twisted_netdemo.stamp.results.quantiles import jitter, quantiles
from twisted_netdemo.stamp.results.terminal import histogram, report, strip
from twisted_netdemo.stamp.sender.settings import Settings

LOST: Copies = ()


def measured(count: int = 300) -> Measurement:
    """
    Over a bad path, with our reflector.
    """
    return Path({"up": BAD, "down": BAD}, 1, Settings(count=count, interval=0.001)).run()


class QuantileTests(SynchronousTestCase):
    def test_byHand(self) -> None:
        """
        A quantile is one of the values.
        """
        figures = quantiles([n * 1000 for n in range(1, 1001)])
        assert figures is not None
        self.assertEqual(
            (figures.min, figures.p50, figures.p90, figures.p99, figures.p999, figures.max),
            (1, 500, 900, 990, 999, 1000),
        )
        self.assertEqual(figures.mean, 500.5)
        self.assertIsNone(quantiles([]))

    @given(st.lists(st.integers(-(10**12), 10**12), min_size=1))
    def test_any(self, values: list[int]) -> None:
        """
        They rise, and are within the values; a negative one stays as it is.
        """
        q = quantiles(values)
        assert q is not None
        self.assertEqual((q.min, q.max), (min(values) / 1000, max(values) / 1000))
        self.assertTrue(q.min <= q.p50 <= q.p90 <= q.p99 <= q.p999 <= q.max)
        self.assertApproximates(q.mean, mean(values) / 1000, 0.001)

    def test_jitter(self) -> None:
        """
        RFC 3550's sixteenths, worked out by hand.
        """
        self.assertEqual(jitter([5000, 21_000, 5000]), (1000 + (16_000 - 1000) / 16) / 1000)
        self.assertEqual(jitter([7000, 7000]), 0)
        self.assertIsNone(jitter([7000]))


class DocumentTests(SynchronousTestCase):
    def test_schema(self) -> None:
        """
        What is written is as the schema says: with our reflector, with others, and with nothing.
        """
        few = Settings(count=5)
        for result in (
            measured(),
            Drawn(Another(), few, [LOST], [LOST]).run(),
            Drawn(Another(stateful=False, length=38), few, [LOST]).run(),
            Drawn(lambda data, now: None, Settings(count=2)).run(),
        ):
            for packets in (False, True):
                written = json.loads(json.dumps(document(result, packets), allow_nan=False))
                assertConforms(self, "stampsender", written)
                self.assertEqual("packets" in written, packets)
                self.assertEqual(
                    written["sent"],
                    written["received"] + written["late"] + written["loss"]["round_trip"],
                )

    def test_values(self) -> None:
        """
        A range is two numbers, what cannot be known is null.
        """
        written = document(Drawn(Another(), Settings(count=5), [LOST], [LOST]).run(), packets=True)
        self.assertEqual(
            written["loss"], {"up": [1, 2], "down": [0, 1], "undecided": 2, "round_trip": 2}
        )
        self.assertEqual(written["duplicates"], {"up": [0, 1], "down": 0})
        self.assertIsNone(written["reordered"]["up"])
        self.assertIsNone(written["loss_runs"]["up"])
        fates = [each["fate"] for each in written["packets"]]
        self.assertEqual(fates, ["undecided", "undecided", "received", "received", "received"])

    def test_runs(self) -> None:
        """
        Runs of losses are those of each way.
        """
        path = Path({"up": Impairments(), "down": Impairments()}, 1, Settings(count=9))
        result = path.run()
        self.assertEqual((result.lossRunsUp, result.lossRunsDown), ((), ()))
        bad = measured()
        assert bad.lossRunsUp is not None
        assert bad.lossRunsDown is not None
        self.assertEqual(
            (sum(bad.lossRunsUp), sum(bad.lossRunsDown)),
            (bad.directions.lossUp, bad.directions.lossDown),
        )


class ReportTests(SynchronousTestCase):
    def test_oneScreen(self) -> None:
        """
        A report fits a terminal of 24 lines of 80, also where much has gone wrong.
        """
        text = report(measured(1000))
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 79, text)
        for rfc in (2681, 3357, 3550, 4737, 5481, 5560, 7679, 7680):
            self.assertIn(f"RFC {rfc}", text)

    def test_ranges(self) -> None:
        """
        What the wire leaves open is a range, or unknown.
        """
        text = report(Drawn(Another(), Settings(count=5), [LOST], [LOST]).run())
        self.assertRegex(text, r"lost +1 to 2 +0 to 1 +2 \(40.00 %\)")
        self.assertRegex(text, r"duplicates +0 to 1 +0 ")
        self.assertRegex(text, r"reordered +unknown +0 ")

    def test_nothing(self) -> None:
        """
        Where nothing came back it says what that may mean, and shows no figures.
        """
        result = Drawn(lambda data, now: None, Settings(count=2)).run()
        text = report(result)
        self.assertIn("Nothing came back.", text)
        self.assertNotIn("RFC", text)
        self.assertIn("another key", " ".join(report(result, isKeyed=True).split()))
        keyed = Drawn(lambda data, now: bytes(216), Settings(count=2, key=b"k")).run()
        self.assertIn("came back, not made with this key", report(keyed, isKeyed=True))

    def test_noReply(self) -> None:
        """
        Where something came back that is no reply, or nothing was sent, it does not say that a
        filter may have been on the way.
        """
        echoed = Drawn(lambda data, now: data, Settings(count=2)).run()
        self.assertIsNone(echoed.reflector)
        text = report(echoed)
        self.assertIn(f"came back, only {echoed.rejected.malformed} other packets.", text)
        self.assertNotIn("Nothing", text)
        unsent = replace(echoed, rejected=Rejected(), sending=Sending(failed=2, skipped=1))
        text = report(unsent)
        self.assertIn("the system did not take one of the packets", text)
        self.assertIn("1 tick skipped; 2 not taken by the system", text)

    def test_strip(self) -> None:
        """
        The strip shows what happened where it happened.
        """
        path = Drawn(Another(), Settings(count=6, interval=0.02), [(1,), LOST, (1, 1), (1,), (70,)])
        line, legend = strip(path.run().packets)
        self.assertEqual(line, "[.^=.~.]".replace("~", line[5]))
        self.assertIn("^ lost there", legend)
        self.assertIn("= copied", legend)

    def test_histogram(self) -> None:
        """
        Each round trip is in one row.
        """
        rows = histogram([n * 1000.0 for n in range(100)])
        self.assertEqual(sum(int(row.split()[-1]) for row in rows), 100)
        self.assertEqual(histogram([]), [])
        self.assertEqual(sum(int(row.split()[-1]) for row in histogram([5.0]) if row[-1] != "|"), 1)


class PlotTests(SynchronousTestCase):
    def test_both(self) -> None:
        """
        There is a picture for a light page and one for a dark page.
        """
        light, dark = pictures(measured(100), ".svg")
        for picture, paper in ((light, b"#ffffff"), (dark, b"#0d1117")):
            self.assertTrue(picture.startswith(b"<?xml"))
            self.assertIn(b"fill: " + paper, picture)
        self.assertEqual(darkName("/tmp/a.b/run.svg"), "/tmp/a.b/run-dark.svg")

    def test_nothing(self) -> None:
        """
        Where nothing came back, that is drawn too.
        """
        nothing = Drawn(lambda data, now: None, Settings(count=2)).run()
        self.assertTrue(pictures(nothing, ".png")[0].startswith(b"\x89PNG"))


class OutputTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """
        A file is replaced at once, keeps its rights, and nothing is left beside it.
        """
        here = folder(self)
        path = here / "result.json"
        writeWhole(str(path), b"one")
        path.chmod(0o600)
        writeWhole(str(path), b"two")
        self.assertEqual((path.read_bytes(), path.stat().st_mode & 0o777), (b"two", 0o600))
        (here / "link").symlink_to(path)
        writeWhole(str(here / "link"), b"three")
        self.assertTrue((here / "link").is_symlink())
        self.assertEqual(path.read_bytes(), b"three")
        self.assertEqual(sorted(os.listdir(here)), ["link", "result.json"])
        writeWhole("/dev/null", b"nothing")

    def test_cannot(self) -> None:
        """
        What cannot be written is told before anything is measured.
        """
        here = folder(self)
        self.assertIsNone(cannotWrite(str(here / "new")))
        self.assertEqual(cannotWrite(str(here)), "it is a folder")
        self.assertEqual(cannotWrite(str(here / "none" / "x")), "its folder is not there")
