"""
The command and the service with C{--mirror}, against real servers.
"""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.peers import freePort, peer, pygopherd
from tests.processes import PATIENCE, folder, run, script, start


def contents(folder: Path) -> dict[str, bytes]:
    """
    The files of a copy, without what belongs to the mirror itself.
    """
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("mirror.")
    }


class CommandTests(SynchronousTestCase):
    def mirror(self, *arguments: str) -> tuple[int, str]:
        done = run(script("gopherfetch"), "--delay", "0", *arguments)
        self.assertEqual(done.stdout, b"")
        return done.returncode, done.stderr.decode()

    def test_rounds(self) -> None:
        """
        A hole is copied byte for byte; the next round writes nothing.
        """
        url, root = pygopherd(self)
        copy = folder(self)
        status, said = self.mirror("--mirror", str(copy), url)
        self.assertEqual((status, said), (0, "round 1: 5 asked, 5 whole; 5 new or changed\n"))
        found = contents(copy)
        for path in (each for each in root.rglob("*.*") if each.is_file() and each.name[0] != "."):
            ours = next(name for name in found if name.endswith(f"/{path.relative_to(root)}"))
            self.assertEqual(found[ours], path.read_bytes())
        times = {path: path.stat().st_mtime_ns for path in copy.rglob("*.txt")}
        status, said = self.mirror("--mirror", str(copy), url)
        self.assertEqual((status, said), (0, "round 2: 5 asked, 5 whole; 0 new or changed\n"))
        self.assertEqual(contents(copy), found)
        self.assertEqual({path: path.stat().st_mtime_ns for path in times}, times)

    def test_noAnswer(self) -> None:
        """
        If no start URL answers, the exit status is that of a fetch.
        """
        port = freePort()
        status, said = self.mirror("--mirror", str(folder(self)), f"127.0.0.1:{port}")
        self.assertEqual(status, 7)
        self.assertIn(f"127.0.0.1:{port}: Connection refused: 1 resource of the host", said)

    def test_stalled(self) -> None:
        """
        SIGTERM ends a mirror whose server has stalled; the next start goes on, and finds nothing
        half done under a real name.
        """
        copy = folder(self)
        begun = threading.Event()
        asked: list[bytes] = []

        def stall(connection: socket.socket) -> None:
            if asked[-1] == b"caps.txt\r\n":
                return
            connection.sendall(b"half")
            begun.set()
            while connection.recv(4096):
                pass

        port = peer(self, stall, asked=asked)
        arguments = ("gopherfetch", "--no-robots", "--delay", "0", "--mirror", str(copy))
        for command in ((script("gopherfetch"),), (script("twistd"), "-n", "gopherfetch")):
            begun.clear()
            running = start(
                self, *command, *arguments[1:], f"gopher://127.0.0.1:{port}/0/x", cwd=folder(self)
            )
            self.assertTrue(begun.wait(PATIENCE))
            running.signal(signal.SIGTERM)
            self.assertIn(running.wait(), (143, -signal.SIGTERM), running.errors)
            self.assertEqual(contents(copy), {})
