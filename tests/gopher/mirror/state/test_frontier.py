"""
The frontier: what is due when, over rounds and ends of every kind.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.mirror.contract import MirrorError, Standing, Stored
from twisted_netdemo.gopher.mirror.reports.standing import MirrorStanding
from twisted_netdemo.gopher.mirror.state.findings import FindingRecorder
from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.rows import Finding, MenuLink, NotFollowed, ResourceRow
from twisted_netdemo.gopher.mirror.state.tables import openDatabase, openForReading
from twisted_netdemo.gopher.url import GopherURL

START = GopherURL("h")
WHOLE = Stored(Standing("whole", b"d" * 20, 1), True)


def link(path: str, kind: str = "0", host: str = "h") -> MenuLink:
    return MenuLink(GopherURL(host, 70, kind, path.encode()), path)


class FrontierTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = str(folder(self))
        self.open()

    def open(self) -> None:
        """
        Open the database anew, as after a kill: nothing of the last is saved or closed.
        """
        self.frontier = Frontier(openDatabase(self.path))
        self.addCleanup(self.frontier.close)
        self.recorder = FindingRecorder(self.frontier)

    def take(self, now: float, limit: int = 64) -> list[ResourceRow]:
        return self.frontier.take(1, now, (), limit).resources

    def record(self, row: ResourceRow, verdict: str = "whole", **finding: object) -> None:
        made = Finding(row, verdict, 0.0, stored=WHOLE if verdict == "whole" else None)
        self.recorder.record(replace(made, **finding), 1, 10.0)  # type: ignore[arg-type] # of a test

    def verdicts(self) -> dict[bytes, str]:
        return dict(self.frontier.database.execute("SELECT request, verdict FROM resource"))

    def test_killed(self) -> None:
        """
        What was taken and not recorded is due again after a kill, and nothing else is.
        """
        self.assertFalse(self.frontier.beginRound(1.0, None).isResumed)
        self.frontier.addStarts([START], 1.0)
        (start,) = self.take(2.0)
        self.record(start, links=[link("/a"), link("/b"), link("/m", "1")])
        self.assertEqual([row.request for row in self.take(20.0)], [b"/a", b"/b", b"/m"])
        self.record(self.take(20.0)[0])
        self.take(20.0)
        self.open()
        resumed = self.frontier.beginRound(30.0, None)
        self.assertEqual((resumed.number, resumed.asked, resumed.isResumed), (1, 2, True))
        self.assertEqual([row.request for row in self.take(30.0)], [b"/b", b"/m"])

    def test_rounds(self) -> None:
        """
        In a new round all is due again; what the last left over comes first.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        self.record(self.take(2.0)[0], links=[link("/a"), link("/b")])
        self.record(self.take(20.0)[0])
        self.frontier.endRound(20.0)
        self.assertEqual(self.frontier.beginRound(40.0, None).number, 2)
        self.assertEqual([row.request for row in self.take(40.0)], [b"/b", b"", b"/a"])

    def test_every(self) -> None:
        """
        A mirror that stays takes up what single rounds have done, and the other way round.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        self.record(self.take(2.0)[0], asked=5.0, factor=2)
        self.frontier.beginRound(10.0, 100.0)
        self.assertEqual(self.frontier.take(1, 10.0, (), 9).next, 205.0)
        self.frontier.beginRound(20.0, 1.0)  # a shorter time
        self.assertEqual(self.frontier.take(1, 20.0, (), 9).next, 28.0)
        self.frontier.beginRound(30.0, None)
        self.assertEqual(len(self.take(30.0)), 1)

    def test_strangers(self) -> None:
        """
        No more hosts are known than may be, and one that the mirror was not given leads to its
        share alone, however often the mirror is started; links to hosts that are known are followed
        all the same.
        """
        self.recorder = FindingRecorder(self.frontier, maxHosts=20)
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)

        def lead(row: ResourceRow, name: str, count: int, isGiven: bool = False) -> tuple[int, int]:
            links = [link("/", "1", f"{name}{number}") for number in range(count)]
            finding = Finding(row, "whole", 0.0, stored=WHOLE, links=[*links, link("/x")])
            found = self.recorder.record(finding, 1, 10.0, isGiven)
            return found.menus + found.documents, found.strangers

        (start,) = self.take(2.0)
        self.assertEqual(lead(start, "a", 9, isGiven=True), (10, 0))
        (first,) = self.frontier.take(2, 20.0, (), 9).resources
        (other,) = self.frontier.take(3, 20.0, (), 9).resources
        self.assertEqual(lead(first, "made-up", 50), (2, 48))
        self.assertEqual(lead(first, "more", 50), (0, 50))
        self.assertEqual(lead(first, "a", 9), (0, 0))
        self.assertEqual(lead(other, "b", 3), (2, 1))
        self.assertFalse(self.recorder.isFull())
        self.open()
        self.recorder = FindingRecorder(self.frontier, maxHosts=20)
        self.assertEqual(lead(first, "later", 5), (0, 5))
        self.assertEqual(lead(start, "c", 9, isGiven=True), (6, 3))
        self.assertTrue(self.recorder.isFull())
        self.assertEqual(self.frontier.serverCount(), 20)
        left = "SELECT value FROM mirror WHERE key = 'left_out'"
        self.assertEqual(self.frontier.database.execute(left).fetchone(), (107,))
        self.frontier.endRound(20.0)
        self.frontier.beginRound(30.0, None)
        self.assertEqual(self.frontier.database.execute(left).fetchone(), (0,))

    def test_recorded(self) -> None:
        """
        What a menu no longer has is no longer recorded, unless another menu has it.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START, GopherURL("h", 70, "1", b"/other")], 1.0)
        first, second = self.take(2.0)
        web = NotFollowed("https://example.org/", "h", "Web")
        old = NotFollowed("telnet://example.org", "8", "Old")
        self.record(first, links=[], notFollowed=[web, old])
        self.record(second, links=[], notFollowed=[web])
        query = "SELECT DISTINCT address FROM recorded ORDER BY address"
        read = self.frontier.database.execute
        self.assertEqual(read(query).fetchall(), [(web.address,), (old.address,)])
        self.record(first, links=[], notFollowed=[])
        self.assertEqual(read(query).fetchall(), [(web.address,)])
        self.record(second, "truncated", notFollowed=[])  # which was not read to its end
        self.assertEqual(read(query).fetchall(), [(web.address,)])
        self.record(second, links=[])
        self.assertEqual(read(query).fetchall(), [])

    def test_exempt(self) -> None:
        """
        A host need not be global as long as it is a start, or once a private host has led to it.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START, GopherURL("other")], 1.0)
        self.record(self.take(2.0)[0], links=[link("/x", host="inside")], exempts=True)
        names = ("h", "other", "inside")

        def exempt() -> list[bool]:
            return [self.frontier.server(number).isExempt for number in range(1, 4)]

        self.assertEqual([self.frontier.server(number).name for number in range(1, 4)], [*names])
        self.assertEqual(exempt(), [True, True, True])
        self.frontier.addStarts([START], 2.0)
        self.assertEqual(exempt(), [True, False, True])

    def test_titles(self) -> None:
        """
        A title that is not known comes from the next menu that has it, and is found then.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        (start,) = self.take(2.0)
        bare = MenuLink(GopherURL("h", 70, "0", b"/a"))
        self.record(start, links=[bare])
        self.record(self.take(20.0)[0], text="body")
        for title, expected in (("", ""), ("A title", "A title"), ("Another", "A title")):
            self.record(start, links=[replace(bare, title=title)])
            read = self.frontier.database.execute("SELECT title, body FROM text")
            self.assertEqual(read.fetchall(), [(expected, "body")])

    def test_versionOne(self) -> None:
        """
        The database of an earlier version is taken over.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        database = self.frontier.database
        database.executescript("""
DROP INDEX host_found_by;
ALTER TABLE host DROP COLUMN found_by;
DROP TABLE recorded;
CREATE TABLE recorded (
    address TEXT PRIMARY KEY, type TEXT NOT NULL, title TEXT NOT NULL, source INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO recorded VALUES ('https://example.org/', 'h', 'Web', 1);
INSERT INTO host (scheme, name, port, exempt) VALUES ('gopher', 'inside', 70, 1);
PRAGMA user_version = 1;
""")
        reading = openForReading(self.path)
        self.assertEqual(MirrorStanding(reading, self.path, 9.0).counts["recorded"], 1)
        reading.close()
        self.frontier.close()
        self.open()
        read = self.frontier.database.execute
        self.assertEqual(read("PRAGMA user_version").fetchone(), (3,))
        found = read("SELECT source, address, type, title FROM recorded").fetchall()
        self.assertEqual(found, [(1, "https://example.org/", "h", "Web")])
        self.assertEqual(read("SELECT exempt FROM host ORDER BY id").fetchall(), [(1,), (2,)])
        self.assertEqual(self.frontier.foundBy(1), 0)

    def test_vanished(self) -> None:
        """
        A resource has vanished if the server says so, or if it does not answer and no menu leads
        to it any more; else it has failed.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        start = self.take(2.0)[0]
        self.record(start, links=[link("/gone"), link("/down"), link("/unlinked"), link("/new")])
        rows = {row.request: row for row in self.take(20.0)}
        for request in (b"/gone", b"/down", b"/unlinked"):
            self.record(rows[request])
        self.frontier.endRound(20.0)
        self.frontier.beginRound(30.0, None)
        rows = {row.request: row for row in self.take(30.0)}
        self.record(rows[b""], links=[link("/gone"), link("/down"), link("/new")])
        for request in (b"/gone", b"/new"):
            self.record(rows[request], "failed", isGone=True)
        for request in (b"/down", b"/unlinked"):
            self.record(rows[request], "failed", isUnreached=True)
        self.assertEqual(
            self.verdicts(),
            {
                b"": "whole",
                b"/gone": "vanished",
                b"/new": "failed",
                b"/down": "failed",
                b"/unlinked": "vanished",
            },
        )
        self.assertEqual(rows[b"/gone"].standing, WHOLE.standing)

    def test_downHost(self) -> None:
        """
        With a host that is down all of its resources fail, once, and those of others do not.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        self.record(self.take(2.0)[0], links=[link("/a"), link("/b"), link("/c", host="other")])
        count = self.frontier.failServer(1, 1, "it is down", 7, 20.0, None)
        self.assertEqual(count, 2)
        self.assertEqual(self.take(20.0), [])
        self.assertEqual(
            self.verdicts(), {b"": "whole", b"/a": "failed", b"/b": "failed", b"/c": None}
        )

    def test_bounded(self) -> None:
        """
        A menu with more links than a host may have waiting costs no more than that.
        """
        self.recorder = FindingRecorder(self.frontier, maxDue=10)
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        finding = Finding(
            self.take(2.0)[0], "whole", 0.0, links=[link(f"/{number}") for number in range(50)]
        )
        done: list[str] = []
        self.frontier.database.set_trace_callback(done.append)
        recorded = self.recorder.record(finding, 1, 10.0)
        self.assertEqual((recorded.documents, recorded.dropped), (10, 40))
        # counting takes as long as there are resources waiting: once at the start, once at the end
        self.assertEqual(sum("count(*)" in each for each in done), 2)

    def test_exactSelectors(self) -> None:
        """
        Selectors that others take for the same are not.
        """
        self.frontier.beginRound(1.0, None)
        self.frontier.addStarts([START], 1.0)
        odd = ["/?b=2&a=1", "/?a=1&b=2", "/#1", "/#2", "/%7E", "/~", "/A", "/a", "/a/", "//a"]
        self.record(self.take(2.0)[0], links=[link(each) for each in (*odd, *odd)])
        self.assertEqual([row.request.decode() for row in self.take(20.0)], odd)

    def test_reading(self) -> None:
        """
        What is no mirror's database, or a newer one's, is not read.
        """
        openForReading(self.path).close()
        self.assertRaises(MirrorError, openForReading, str(folder(self)))
        self.frontier.database.execute("PRAGMA user_version = 99")
        self.assertRaises(MirrorError, openForReading, self.path)
        self.assertRaises(MirrorError, openDatabase, self.path)
        self.assertRaises(
            sqlite3.OperationalError, self.frontier.database.execute, "SELECT * FROM nothing"
        )
