"""
The clients of the tutorial fetch from a server.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.peers import peer, resets, sends
from tests.processes import run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "gopher"


class TutorialTests(SynchronousTestCase):
    """
    Each is a program that can be typed in and run.
    """

    def test_socket(self) -> None:
        """
        It collects the pieces in which the answer comes, and stops at the final dot.
        """
        port = peer(self, sends(b"caf\xc3", b"\xa9\r", b"\ntwo\r\n.\r\nnever\r\n"))
        done = run(sys.executable, str(EXAMPLES / "with_socket.py"), "127.0.0.1", str(port), "/a")
        self.assertEqual((done.stdout.decode(), done.stderr), ("café\ntwo\n", b""))

    def test_makefile(self) -> None:
        """
        So does the one that reads lines; its request is sent though it reads before it closes.
        """
        asked: list[bytes] = []
        port = peer(self, sends(b"caf\xc3", b"\xa9\r", b"\ntwo\r\n.\r\nnever\r\n"), asked=asked)
        done = run(sys.executable, str(EXAMPLES / "with_makefile.py"), "127.0.0.1", str(port), "/a")
        self.assertEqual((done.stdout.decode(), done.stderr), ("café\ntwo\n", b""))
        self.assertEqual(asked, [b"/a\r\n"])

    def test_twisted(self) -> None:
        """
        The one with Twisted has both answers, in the order in which they were asked for.
        """
        asked: list[bytes] = []
        port = peer(self, sends(b"caf\xc3", b"\xa9\r", b"\ntwo\r\n.\r\n"), asked=asked)
        path = str(EXAMPLES / "with_twisted.py")
        done = run(sys.executable, path, "127.0.0.1", str(port), "/a", "/b")
        self.assertEqual(
            (done.stdout.decode(), done.stderr), ("/a:\ncafé\ntwo\n/b:\ncafé\ntwo\n", b"")
        )
        self.assertEqual(sorted(asked), [b"/a\r\n", b"/b\r\n"])

    def test_brokenOff(self) -> None:
        """
        An answer that breaks off is an error, not a short answer.
        """
        for name in ("with_socket.py", "with_makefile.py", "with_twisted.py"):
            port = peer(self, resets(b"half"))
            done = run(sys.executable, str(EXAMPLES / name), "127.0.0.1", str(port), "/a")
            self.assertNotEqual(done.returncode, 0, name)
            self.assertNotEqual(done.stderr, b"", name)
