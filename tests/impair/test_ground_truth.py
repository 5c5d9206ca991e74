"""
The file that lines are written to.
"""

from __future__ import annotations

import os
import stat
from typing import Any
from unittest import SkipTest

from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.impair.ground_truth import LineFile


class LineFileTests(SynchronousTestCase):
    """
    Nothing is lost in silence, and nothing waits for a slow file.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def said(self) -> list[str]:
        return [
            formatEvent(e)
            for e in self.events
            if e["log_namespace"] == "twisted_netdemo.impair.ground_truth"
        ]

    def test_soonThere(self) -> None:
        """
        A line can be read a moment after it was written, while the relay goes on.
        """
        path = str(folder(self) / "truth.jsonl")
        lines = LineFile(path, self.clock)
        lines.write(b"one\n")
        lines.write(b"two\n")
        self.clock.advance(0.1)
        with open(path) as file:
            self.assertEqual(file.read(), "one\ntwo\n")
        lines.write(b"three\n")
        lines.close()
        with open(path) as file:
            self.assertEqual(file.read(), "one\ntwo\nthree\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.said(), [])

    def test_private(self) -> None:
        """
        It holds what people sent: others may not read it. What was in it before is gone.
        """
        path = str(folder(self) / "truth.jsonl")
        lines = LineFile(path, self.clock)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        lines.write(b"old\n")
        lines.close()
        LineFile(path, self.clock).close()
        self.assertEqual(os.stat(path).st_size, 0)

    def test_notThere(self) -> None:
        """
        A path that cannot be written is an error at once.
        """
        with self.assertRaises(FileNotFoundError):
            LineFile("/nonexistent/truth", self.clock)

    def pipe(self) -> tuple[str, int]:
        path = str(folder(self) / "truth.jsonl")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        return path, reader

    def test_slowReader(self) -> None:
        """
        A pipe without a reader blocks nothing, and all lines arrive once it is read.
        """
        path, reader = self.pipe()
        lines = LineFile(path, self.clock)
        line = b"x" * 999 + b"\n"
        for _ in range(300):
            lines.write(line)
        read = b""
        while len(read) < 300_000:
            self.clock.advance(0.1)
            read += os.read(reader, 1 << 20)
        lines.close()
        self.assertEqual(len(read), 300_000)
        self.assertEqual(self.said(), [])

    def test_fallenBehind(self) -> None:
        """
        Where a file does not keep up, whole lines are left out and counted, and the log says so,
        once a minute, and at the end.
        """
        path, reader = self.pipe()
        lines = LineFile(path, self.clock, limit=100_000)
        line = b"x" * 999 + b"\n"
        for _ in range(300):
            lines.write(line)
        self.assertGreater(lines.missing, 100)
        self.assertEqual(len(self.said()), 1)
        self.assertIn(f"{path} cannot be written as fast as lines come", self.said()[0])
        read = b""
        while len(read) < 1000 * (300 - lines.missing):
            read += os.read(reader, 1 << 20)
            lines.flush()
        self.assertEqual(read, line * (300 - lines.missing))
        lines.close()
        self.assertIn(f"{lines.missing} lines are missing", self.said()[-1])

    def test_readerGone(self) -> None:
        """
        A reader that is slow first, and then gone, is told of, once.
        """
        path, reader = self.pipe()
        lines = LineFile(path, self.clock)
        for _ in range(20):
            lines.write(b"x" * 10_000 + b"\n")
        self.clock.advance(0.1)
        self.assertEqual(self.said(), [])
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), reader)
        for _ in range(3):
            self.clock.advance(0.1)
        self.assertEqual(self.said(), [f"{path}: Broken pipe"])
        lines.close()

    def test_fullDisk(self) -> None:
        """
        A full disk is said at once, once, and again at the end with the number of lines.
        """
        if not os.path.exists("/dev/full"):
            raise SkipTest("there is no /dev/full here")
        lines = LineFile("/dev/full", self.clock)
        for _ in range(3):
            lines.write(b"x\n")
            self.clock.advance(1)
        self.assertEqual(self.said(), ["/dev/full: No space left on device"])
        lines.close()
        self.assertEqual(
            self.said()[1:],
            [
                "/dev/full is not complete: 3 lines are missing in it (No space left on device).",
            ],
        )
