"""
A real run whose wire is changed, and whose packets are lost, by hand.
"""

from __future__ import annotations

import json

from tests.badwire.cases import WireCase, inProcess
from tests.processes import folder, needs, run
from tests.schemas import assertConforms


class ByHandTests(WireCase):
    """
    What a hand does to a packet is no harm to the counts, the log and the ladder.
    """

    def test_counts(self) -> None:
        """
        The line still arrives, the log's counts and the kernel's agree, and the ladder shows what
        was done.
        """
        log = str(folder(self) / "wire.log")
        command = ("sh", "-c", f"echo hello | {needs('nc')} far4.wire 51423")
        done = run(
            *self.who(),
            *("-m", "tests.badwire.by_hand"),
            *("--delay", "10ms", "--serve", "linecount", "--log", log, "--json", "--", *command),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        *said, figures = done.stdout.decode().splitlines()
        self.assertIn("You entered 5 characters.", said[-1])
        record = json.loads(figures)
        self.assertEqual(record["packets"]["tcp"]["taken"], 1)
        self.assertEqual(record["packets"]["tcp"]["chosen"], 1)
        for row in record["counters"]:
            self.assertEqual(row["log"], row["kernel"], row)
        with open(log, encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines]
        assertConforms(self, "badwire-log", *events)
        ladder = inProcess("show", log).stdout.decode()
        for words in (
            "lost: chosen by hand",
            "lost by hand on its",
            "both ways: delay",
            "line",
        ):
            self.assertIn(words, ladder)
