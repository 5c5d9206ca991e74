"""
Messages that are logged once a minute.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog


class QuietTests(SynchronousTestCase):
    """
    An operator's log is neither flooded nor silent.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(10_000)
        self.said: list[int] = []
        self.quiet = RateLimitedLog(self.clock, self.said.append)

    def test_onceAMinute(self) -> None:
        """
        The first is said at once, those of a minute after it together.
        """
        for _ in range(3):
            self.quiet.happened()
        self.clock.advance(59.5)
        self.quiet.happened()
        self.assertEqual(self.said, [1])
        self.clock.advance(0.5)
        self.quiet.happened()
        self.assertEqual(self.said, [1, 4])
