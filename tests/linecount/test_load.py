"""
Many at a time.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from socket import create_connection

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import rest, serve, welcome
from tests.processes import PATIENCE, run

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


class Many(SynchronousTestCase):
    """
    The figures are the benchmarks' to print; here they have to be right.
    """

    def test_idle(self) -> None:
        """
        A new client is served beside 2,000 silent ones.
        """
        done = run(sys.executable, str(BENCHMARKS / "idle.py"), "2000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"2000 idle connections", done.stdout)
        self.assertIn(b"beside them reads: Please enter a string: You entered 3", done.stdout)

    def test_sessions(self) -> None:
        """
        Of 2,000 sessions, 64 at once, none gets a wrong answer.
        """
        done = run(sys.executable, str(BENCHMARKS / "sessions.py"), "2000", "64")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"2000 sessions, 64 at once: 0 wrong", done.stdout)

    def test_burst(self) -> None:
        """
        Hundreds of clients that connect while the server is busy all find room in its queue.
        """
        program, port = serve(self, "--max-per-client", "0")
        program.signal(signal.SIGSTOP)
        with ExitStack() as stack:
            # Without room, connecting would wait for the kernel's own repeats.
            clients = [
                stack.enter_context(create_connection(("127.0.0.1", port), PATIENCE))
                for _ in range(800)
            ]
            for client in clients:
                client.sendall(b"123\n")
            program.signal(signal.SIGCONT)
            for client in clients:
                self.assertEqual(rest(client), welcome(client) + b"You entered 3 characters.\n")
