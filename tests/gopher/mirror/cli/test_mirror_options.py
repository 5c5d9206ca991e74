"""
The options of C{--mirror}: their values, and mistakes; and the line on a terminal.
"""

from __future__ import annotations

import io
import os
import sys

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import run
from twisted_netdemo.gopher.cli.tap import Options
from twisted_netdemo.gopher.mirror.cli.live_line import LiveLine
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.url import GopherURL


def planned(*arguments: str) -> MirrorPlan:
    options = Options()
    options.parseOptions(["--mirror", "d", *arguments])
    return options.plan


class OptionTests(SynchronousTestCase):
    MISTAKES = [
        ([], "--mirror needs a URL to start from"),
        (["h", "--delay", "soon"], "--delay: 'soon' is not a duration (60, 1.5s, 20ms, 2m or 1h)"),
        (["h", "--every", "0"], "--every: '0' is not above 0"),
        (["h", "--depth", "-1"], "--depth: '-1' is not a whole number, 0 to 1000000000"),
        (["h", "--per-host", "0"], "--per-host: '0' is not a whole number, 1 to 100"),
        (["h", "--types", "é"], "--types: 'é' is not a list of item types, as in 01"),
        (["h", "--also-host", "a b"], "--also-host: 'a b' is not a host name"),
        (["h", "--raw"], "--mirror and --raw do not go together"),
        (["h", "--item", "1"], "--mirror and --item do not go together"),
        (["h", "--mirror", ""], "--mirror: the name is empty"),
        (["http://h"], "'http://h': http:// is not Gopher"),
    ]

    def test_mistakes(self) -> None:
        for arguments, message in self.MISTAKES:
            with self.assertRaises(UsageError) as caught:
                planned(*arguments)
            self.assertEqual(str(caught.exception), message)
        with self.assertRaises(UsageError) as caught:
            planned("h", "--include", "(")
        self.assertIn("--include: '(' is no expression of RE2: ", str(caught.exception))
        with self.assertRaises(UsageError) as caught:
            Options().parseOptions(["h", "--every", "1h"])
        self.assertEqual(str(caught.exception), "--every needs --mirror")

    def test_values(self) -> None:
        self.assertEqual(
            planned(
                *("h", "--depth", "3", "--also-host", "Other.Example", "--span-hosts"),
                *("--include", "a", "--include", "b", "--exclude", "c", "--types", "01"),
                *("--max-size", "1MiB", "--max-files", "9", "--max-bytes", "2KiB"),
                *("--parallel", "5", "--per-host", "2", "--delay", "0", "--no-robots"),
                *("--allow-private", "--every", "24h", "--keep-versions", "4"),
                *("--max-time", "1m", "--charset", "koi8-r", "-4", "--timeout", "7"),
                *("--connect-timeout", "8"),
            ),
            MirrorPlan(
                os.path.join(os.getcwd(), "d"),
                (GopherURL("h"),),
                depth=3,
                alsoHosts=("other.example",),
                spanHosts=True,
                include=("a", "b"),
                exclude=("c",),
                types="01",
                maxSize=1 << 20,
                maxFiles=9,
                maxBytes=2048,
                parallel=5,
                perHost=2,
                delay=0.0,
                obeysRobots=False,
                allowPrivate=True,
                every=86400.0,
                keepVersions=4,
                maxTime=60.0,
                charset="koi8-r",
                connectTimeout=8.0,
                idleTimeout=7.0,
                family=4,
            ),
        )

    def test_defaults(self) -> None:
        """
        Without options a mirror is polite.
        """
        self.assertEqual(
            planned("h"), MirrorPlan(os.path.join(os.getcwd(), "d"), (GopherURL("h"),))
        )


class ImportTests(SynchronousTestCase):
    def test_lean(self) -> None:
        """
        A fetch without C{--mirror} does not wait for Scrapy, nor for SQLite.
        """
        program = (
            "import sys, twisted_netdemo.gopher.cli.command as _; "
            "print(*sorted({'scrapy', 'protego', 're2', 'warcio', 'sqlite3'} & set(sys.modules)))"
        )
        self.assertEqual(run(sys.executable, "-c", program).stdout, b"\n")


class LiveLineTests(SynchronousTestCase):
    def test_terminal(self) -> None:
        """
        The line changes in its place, and other lines come above it; no server's text drives the
        terminal.
        """

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

            def fileno(self) -> int:
                raise OSError

        stream = Terminal()
        line = LiveLine(stream)
        line.show("one")
        line.say("a \x1b[2J line")
        line.show("x" * 100)
        line.clear()
        self.assertEqual(
            stream.getvalue(),
            f"\r\x1b[Kone\r\x1b[Ka ^[[2J line\n\r\x1b[K{'x' * 79}\r\x1b[K",
        )

    def test_file(self) -> None:
        """
        In a file there are lines alone; where stderr is closed there is nothing.
        """
        stream = io.StringIO()
        line = LiveLine(stream)
        line.show("one")
        line.say("two")
        line.clear()
        self.assertEqual(stream.getvalue(), "two\n")
        LiveLine(None).say("three")
