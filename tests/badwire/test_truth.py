"""
Tests that what is said is so: of a real run, beside what programs read, the kernel counted and
tshark saw.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire import odd, users
from tests.badwire.seeds import differences
from tests.processes import folder, needs, run
from tests.schemas import assertConforms
from twisted_netdemo.badwire.model.events import fromJSON
from twisted_netdemo.badwire.render.ladder import RecordedFlow, flows, rows

BADWIRE = ("-m", "twisted_netdemo.badwire", "run")


class TruthCase(SynchronousTestCase):
    """
    A run of odd traffic.
    """

    def odd(
        self, who: Callable[[], list[str]], what: str, where: Path, *options: str
    ) -> tuple[list[str], list[RecordedFlow]]:
        """
        @return: what was printed, and the flows of the log.
        """
        python = who()
        command = [python[-1], str(Path(odd.__file__)), what, "10.77.0.2"]
        log = where / "log"
        done = run(*python, *BADWIRE, "--quiet", "--log", str(log), *options, "--", *command)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        events = [fromJSON(line) for line in log.read_bytes().splitlines()]
        return done.stdout.decode().splitlines(), flows(events)

    def open(self) -> Path:
        """
        A folder where everybody may write.
        """
        where = folder(self)
        where.chmod(0o777)
        return where


class DatagramTests(TruthCase):
    """
    Each datagram has one bit flipped, and what becomes of it is its checksum's and its reader's
    business.
    """

    def check(self, who: Callable[[], list[str]]) -> None:
        printed, found = self.odd(who, "datagrams", self.open(), "--up-corrupt=100%", "--json")
        read, figures = map(json.loads, printed)
        assertConforms(self, "badwire-run", figures)
        arrived = {
            name: sum(
                row.receiver.startswith(("arrived", "the last part: arrived")) for row in made
            )
            for name, made in zip(odd.NAMES, map(rows, found), strict=False)
        }
        # the log knows what arrived, the kernel that a full buffer threw some away
        self.assertEqual({**arrived, "full": 12}, {**read, "full": 12})
        self.assertEqual(arrived["full"], 12)
        self.assertLess(read["full"], 12)
        self.assertEqual(
            arrived,
            {
                "checksum": 0,
                "none": 1,
                "lite all": 0,
                "lite header": 1,
                "none in parts": 1,
                "parts": 0,
                "full": 12,
            },
        )
        last = [row.note for row in rows(found[len(odd.NAMES)])]
        self.assertEqual(last[0], "arrived, damaged: no checksum covers it; nobody listens: ICMP")
        self.assertEqual(differences(figures), [])
        kernel = {each["what"]: each["kernel"] for each in figures["measured"]}
        self.assertEqual(kernel["UDP read by programs"], 2 + read["full"])
        self.assertEqual(kernel["UDP thrown away: a full buffer"], 12 - read["full"])
        self.assertEqual(kernel["UDP to a port where nobody listens"], 1)
        self.assertEqual(kernel["UDP-Lite read by programs"], 1)
        self.assertIn(odd.GROUP, figures["elsewhere"])

    def test_root(self) -> None:
        """
        As root.
        """
        self.check(users.root)

    def test_ordinary(self) -> None:
        """
        As an ordinary user.
        """
        self.check(users.ordinary)


class WindowTests(TruthCase):
    """
    A window that shuts and opens, and a line that is idle.
    """

    def test_tshark(self) -> None:
        """
        tshark finds the same keep-alives, window probes, closed windows and window updates.
        """
        tshark = needs("tshark")
        where = self.open()
        _, (flow,) = self.odd(users.ourselves, "window", where, "--pcap", str(where / "pcap"))
        fields = ("keep_alive", "keep_alive_ack", "zero_window", "window_update", "duplicate_ack")
        named = [part for field in fields for part in ("-e", f"tcp.analysis.{field}")]
        seen = run(tshark, "-r", str(where / "pcap"), "-T", "fields", *named, "-E", "separator=|")
        theirs = [
            dict(zip(fields, line.split("|"), strict=True))
            for line in seen.stdout.decode().splitlines()
        ]
        found: Counter[str] = Counter()
        for row in rows(flow):
            if row.sent is None:
                continue
            tells, note = theirs[row.sent.n], row.note
            isAsked = note in ("keep-alive", "is there room?")
            # tshark says keep-alive of both: the packet is the same, the window differs
            self.assertEqual(isAsked, bool(tells["keep_alive"]), row)
            self.assertEqual(note == "answers the keep-alive", bool(tells["keep_alive_ack"]), row)
            self.assertEqual("no room: window 0" in note, bool(tells["zero_window"]), row)
            # on a busy machine the reader makes room in several steps
            isUpdate = "room again" in note or "more room" in note
            self.assertEqual(isUpdate, bool(tells["window_update"]), row)
            self.assertNotIn("waits", note)
            found[note] += 1
        for note in ("keep-alive", "is there room?", "answers the keep-alive", "no room: window 0"):
            self.assertTrue(found[note], f"{note}: {found}")
