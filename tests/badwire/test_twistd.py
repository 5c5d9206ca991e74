"""
Tests of badwire under twistd.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess

from tests.badwire import users
from tests.badwire.cases import WireCase
from tests.processes import folder, run, script, start, twistd, until


class TwistdTests(WireCase):
    """
    The same under twistd.
    """

    def test_command(self) -> None:
        """
        COMMAND's output and status are its own.
        """
        done = run(
            *(script("twistd"), "-n", "badwire", "--quiet", "--serve", "linecount", "--"),
            *("sh", "-c", "echo hello | nc far4.wire 51423; exit 7"),
            cwd=folder(self),
        )
        self.assertEqual(done.returncode, 7, done)
        self.assertRegex(done.stdout.decode(), r"\AWelcome, .*\n.*You entered 5 characters.\n\Z")
        self.assertEqual(done.stderr, b"")

    def test_stays(self) -> None:
        """
        Without COMMAND it stays up, and says how another terminal enters.
        """
        program = twistd(self, "badwire", "--serve", "linecount", "--seed", "1")
        enter = program.line(r"the network is up: .* or (nsenter .*)$")[1].split()
        done = run(*enter, "sh", "-c", "echo hello | nc far6.wire 51423")
        self.assertIn(b"You entered 5 characters.", done.stdout)
        program.signal(signal.SIGTERM)
        program.wait()
        self.assertIn("TCP segments sent", program.errors)

    def test_secondSignal(self) -> None:
        """
        A second signal ends a stop that waits for sessions, without a traceback.
        """
        program = twistd(self, "badwire", "--serve", "linecount --grace 60", "-q", "--drain", "0s")
        enter = program.line(r"the network is up: .* or (nsenter .*)$")[1].split()
        client = start(self, *enter, "nc", "far4.wire", "51423", stdin=subprocess.PIPE)
        client.line("Welcome")
        program.signal(signal.SIGTERM)
        program.line("Port 51423 Closed")
        program.signal(signal.SIGTERM)
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_daemon(self) -> None:
        """
        As a daemon it tells in its log how it is entered, and what came of it.
        """
        where = folder(self)
        done = run(script("twistd"), "badwire", "--serve", "linecount", cwd=where)
        self.assertEqual(done.returncode, 0, done)
        log = where / "badwire.log"
        entry = re.compile(r"the network is up: .* or (nsenter .*)")
        until(lambda: log.exists() and entry.search(log.read_text()), "the line in the log")
        found = entry.search(log.read_text())
        assert found is not None
        done = run(*found[1].split(), "sh", "-c", "echo hello | nc far6.wire 51423")
        self.assertIn(b"You entered 5 characters.", done.stdout)
        os.kill(int((where / "badwire.pid").read_text()), signal.SIGTERM)
        until(lambda: not (where / "badwire.pid").exists(), "the end of the pid file")
        self.assertIn("TCP segments sent", log.read_text())

    def test_usage(self) -> None:
        """
        --uid is refused in one line, as any mistake is.
        """
        for arguments in (("--uid", "1", "badwire"), ("badwire", "--loss", "x")):
            done = run(script("twistd"), "-n", *arguments, cwd=folder(self))
            self.assertEqual(done.returncode, 1, done)
            last = (done.stdout + done.stderr).decode().strip().splitlines()[-1]
            self.assertRegex(last, "--uid: |--loss: ")

    def test_forbidden(self) -> None:
        """
        A system that forbids the network is status 69 here as well.
        """
        script_ = "mount -t tmpfs none /etc && touch /etc/hosts"
        done = run(
            *users.mounted(script_),
            script("twistd"),
            "-n",
            "badwire",
            "--",
            "true",
            cwd=folder(self),
        )
        self.assertEqual(done.returncode, 69, done)
        self.assertTrue(re.search(rb"^badwire: /etc/nsswitch.conf is missing", done.stderr), done)
