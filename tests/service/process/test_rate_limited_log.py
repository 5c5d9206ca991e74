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

    def happen(self, times: int) -> None:
        for _ in range(times):
            self.quiet.happened()

    def test_onceAMinute(self) -> None:
        """
        The first is said at once, those of a minute after it together, when the minute is over.
        """
        self.happen(3)
        self.clock.advance(59.5)
        self.happen(1)
        self.assertEqual(self.said, [1])
        self.clock.advance(0.5)
        self.assertEqual(self.said, [1, 3])
        self.happen(2)
        self.assertEqual(self.said, [1, 3])
        self.clock.advance(60)
        self.assertEqual(self.said, [1, 3, 2])

    def test_over(self) -> None:
        """
        After a minute without any there is no timer, and the next is said at once again.
        """
        self.happen(2)
        self.clock.pump([60, 60])
        self.assertEqual(self.said, [1, 1])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.happen(1)
        self.assertEqual(self.said, [1, 1, 1])

    def test_stop(self) -> None:
        """
        When the service stops, those since the last message are said, and no timer is left.
        """
        self.happen(5)
        self.quiet.stop()
        self.assertEqual(self.said, [1, 4])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.quiet.stop()
        self.assertEqual(self.said, [1, 4])

    def test_startedAgain(self) -> None:
        """
        A service that is started again is told of as before.
        """
        self.happen(1)
        self.quiet.stop()
        self.happen(2)
        self.clock.advance(60)
        self.assertEqual(self.said, [1, 1, 1])
