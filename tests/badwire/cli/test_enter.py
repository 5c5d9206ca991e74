"""
Tests of C{badwire enter}.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

from tests.badwire import users
from tests.badwire.cases import BADWIRE, WireCase
from tests.processes import folder, needs, start


class RunningCase(WireCase):
    """
    Runs badwire until the test ends.
    """

    def goesOn(self) -> Any:
        """
        A run that goes on until its stdin ends.
        """
        options = ("-q", "--serve", "linecount", "--", "sh", "-c", "echo up; cat")
        program = start(self, *self.who(), *BADWIRE, "run", *options, stdin=subprocess.PIPE)
        program.line("^up$")
        return program


class EnterTests(RunningCase):
    """
    Another terminal in the network of a run.
    """

    def test_enter(self) -> None:
        """
        It finds the same network, names and addresses, in the same folder, without capabilities;
        its exit status is COMMAND's.
        """
        needs("nc")
        script = (
            "pwd; grep CapEff /proc/self/status; echo $WIRE_FAR $http_proxy; "
            "echo hello | nc far.wire 51423; exit 4"
        )
        pid = str(self.goesOn().process.pid)
        env = {**os.environ, "http_proxy": "http://x"}
        done = self.badwire("enter", "--run", pid, "--", "sh", "-c", script, cwd="/usr", env=env)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(done.returncode, 4, done)
        self.assertEqual(lines[:3], ["/usr", f"CapEff:\t{0:016x}", "10.77.0.2"])
        self.assertTrue(lines[-1].endswith("You entered 5 characters."), lines)

    def test_within(self) -> None:
        """
        A process that is there already stays there.
        """
        inner = [self.who()[-1], *BADWIRE, "enter", "-q", "--", "sh", "-c", "echo $WIRE_FAR"]
        self.assertEqual(self.said("--", *inner), "10.77.0.2\n")


class OrdinaryEnterTests(EnterTests):
    """
    The same for an ordinary user, whose network is in a user namespace.
    """

    who = staticmethod(users.ordinary)


class ChoiceTests(RunningCase):
    """
    Which run is entered, and from where.
    """

    def test_shell(self) -> None:
        """
        Without COMMAND there is a shell, and a word on where it is.
        """
        pid = str(self.goesOn().process.pid)
        env = {**os.environ, "SHELL": "/bin/sh"}
        done = self.badwire("enter", "--run", pid, data=b"echo $WIRE_FAR", env=env)
        self.assertEqual((done.returncode, done.stdout), (0, b"10.77.0.2\n"), done)
        self.assertIn(b"far.wire", done.stderr)

    def test_which(self) -> None:
        """
        Where several runs go on, they are listed; a process that is in none is refused.
        """
        pids = {self.goesOn().process.pid for _ in range(2)}
        done = self.badwire("enter", "--", "true")
        found = {int(line.split()[0]) for line in done.stderr.decode().splitlines()[1:]}
        self.assertEqual((done.returncode, found & pids), (2, pids), done)
        done = self.badwire("enter", "--run", str(os.getpid()), "--", "true")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (125, 1), done)

    def test_impostor(self) -> None:
        """
        A process that only has the watcher's name is not entered.
        """
        named = "import ctypes; ctypes.CDLL(None).prctl(15, b'badwire-watch', 0, 0, 0)"
        waits = f"{named}; print('up', flush=True); input()"
        program = start(self, *self.who(), "-c", waits, stdin=subprocess.PIPE)
        program.line("^up$")
        pid = str(program.process.pid)
        done = self.badwire("enter", "--run", pid, "--", "echo", "in")
        line = f"badwire: --run: process {pid} is in no network of yours\n"
        self.assertEqual((done.returncode, done.stdout, done.stderr.decode()), (125, b"", line))

    def test_removedFolder(self) -> None:
        """
        In a folder that was removed a run is like any other program; none is entered from there.
        """
        where = folder(self)
        where.chmod(0o777)
        before = ["sh", "-c", 'mkdir x; cd x; rmdir ../x; exec "$@"', "sh"]
        done = self.badwire("run", "-q", "--", "echo", "in", before=before, cwd=where)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"in\n", b""))
        pid = str(self.goesOn().process.pid)
        done = self.badwire("enter", "--run", pid, "--", "echo", "in", before=before, cwd=where)
        self.assertEqual((done.returncode, done.stdout), (69, b""))
        self.assertRegex(done.stderr, rb"^badwire: process [0-9]+: this folder was removed: .*\n$")
