"""
Tests of the outputs of real runs.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from tests.badwire.cases import WireCase
from tests.processes import folder, needs, run
from twisted_netdemo.badwire.model.events import Sent, fromJSON


class ShownTests(WireCase):
    """
    What is shown afterwards.
    """

    def test_summary(self) -> None:
        """
        The seed, the figures, and the two columns of counts.
        """
        done = self.badwire(
            *("run", "--serve", "linecount", "--down-loss", "@2", "--"),
            *("sh", "-c", "echo hello | nc far4.wire 51423"),
        )
        lines = done.stderr.decode().splitlines()
        self.assertRegex(lines[0], "^badwire: --seed [0-9]+$")
        self.assertRegex(lines[1], r"^[0-9]+ packets in .* s: [0-9]+ TCP \(1 lost\)$")
        self.assertTrue(all(line.endswith("=") for line in lines[3:]), lines)

    def test_files(self) -> None:
        """
        Log, capture, drawing and page are written, for the user's eyes only; tshark reads the
        capture and its comments.
        """
        where = folder(self)
        names = {name: str(where / name) for name in ("log", "pcap", "svg", "html")}
        options = [word for name, path in names.items() for word in (f"--{name}", path)]
        self.said("--loss", "@2", "--serve", "linecount", *options, "--", *self.line())
        for path in names.values():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertGreater(os.stat(path).st_size, 500)
        events = [fromJSON(line) for line in Path(names["log"]).read_text().splitlines()]
        sent = [event for event in events if isinstance(event, Sent)]
        self.assertEqual([event.n for event in sent], list(range(len(sent))))
        self.assertIn(("lost",), [event.fates for event in sent])
        tshark = run(needs("tshark"), "-r", names["pcap"], "-T", "fields", "-e", "frame.comment")
        comments = tshark.stdout.decode().splitlines()
        self.assertEqual(len(comments), len(sent))
        self.assertTrue(any("lost" in comment for comment in comments), comments)

    def line(self, more: str = "") -> list[str]:
        """
        A program that has a line counted.

        @param more: what the shell does after that.
        """
        return ["sh", "-c", f"echo hello | {needs('nc')} far4.wire 51423 >/dev/null{more}"]

    def test_standardOutput(self) -> None:
        """
        One of the outputs may be standard output.
        """
        said = self.said("--log", "-", "--serve", "linecount", "--", *self.line())
        events = [fromJSON(line) for line in said.splitlines()]
        self.assertGreater(len(events), 8)

    def test_title(self) -> None:
        """
        A page's title is what was typed, whatever bytes that had.
        """
        page = folder(self) / "page"
        self.said("--html", str(page), "--", "true", b"\xff<\n".decode("utf-8", "surrogateescape"))
        self.assertIn("<title>true &#x27;\ufffd&lt; &#x27;</title>", page.read_text("utf-8"))

    def test_full(self) -> None:
        """
        Where a log cannot be written, a line says so, and the status; another one COMMAND's own.
        """
        command = ("sh", "-c", f"{needs('ping')} -c 1 far4.wire >/dev/null; exit 7")
        files = [word for name in ("log", "pcap", "html") for word in (f"--{name}", "/dev/full")]
        done = self.badwire("run", "-q", *files, "--", *command)
        self.assertEqual(done.returncode, 125, done)
        self.assertEqual(
            done.stderr.decode().splitlines(),
            [
                *(
                    f"badwire: --{name} '/dev/full': No space left on device"
                    for name in ("log", "pcap", "html")
                ),
                "badwire: COMMAND's own exit status was 7",
            ],
        )
        done = self.badwire("run", "-q", "--log", "/no/such/log", "--", "true")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (125, 1), done)

    def test_places(self) -> None:
        """
        A place that no flow reached is warned of, though no figures are wanted.
        """
        options = ("-q", "--up-loss", "@99", "--down-corrupt", "@2", "--serve", "linecount")
        done = self.badwire("run", *options, "--", *self.line())
        pattern = rb"^badwire: --up-loss @99: no flow had more than [0-9]+ packets up\n$"
        self.assertRegex(done.stderr, pattern)

    def test_repeatable(self) -> None:
        """
        The same packet of the same seed meets the same fate in another run.
        """
        where = folder(self)
        fates: list[dict[Any, Any]] = []
        for number in range(2):
            log = where / str(number)
            self.said(
                "--loss",
                "30%",
                "--seed",
                "4",
                "--log",
                str(log),
                "--serve",
                "linecount",
                "--",
                *self.line(),
            )
            events = [fromJSON(line) for line in log.read_text().splitlines()]
            fates.append(
                {
                    (e.flow, e.direction, e.flags, e.seq, e.length, e.attempt): e.fates
                    for e in events
                    if isinstance(e, Sent)
                }
            )
        both = fates[0].keys() & fates[1].keys()
        self.assertGreater(len(both), 4)
        self.assertEqual([fates[0][key] for key in both], [fates[1][key] for key in both])
