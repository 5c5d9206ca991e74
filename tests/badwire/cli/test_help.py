"""
Tests of C{badwire --help} where it cannot be printed.
"""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.cases import BADWIRE
from tests.processes import PATIENCE

#: The help of 'run' on a terminal of 40 columns is longer than Python buffers.
NARROW = {**os.environ, "COLUMNS": "40"}


class HelpTests(SynchronousTestCase):
    def helped(self, stdout: int) -> tuple[int, bytes]:
        done = subprocess.run(
            [sys.executable, *BADWIRE, "run", "--help"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=NARROW,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stderr

    def test_noReader(self) -> None:
        """
        C{badwire run --help | head} prints no traceback after the lines that C{head} shows.
        """
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        self.assertEqual(self.helped(writing), (0, b""))

    def test_full(self) -> None:
        """
        A full disk is one line, and the status says so.
        """
        full = os.open("/dev/full", os.O_WRONLY)
        self.addCleanup(os.close, full)
        self.assertEqual(self.helped(full), (125, b"badwire: stdout: No space left on device\n"))
