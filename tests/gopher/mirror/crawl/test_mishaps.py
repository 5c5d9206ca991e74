"""
Errors of the mirror's own, made by the tests: what they cost, and when they end the mirror.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.mirror.crawl.holes import REACTOR, Hole, HoleTestCase, Run, menu, pages
from twisted_netdemo.gopher.mirror.contract import MirrorError, Stopped
from twisted_netdemo.gopher.mirror.copy.arrival import Arrival
from twisted_netdemo.gopher.mirror.crawl import dispatcher
from twisted_netdemo.gopher.mirror.crawl.mirror import Mirror
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.state.findings import FindingRecorder
from twisted_netdemo.gopher.mirror.state.rows import Finding
from twisted_netdemo.gopher.mirror.state.tables import Corrupt
from twisted_netdemo.gopher.mirror.transfer import fetched, servers
from twisted_netdemo.gopher.mirror.transfer.mishaps import (
    TOO_MANY,
    CannotStore,
    Mishap,
    Mishaps,
    cannotStore,
    isOfAll,
)
from twisted_netdemo.gopher.mirror.transfer.reception import ResourceReception
from twisted_netdemo.gopher.scrapy.robots_rules import RobotsRules

BUG = "a bug in gopherfetch: KeyError('odd')"


class OneAnswerTests(HoleTestCase):
    """
    C{/odd} is the second of three texts.
    """

    def setUp(self) -> None:
        super().setUp()
        for module in (dispatcher, fetched):
            self.patch(module, "retryPause", lambda tries: 0.0 if tries < 3 else None)
        table = {"/a": b"one\r\n", "/odd": b"two\r\n", "/z": b"three\r\n"}
        self.hole = Hole(self, pages(table))
        table[""] = menu(*(self.hole.item("0", each) for each in table))

    def breakAt(self, owner: type, name: str, isOdd: Callable[..., bool]) -> None:
        """
        A method raises for some arguments.
        """
        method = getattr(owner, name)

        def broken(*arguments: Any) -> Any:
            if isOdd(*arguments):
                raise KeyError("odd")
            return method(*arguments)

        self.patch(owner, name, broken)

    async def assertFailed(self, tries: int = 3, logged: int = 3) -> Run:
        run = await self.crawled([self.hole.url()])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), logged)  # with tracebacks
        self.assertEqual(
            run.rows("request, verdict, status, reason"),
            [
                (b"", "whole", 0, None),
                (b"/a", "whole", 0, None),
                (b"/odd", "failed", 1, BUG),
                (b"/z", "whole", 0, None),
            ],
        )
        self.assertEqual(run.said, [f"{self.hole.url('0/odd')}: {BUG}"])
        self.assertEqual(self.hole.asked.count("/odd"), tries)
        self.assertEqual(run.crawl.tally.verdicts, {"whole": 3, "failed": 1})
        self.assertEqual(run.crawl.tally.errors, 1)
        self.assertEqual(os.listdir(Path(self.folder, "=parts")), [])
        return run

    async def test_receiving(self) -> None:
        """
        An error while bytes come is that resource's: it is tried like one that broke off, then one
        line says so.
        """
        self.breakAt(ResourceReception, "_take", lambda self, data: data == b"two\r\n")
        await self.assertFailed()

    async def test_storing(self) -> None:
        """
        So is one while the file gets its place.
        """
        self.breakAt(Arrival, "commit", lambda self, *_: self._url.selector == b"/odd")
        await self.assertFailed()

    async def test_recording(self) -> None:
        """
        So is one at the database's values: the file is there, and recorded when that is possible.
        """
        isOn = True
        self.breakAt(
            FindingRecorder,
            "_isNews",
            lambda self, _, finding: isOn and finding.resource.request == b"/odd",
        )
        await self.assertFailed()
        isOn = False
        run = await self.crawled([self.hole.url()])
        self.assertEqual({verdict for _, verdict in run.rows()}, {"whole"})

    async def test_judging(self) -> None:
        """
        So is one before it is asked for, which it then is not.
        """
        self.breakAt(RobotsRules, "allows", lambda self, selector: selector == b"/odd")
        await self.assertFailed(tries=0, logged=1)

    async def test_sending(self) -> None:
        """
        So is one before the request is sent.
        """
        self.breakAt(Run, "send", lambda self, ask: ask.url.selector == b"/odd")
        await self.assertFailed(tries=0)

    async def test_rules(self) -> None:
        """
        A server whose rules cannot be read is asked for nothing.
        """

        def broken(texts: object) -> None:
            raise KeyError("odd")

        self.patch(servers, "RobotsRules", broken)
        run = await self.crawled([self.hole.url()])
        self.assertEqual(self.hole.asked, ["robots.txt"] + ["/robots.txt"] * 3)
        self.assertEqual(run.rows(), [(b"", "failed")])
        self.assertEqual(run.said, [f"{BUG}: 1 resource of the host not asked for in this round"])
        self.assertEqual(run.frontier.startsUnanswered(1), [(1, BUG)])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 3)

    async def test_name(self) -> None:
        """
        A file that cannot have its place, since a folder is there, is one failure.
        """
        place = Path(self.folder, "127.0.0.1", str(self.hole.port), "odd=file")
        place.mkdir(parents=True)
        run = await self.crawled([self.hole.url()])
        words = f"cannot write: {place}: {os.strerror(21)}"
        self.assertIn((b"/odd", "failed", 23, words), run.rows("request, verdict, status, reason"))
        self.assertEqual(len([row for row in run.rows() if row[1] == "whole"]), 3)
        self.flushLoggedErrors(CannotStore)

    async def test_inEveryAnswer(self) -> None:
        """
        An error at one answer after the other ends the mirror, with one line and status 1; on the
        disk or in the database, the first does, with 23.
        """
        selectors = [f"/{number}" for number in range(TOO_MANY)]
        table = dict.fromkeys(selectors, b"text")
        table[""] = menu(*(self.hole.item("0", each) for each in selectors))
        self.hole.answer = pages(table)
        full = sqlite3.OperationalError("database or disk is full")
        for error, status, words in (
            (KeyError("odd"), 1, f"{TOO_MANY} errors in a row, the last at {self.hole.url('0/')}"),
            (full, 23, f"{self.folder}/mirror.sqlite cannot be written: {full}"),
        ):

            def broken(_: object, __: object, finding: Finding, error: Exception = error) -> bool:
                if finding.resource.depth:
                    raise error
                return False

            patch = self.patch(FindingRecorder, "_isNews", broken)
            said: list[str] = []
            plan = MirrorPlan(self.folder, (self.hole.url(),), delay=0.0)
            self.assertEqual(await Mirror(REACTOR, plan, said.append).run(), status)
            self.assertTrue(said[-1].startswith(f"Error: {words}"), said)
            patch.restore()
            self.flushLoggedErrors(KeyError)


class MishapsTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """
        What is about the disk or the database is no single answer's.
        """
        for error, expected in (
            (KeyError(1), False),
            (MemoryError(), False),
            (UnicodeEncodeError("ascii", "ä", 0, 1, "no"), False),
            (sqlite3.DataError("too big"), False),
            (sqlite3.ProgrammingError("cannot bind"), False),
            (sqlite3.OperationalError("disk I/O error"), True),
            (sqlite3.DatabaseError("malformed"), True),
            (OSError(28, "full"), True),
            (cannotStore(OSError(28, "full")), True),
            (cannotStore(OSError(36, "too long", "name")), False),
            (CannotStore("no"), True),
            (MirrorError("no"), True),
            (Corrupt("no"), True),
            (Stopped(), True),
        ):
            self.assertEqual(isOfAll(error), expected, repr(error))

    def test_inARow(self) -> None:
        """
        An answer that was recorded ends a row.
        """
        mishaps = Mishaps()
        for _ in range(3):
            for _ in range(TOO_MANY - 1):
                self.assertEqual(mishaps.at("u", KeyError("odd")).status, 1)
            mishaps.none()
        for _ in range(TOO_MANY - 1):
            mishaps.at("u", OSErrorOfName)
        with self.assertRaises(Mishap) as raised:
            mishaps.at("u", OSErrorOfName)
        self.assertEqual(raised.exception.status, 23)
        self.flushLoggedErrors()


OSErrorOfName = cannotStore(OSError(21, "is a directory", "name"))
