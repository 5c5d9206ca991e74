"""
What a mirror says of itself while it runs.
"""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally


class TallyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.tally = MirrorTally(
            *(3, 40, 50, 6000, 5000, Counter(whole=38, failed=2), 2, 7, 4, 11, 1)
        )

    def test_line(self) -> None:
        self.assertEqual(self.tally.line(10.0), "4 hosts, 11 queued, 40 asked, 5.0/s, 2 errors")
        self.assertIn("0.0/s", self.tally.line(0.0))

    def test_metrics(self) -> None:
        """
        Each figure has a metric, and verdicts are told apart by a label.
        """
        found = {
            each.name.removeprefix("gopherfetch_mirror_"): each for each in self.tally.metrics()
        }
        self.assertEqual(found["answers"].value, {"whole": 38, "failed": 2})
        self.assertEqual(found["requests"].value, 50)
        self.assertTrue(found["requests"].rises)
        self.assertEqual((found["queued"].value, found["queued"].rises), (11, False))
