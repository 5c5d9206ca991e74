"""
What tests of badwire with the real kernel have in common.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from twisted.trial.unittest import TestCase

from tests.badwire import users
from tests.processes import run
from twisted_netdemo.badwire.cli.command import main

BADWIRE = ("-m", "twisted_netdemo.badwire")

#: The uid of the ordinary user.
ORDINARY = str(os.geteuid() or 65534)


def inProcess(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """
    The command C{badwire} in this process, as in a terminal of 80 columns: for subcommands that
    make no network, and print by Python alone.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with (
        mock.patch.object(sys, "argv", ["badwire", *arguments]),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
        mock.patch.dict(os.environ, COLUMNS="80"),
    ):
        status = main()
    said = [stream.buffer.getvalue() for stream in (out, err)]
    return subprocess.CompletedProcess(arguments, status, *said)


class WireCase(TestCase):
    """
    Runs badwire as some user.
    """

    who: Callable[[], list[str]] = staticmethod(users.ourselves)

    def badwire(
        self, *arguments: str, before: Sequence[str] = (), **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """
        @param before: the command that starts it.
        """
        return run(*before, *self.who(), *BADWIRE, *arguments, **options)

    def said(self, *arguments: str, **options: Any) -> str:
        """
        What COMMAND printed, in a run without complaints.
        """
        done = self.badwire("run", "--quiet", *arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()
