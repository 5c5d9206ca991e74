"""
Folders and databases that cannot be used, in the test's own process.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.tcp import Port

from tests.gopher.mirror.crawl.holes import REACTOR, Hole, HoleTestCase, menu, pages
from twisted_netdemo.gopher.mirror.copy import copy_folder
from twisted_netdemo.gopher.mirror.copy.folder_lock import FolderLock
from twisted_netdemo.gopher.mirror.copy.writing import digestOfFile
from twisted_netdemo.gopher.mirror.crawl.mirror import Mirror
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.state import tables
from twisted_netdemo.gopher.mirror.state.frontier import Frontier


class MirrorTests(HoleTestCase):
    def setUp(self) -> None:
        super().setUp()
        table = {"/a.txt": b"one\r\n", "/b.txt": b"two\r\n"}
        self.hole = Hole(self, pages(table))
        table[""] = menu(*(self.hole.item("0", each) for each in table))
        self.said: list[str] = []
        self.database = Path(self.folder, "mirror.sqlite")

    def mirror(self, **plan: Any) -> Deferred[int]:
        plan.setdefault("folder", self.folder)
        made = MirrorPlan(urls=(self.hole.url(),), delay=0.0, **plan)
        return Deferred.fromCoroutine(Mirror(REACTOR, made, self.said.append).run())

    async def test_forbidden(self) -> None:
        """
        If robots.txt forbids what the user asks for, a line says so, and the status is 22.
        """
        answer = self.hole.answer
        rules = b"User-agent: *\nDisallow: /\n"
        self.hole.answer = lambda selector: rules if "robots" in selector else answer(selector)
        self.assertEqual(await self.mirror(), 22)
        self.assertEqual(self.said, [f"Error: {self.hole.url()}: robots.txt forbids it"])
        self.hole.answer = answer
        self.assertEqual(await self.mirror(), 0)
        self.hole.answer = lambda selector: rules if "robots" in selector else answer(selector)
        self.assertEqual(await self.mirror(), 22)

    async def test_notReached(self) -> None:
        """
        A round that ends at a limit before it comes to the URLs of the user was done: 0.
        """
        self.assertEqual(await self.mirror(maxFiles=2), 0)
        self.assertEqual(self.hole.asked[3:], ["", "/a.txt"])
        self.hole.asked.clear()
        self.assertEqual(await self.mirror(maxFiles=1), 0)
        self.assertEqual(self.hole.asked[3:], ["/b.txt"])
        self.assertEqual([line for line in self.said if "Error" in line], [])

    async def test_inUse(self) -> None:
        """
        The second mirror in a folder ends at once, with a line and 23.
        """
        lock = FolderLock(self.folder)
        self.assertEqual(await self.mirror(), 23)
        self.assertEqual(self.said, [f"Error: {self.folder} is in use by another mirror"])
        lock.close()
        self.assertEqual(await self.mirror(), 0)

    async def test_noLocks(self) -> None:
        """
        A file system that knows no locks is not taken for another mirror.
        """

        def none(*_: object) -> None:
            raise OSError(37, os.strerror(37))

        self.patch(fcntl, "flock", none)
        self.assertEqual(await self.mirror(), 23)
        self.assertEqual(self.said, [f"Error: cannot lock {self.folder}: {os.strerror(37)}"])

    async def test_noFolder(self) -> None:
        """
        A folder that cannot be made is a line and 23.
        """
        file = Path(self.folder, "file")
        file.touch()
        self.assertEqual(await self.mirror(folder=str(file / "sub")), 23)
        self.assertEqual(self.said, [f"Error: cannot write in {file}/sub: {os.strerror(20)}"])

    async def test_newerSchema(self) -> None:
        """
        The database of a newer gopherfetch is left as it is.
        """
        await self.mirror()
        database = sqlite3.connect(self.database)
        database.execute("PRAGMA user_version = 99")
        database.close()
        before = self.database.read_bytes()
        self.assertEqual(await self.mirror(), 23)
        self.assertEqual(
            self.said[-1],
            f"Error: {self.database} is of version 99, and this gopherfetch knows {tables.VERSION} "
            "at most",
        )
        self.assertEqual(self.database.read_bytes(), before)

    async def test_corrupt(self) -> None:
        """
        A damaged database is set aside, and the mirror goes on from the files, as it does if it is
        gone: nothing is written again.
        """
        await self.mirror()
        damaged = self.database.read_bytes()[:5000] + bytes(9000)
        for damage in (b"no database at all", damaged, None):
            self.database.unlink()
            if damage is not None:
                self.database.write_bytes(damage)
            files = {path: path.stat().st_mtime_ns for path in Path(self.folder).rglob("*.txt")}
            self.assertEqual(len(files), 2)
            self.assertEqual(await self.mirror(), 0)
            self.assertIn("and 3 files are known again", self.said[-1])
            for path, time in files.items():
                self.assertEqual(path.stat().st_mtime_ns, time)
        self.assertEqual(
            sorted(path.name for path in Path(self.folder).glob("*.corrupt*")),
            ["mirror.sqlite.corrupt", "mirror.sqlite.corrupt.1"],
        )
        database = sqlite3.connect(self.database)
        found = database.execute("SELECT verdict FROM resource").fetchall()
        self.assertEqual(found, [("whole",)] * 3)
        words = database.execute("SELECT count(*) FROM text WHERE text MATCH 'two'").fetchone()
        self.assertEqual(words, (1,))
        database.close()

    async def test_unreadable(self) -> None:
        """
        A file that cannot be read ends a start without a database in one line, which says so; the
        next start goes on from all files.
        """
        await self.mirror()
        self.database.unlink()
        refused = PermissionError(13, "Permission denied", "/there/a.txt")

        def refuse(*arguments: object) -> str:
            raise refused

        kept = self.patch(copy_folder, "digestOfFile", refuse)
        self.assertEqual(await self.mirror(), 23)
        self.assertEqual(self.said[-1], "Error: cannot read: /there/a.txt: Permission denied")
        kept.restore()
        self.assertEqual(await self.mirror(), 0)
        self.assertIn("and 3 files are known again", self.said[-1])

    async def test_stoppedAtFirst(self) -> None:
        """
        A mirror that is told to stop gives up the check of its database, the reading of its files
        and the first look at what is due, and the next start does all of that.
        """
        await self.mirror()
        endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n)"

        def stopped(database: sqlite3.Connection) -> None:
            mirror.stop()
            database.execute(f"{endless} FROM t").fetchone()

        plan = MirrorPlan(self.folder, (self.hole.url(),), delay=0.0)
        for owner, name in ((tables, "_check"), (Frontier, "dueCount")):
            mirror = Mirror(REACTOR, plan, self.said.append)
            asked = len(self.hole.asked)
            patch = self.patch(
                owner, name, lambda first, *_: stopped(getattr(first, "database", first))
            )
            self.assertEqual(await mirror.run(), 0)
            patch.restore()
            self.assertEqual(len(self.hole.asked), asked)
        self.database.unlink()
        mirror = Mirror(REACTOR, plan, self.said.append)
        read: list[str] = []

        def digest(path: str, check: Callable[[], None]) -> bytes:
            read.append(path)
            mirror.stop()
            return digestOfFile(path, check)

        patch = self.patch(copy_folder, "digestOfFile", digest)
        self.assertEqual(await mirror.run(), 0)
        self.assertEqual(len(read), 1)
        patch.restore()
        self.assertEqual(self.said, [])
        self.assertEqual(await self.mirror(), 0)
        self.assertEqual(self.said, ["there was no database, and 3 files are known again"])

    async def test_fullDisk(self) -> None:
        """
        A disk that is full ends the mirror with a line and 23; the next start goes on.
        """
        from twisted_netdemo.gopher.mirror.copy import arrival

        def full(*_: object) -> None:
            raise OSError(28, os.strerror(28))

        patch = self.patch(arrival.Arrival, "write", full)
        self.assertEqual(await self.mirror(), 23)
        self.assertEqual(self.said, [f"Error: {self.folder}: cannot write: {os.strerror(28)}"])
        patch.restore()
        self.assertEqual(await self.mirror(), 0)
        self.assertEqual(len([*Path(self.folder).rglob("*.txt")]), 2)

    async def test_listensNowhere(self) -> None:
        """
        Scrapy's web server and telnet server, which would run anybody's Python, do not run.
        """

        def ports() -> int:
            return sum(isinstance(each, Port) for each in REACTOR.getReaders())

        listening: set[int] = set()

        def answer(selector: str) -> bytes:
            listening.add(ports())
            return b"x"

        own = ports()
        self.hole.answer = answer
        self.assertEqual(await self.mirror(), 0)
        self.assertEqual(listening, {own})
