"""
Tests of badwire's command line.
"""

from __future__ import annotations

import os

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.badwire.sandbox.shells import shell
from twisted_netdemo.badwire.tap import Options
from twisted_netdemo.faults.trigger import Positions, Probability


class OptionsTests(SynchronousTestCase):
    """
    A command line is understood, or refused in one line.
    """

    def taken(self, *arguments: str) -> Options:
        """
        The options of a command line.
        """
        options = Options()
        options.parseOptions(arguments)
        return options

    def test_command(self) -> None:
        """
        COMMAND begins after the options, with or without two dashes, and keeps its own.
        """
        for arguments in (["--loss", "20%", "--", "nc", "-u", "x"], ["-q", "nc", "-u", "x"]):
            self.assertEqual(self.taken(*arguments).command, ("nc", "-u", "x"))

    def test_figures(self) -> None:
        """
        The figures are impair's, and a direction may have its own.
        """
        options = self.taken("--loss", "20%", "--up-loss", "@2", "--down-undetectable", "5%")
        self.assertEqual(options.impairments["down"].of("loss"), Probability(0.2))
        self.assertEqual(options.impairments["up"].of("loss"), Positions(((2, 2),)))
        self.assertEqual(options.impairments["up"].hold, 0.04)
        self.assertEqual(options.impairments["up"].of("undetectable"), Probability(0.0))
        self.assertEqual(options.impairments["down"].of("undetectable"), Probability(0.05))

    def test_repeated(self) -> None:
        """
        Each value of an option that may be repeated is kept.
        """
        options = self.taken(
            *("--blackout", "1s-9s", "--blackout", "20s-1m", "--serve", "web --path ."),
            *("--sysctl", "net.ipv4.tcp_retries2=3", "--sysctl", "net/ipv6/bindv6only=0"),
        )
        self.assertEqual(options["blackout"], [(1.0, 9.0), (20.0, 60.0)])
        self.assertEqual([served.name for served in options["serve"]], ["web"])
        self.assertEqual(
            options["sysctl"], {"net.ipv4.tcp_retries2": "3", "net.ipv6.bindv6only": "0"}
        )

    def test_flows(self) -> None:
        """
        The flows that meet the figures are numbers and ranges; a family is one of the two.
        """
        options = self.taken("--flows", "2,4-5", "-6", "--", "true")
        self.assertEqual((options.flows, options.family), (Positions(((2, 2), (4, 5))), 6))
        self.assertEqual((self.taken("--ipv4").family, self.taken().family), (4, None))
        self.assertIsNone(self.taken().flows)

    def test_mistakes(self) -> None:
        """
        A mistake is one line that names the option.
        """
        for option, value in (
            ("--loss", "10"),
            ("--mtu", "1279"),
            ("--mtu", "65536"),
            ("--serve", "nosuch"),
            ("--serve", "web --port"),
            ("--serve", "'"),
            ("--serve", ""),
            ("--sysctl", "kernel.panic=1"),
            ("--sysctl", "net/../kernel/panic=1"),
            ("--sysctl", "net..kernel=1"),
            ("--sysctl", "net.ipv4.tcp_retries2"),
            ("--sysctl", "net=1"),
            ("--blackout", "9s-1s"),
            ("--blackout", "1s"),
            ("--blackout", "1-2"),
            ("--drain", "3"),
            ("--undetectable", "x"),
            ("--seed", "-1"),
            ("--seed", "1000000000000000000"),
            ("--loss-burst", "3"),
            ("--flows", "0"),
            ("--flows", "@1"),
            ("--flows", "3-1"),
            ("--ipv6", "-4"),
        ):
            with self.assertRaises(usage.UsageError) as raised:
                self.taken(option, value, "--", "true")
            message = str(raised.exception)
            self.assertTrue(message.startswith(f"{option}: "), message)
            self.assertEqual(len(message.splitlines()), 1, message)

    def test_toScale(self) -> None:
        """
        To scale are drawings and pages, and nothing else.
        """
        self.assertRaises(usage.UsageError, self.taken, "--to-scale", "--ladder", "--", "true")
        for drawing in ("--svg", "--html"):
            options = self.taken("--to-scale", drawing, "drawn", "--", "true")
            self.assertTrue(options["to-scale"])

    def test_files(self) -> None:
        """
        No two outputs are written to one place, whatever it is called; where nothing is kept they
        may be.
        """
        where = folder(self)
        (where / "file").write_text("")
        (where / "link").symlink_to("file")
        os.link(where / "file", where / "hard")
        for first, second in (
            (["--log", where / "new"], ["--svg", where / "." / "new"]),
            (["--log", where / "file"], ["--html", where / "link"]),
            (["--pcap", where / "hard"], ["--svg", where / "file"]),
            (["--log", "-"], ["--pcap", "-"]),
            (["--json"], ["--log", "-"]),
        ):
            arguments = [str(word) for word in (*first, *second)]
            with self.assertRaises(usage.UsageError) as raised:
                self.taken(*arguments)
            self.assertIn("already", str(raised.exception))
        self.taken("--log", "/dev/null", "--pcap", "/dev/null", "--svg", "-", "--html", "x")

    def test_shell(self) -> None:
        """
        A user without a shell to speak of gets the one that is always there.
        """
        for named, found in (
            ("/bin/sh", "/bin/sh"),
            ("/usr/sbin/nologin", "/bin/sh"),
            ("/bin/false", "/bin/sh"),
            ("/no/such", "/bin/sh"),
        ):
            self.patch(os, "environ", {"SHELL": named})
            self.assertEqual(shell(), found)
