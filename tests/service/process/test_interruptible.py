"""
Waiting for a reader, in a way that a signal ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.processes import PATIENCE
from twisted_netdemo.service.process.interruptible import interruptible

WAITS = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: None)
from twisted_netdemo.service.process.interruptible import interruptible
with interruptible():
    os.write(1, b"waiting")
    os.read(0, 1)
"""


class InterruptibleTests(TestCase):
    def test_ends(self) -> None:
        """
        What waits for ever is ended by a signal that the process would only take note of.
        """
        with subprocess.Popen(
            [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            try:
                self.assertEqual(process.stdout.read(7), b"waiting")
                process.terminate()
                self.assertEqual(process.wait(PATIENCE), -signal.SIGTERM)
            finally:
                process.kill()

    def test_afterwards(self) -> None:
        """
        Afterwards the handlers are as they were. A signal that is ignored, as under nohup, stays
        ignored meanwhile.
        """

        def handler(number: int, frame: object) -> None:
            pass

        before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
        for number, kept in before.items():
            self.addCleanup(signal.signal, number, kept)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, handler)
        with interruptible():
            self.assertEqual(signal.getsignal(signal.SIGINT), signal.SIG_IGN)
            self.assertEqual(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
        self.assertEqual(signal.getsignal(signal.SIGINT), signal.SIG_IGN)
        self.assertEqual(signal.getsignal(signal.SIGTERM), handler)

    async def test_thread(self) -> None:
        """
        A thread, which may set no handlers, waits as it would have.
        """

        def waits() -> None:
            with interruptible():
                pass

        await deferToThread(waits)
