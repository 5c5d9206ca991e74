"""
Tests of the first minutes: what the pages tell a beginner to type does what they say.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.badwire import users
from tests.processes import folder, needs, run, script, start

ROOT = Path(__file__).resolve().parents[2]


class ReadmeTests(TestCase):
    """
    The README's command on badwire.
    """

    def test_command(self) -> None:
        """
        It ends by itself, and shows the ladder and the answer. (With this seed, as an unlucky one
        would take its time.)
        """
        users.ourselves(), needs("nc")
        text = (ROOT / "README.md").read_text()
        found = re.search(r"^\$ \.venv/bin/badwire (run .*?)\n```$", text, re.M | re.S)
        assert found is not None
        command = f"{script('badwire')} {found[1]}".replace(" --serve", " --seed 7 --serve")
        done = run("sh", "-c", command)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"You entered 5 characters.", done.stdout)
        self.assertIn(b"far:51423", done.stderr)


class OwnTests(TestCase):
    """
    The page on one's own server and client.
    """

    def setUp(self) -> None:
        users.ourselves()
        page = (ROOT / "docs" / "howto" / "own.md").read_text()
        server, client = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
        self.where = folder(self)
        (self.where / "server.py").write_text(server)
        (self.where / "client.py").write_text(client)
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "SHELL": "/bin/sh"}

    def test_oneTerminal(self) -> None:
        """
        In a shell on the wire, the server is behind the client.
        """
        typed = (
            b"python3 server.py > said & until grep -q listening said; do :; done\n"
            b"python3 client.py far4.wire hello there\nkill $!; wait; exit\n"
        )
        done = run(
            *(script("badwire"), "run", "--loss", "20%", "--seed", "7"),
            data=typed,
            cwd=self.where,
            env=self.environment,
        )
        self.assertEqual(done.stdout, b"HELLO\nTHERE\n", done)
        self.assertIn(b"far.wire", done.stderr)

    def test_twoTerminals(self) -> None:
        """
        Each in its own terminal; the log is there to be drawn.
        """
        arguments = ("run", "--loss", "20%", "--seed", "7", "--log", "wire.log", "--")
        server = start(
            *(self, script("badwire"), *arguments, "python3", "server.py"),
            cwd=self.where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
        )
        server.line("^listening$")
        entered = ("enter", "--run", str(server.process.pid), "--")
        done = run(
            *(script("badwire"), *entered, "python3", "client.py", "far4.wire", "hello", "there"),
            cwd=self.where,
            env=self.environment,
        )
        self.assertEqual(done.stdout, b"HELLO\nTHERE\n", done)
        server.signal()
        self.assertEqual(server.wait(), 143)
        shown = run(script("badwire"), "show", str(self.where / "wire.log"))
        self.assertIn(b"far:7000", shown.stdout)


class InterruptTests(TestCase):
    """
    Ctrl-C in the first instants.
    """

    def test_loading(self) -> None:
        """
        While modules load, it ends badwire as it ends a program in C: without a traceback.
        """
        command = ("-X", "importtime", "-m", "twisted_netdemo.badwire", "check")
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stderr:  # a line for each module that has been loaded
            if b"badwire.exit_statuses" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        self.assertNotIn(b"Traceback", rest)
        self.assertEqual(process.wait(), -signal.SIGINT)
