"""
A stop under load, as an ordinary user; L{tests.linecount.stops} has all kinds of it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.stops import measure, stop


class StopsTests(SynchronousTestCase):
    def test_ordinaryUser(self) -> None:
        """
        SIGTERM while clients come and go resets none of them, though the server has no special
        rights.
        """
        for _ in range(2):
            seen = measure(self, "user", 1, stop)
            self.assertEqual((seen.resets, seen.wrong), (0, []))
