"""
Tests of services that run beside the wire.
"""

from __future__ import annotations

import os
import signal

from tests.badwire.cases import WireCase
from tests.processes import folder, needs
from twisted_netdemo.badwire.model.events import Sent, fromJSON


class ServiceTests(WireCase):
    """
    What stands beside the wire.
    """

    def test_plugins(self) -> None:
        """
        Several installed plugins are reached at once: ours, and one of Twisted's own.
        """
        where = folder(self)
        (where / "page.txt").write_text("a page\n")
        script = "curl -sS http://far4.wire:8080/page.txt; echo hello | nc far6.wire 51423"
        needs("curl"), needs("nc")
        said = self.said(
            *("--serve", "linecount", "--serve", f"web --path {where}", "--", "sh", "-c", script)
        )
        self.assertIn("a page\n", said)
        self.assertIn("You entered 5 characters.", said)

    def test_names(self) -> None:
        """
        With --names a name becomes an address by questions on the wire, and others are denied.
        """
        where = folder(self)
        log = where / "log"
        said = self.said(
            *("--names", "--log", str(log), "--", "sh", "-c"),
            "getent ahostsv4 far.wire; getent ahosts no.wire; echo $?; "
            "getent hosts far6.wire; getent ahostsv4 far6.wire; echo $?",
        )
        self.assertEqual(
            [line.split()[0] for line in said.splitlines()],
            ["10.77.0.2", "10.77.0.2", "10.77.0.2", "2", "fd77::2", "2"],
        )
        events = [fromJSON(line) for line in log.read_text().splitlines()]
        asked = [event for event in events if isinstance(event, Sent) and event.destination == 53]
        self.assertGreaterEqual(len(asked), 4)

    def test_namesLost(self) -> None:
        """
        A resolver whose first question is lost asks again, and finds a name that has one kind of
        address alone: the other kind's denial is believed.
        """
        said = self.said("--names", "--up-loss", "@1", "--", "getent", "ahosts", "far6.wire")
        self.assertIn("fd77::2", said)

    def test_grace(self) -> None:
        """
        A service's own grace is bounded by the drain.
        """
        script = "exec 3<>/dev/tcp/10.77.0.2/51423; sleep 300 >/dev/null 2>&1 & exit 3"
        options = ("--drain", "0s", "--serve", "linecount --grace 3600")
        done = self.badwire("run", "-q", *options, "--", needs("bash"), "-c", script)
        self.assertEqual(done.returncode, 3, done)
        os.kill(int(done.stderr.split()[-1]), signal.SIGKILL)

    def test_busy(self) -> None:
        """
        A service that cannot listen is one line, and badwire's failure.
        """
        twice = ("--serve", "linecount --port 50007", "--serve", "linecount --port 50007")
        where = folder(self)
        where.chmod(0o777)
        (where / "log").write_text("earlier")
        files = ("--log", "log", "--svg", "svg")
        done = self.badwire("run", "--quiet", *files, *twice, "--", "true", cwd=where)
        self.assertEqual(done.returncode, 125, done)
        self.assertEqual(len(done.stderr.splitlines()), 1, done)
        # a run that has not begun leaves no files, and those of an earlier one as they were
        self.assertEqual((where / "log").read_text(), "earlier")
        self.assertFalse((where / "svg").exists())
