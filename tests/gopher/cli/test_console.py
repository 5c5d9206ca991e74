"""
The standard output where its reader is slow.
"""

from __future__ import annotations

import os
import sys
import threading

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.cli.console import OutputError, StandardStreams
from twisted_netdemo.gopher.cli.pace import Pace


class _Passing(Clock):
    """
    Each look at it takes a while.
    """

    def seconds(self) -> float:
        self.rightNow += 0.1
        return self.rightNow


class SlowReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reading, writing = os.pipe()
        stdout = os.fdopen(writing, "w")
        self.addCleanup(stdout.close)
        self.addCleanup(os.close, self.reading)
        self.patch(sys, "stdout", stdout)
        self.console = StandardStreams()
        self.clock = Clock()

    def test_slow(self) -> None:
        """
        Bytes for which a pipe has no room are written as it is read; meanwhile the reactor runs.
        """
        data = os.urandom(150_000)
        waiting = self.console.write(data, Pace(self.clock, None))
        assert waiting is not None
        self.assertNoResult(waiting)
        came = bytearray()

        def read() -> None:
            while len(came) < len(data):
                came.extend(os.read(self.reading, 50_000))

        reader = threading.Thread(target=read)
        reader.start()
        self.clock.advance(0)  # until nothing is left to do
        reader.join()
        self.assertEqual(came, data)
        self.assertIsNone(self.successResultOf(waiting))
        self.assertIsNone(self.console.write("more", Pace(self.clock, None)))
        self.assertEqual(os.read(self.reading, 10), b"more")

    def test_late(self) -> None:
        """
        A reader that takes nothing is given up when the time is over.
        """
        clock = _Passing()
        pace = Pace(clock, 1)
        waiting = self.console.write(bytes(150_000), pace)
        assert waiting is not None
        self.assertNoResult(waiting)
        clock.advance(0)
        self.failureResultOf(waiting, OutputError)
        self.assertTrue(self.console.isBroken)
        self.assertRaises(OutputError, self.console.write, b"", pace)
