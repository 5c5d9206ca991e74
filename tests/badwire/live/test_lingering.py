"""
Tests of when a run ends by itself.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.lingering import Lingering


class LingeringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sent = 0
        self.ended = 0
        self.lingering = Lingering(self.clock, 5, lambda: self.sent, self.end)

    def end(self) -> None:
        self.ended += 1

    def test_pages(self) -> None:
        """
        A run waits for its first page for ever, and some time for another after its last one.
        """
        self.lingering.counted(0)
        self.clock.advance(60)
        for pages in (1, 2, 1, 0):
            self.lingering.counted(pages)
        self.clock.advance(4)
        self.lingering.counted(1)
        self.clock.advance(60)
        self.assertEqual(self.ended, 0)
        self.lingering.counted(0)
        self.clock.advance(5)
        self.assertEqual(self.ended, 1)

    def test_download(self) -> None:
        """
        A download is not cut off because its page was closed; one that nobody reads does not keep
        the run.
        """
        self.lingering.counted(1)
        self.lingering.counted(0)
        for _ in range(10):
            self.clock.advance(4)
            self.sent += 1
        self.assertEqual(self.ended, 0)
        self.clock.pump([5] * 3)
        self.assertEqual(self.ended, 1)

    def test_stop(self) -> None:
        """
        A run that is ended otherwise is not ended twice.
        """
        self.lingering.counted(1)
        self.lingering.counted(0)
        self.lingering.stop()
        self.lingering.counted(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
