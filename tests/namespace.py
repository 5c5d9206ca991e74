"""
A network of the test's own, with nothing in it but loopback: root's ports can be closed to others
there, and interfaces made.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import Program, missing, needs, run, start


class Namespace:
    """
    A network namespace, which goes when the test ends or two minutes have passed.

    @ivar within: what to put before a command to have it run inside.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        for program in ("unshare", "nsenter", "ip", "sysctl"):
            needs(program)
        self._test = test
        # Anybody else than root is root in a namespace of users, which has one user.
        users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        # unshare becomes the shell, and the shell sleep: all are one process.
        holder = start(test, "unshare", "--net", *users, "sh", "-c", "echo made; exec sleep 120")
        try:
            holder.line("^made$")
        except AssertionError:
            missing(f"a network namespace cannot be made here: {holder.errors.strip()}")
        enter = [*users[:1], "--preserve-credentials"] if users else []
        self.within = ("nsenter", *enter, "--net", f"--target={holder.process.pid}")
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command: str) -> str:
        """
        Run a command inside to its end, which has to be a good one; its output.
        """
        done = run(*self.within, *command)
        if done.returncode:
            raise AssertionError(f"{command}: {done.stderr.decode()}")
        return done.stdout.decode()

    def start(self, *command: str, **options: object) -> Program:
        """
        Start a program inside.
        """
        return start(self._test, *self.within, *command, **options)
