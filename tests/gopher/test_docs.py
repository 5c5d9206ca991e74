"""
The page about gopherfetch is true.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_netdemo.gopher
from tests.gopher.peers import peer, resets, sends
from tests.processes import folder, run
from twisted_netdemo.gopher import exit_statuses
from twisted_netdemo.gopher.cli.command import USAGE

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "gopherfetch.md").read_text()


class PageTests(SynchronousTestCase):
    def test_library(self) -> None:
        """
        The programs that show the library run as they stand, and print how the fetch ended.
        """
        code, save = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        where = folder(self)
        program = where / "program.py"
        port = peer(self, resets(b"half"))
        program.write_text(code.replace("127.0.0.1:7070", f"127.0.0.1:{port}"))
        done = run(sys.executable, str(program))
        out = b"half\nbroken off: the connection broke after 4 bytes\ntruncated 4 utf-8\n"
        self.assertEqual((done.stdout, done.stderr), (out, b""))
        port = peer(self, sends(b"\0\xff"))
        program.write_text(save.replace("127.0.0.1:7070", f"127.0.0.1:{port}"))
        done = run(sys.executable, str(program), cwd=where)
        self.assertEqual((done.stdout, done.stderr), (b"whole 2 None\n", b""))
        self.assertEqual((where / "b.bin").read_bytes(), b"\0\xff")

    def test_statuses(self) -> None:
        """
        The page explains every exit status, and no other.
        """
        explained = {int(number) for number in re.findall(r"^\| (\d+) \| \w", PAGE, re.MULTILINE)}
        known = {number for _, number in exit_statuses.STATUSES}
        others = {
            exit_statuses.OK,
            exit_statuses.MALFORMED,
            exit_statuses.SERVER_ERROR,
            exit_statuses.CANNOT_WRITE,
            USAGE,
        }
        self.assertEqual(explained, known | others)

    def test_names(self) -> None:
        """
        Every name that the package offers is there; any other is missed as usual.
        """
        for name in twisted_netdemo.gopher.__all__:
            self.assertEqual(getattr(twisted_netdemo.gopher, name).__name__, name)
        with self.assertRaises(AttributeError):
            _ = twisted_netdemo.gopher.nothing
