"""
Filling a new database with what the files of a mirror know.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from twisted_netdemo.gopher.item_types import Kind, bodyKind
from twisted_netdemo.gopher.mirror.contract import Copy
from twisted_netdemo.gopher.mirror.rebuild.reading_back import ReadBack, readBack
from twisted_netdemo.gopher.mirror.state.frontier import Frontier, requestOf
from twisted_netdemo.gopher.text.charset import Charsets
from twisted_netdemo.gopher.url import GopherURL

# A depth that nothing has: no menu is known yet that leads there.
_FAR = 1 << 40
# How many rows are read at a time, while others are written.
_ROWS = 500


class Restorer:
    """
    Everything here runs in the frontier's thread.
    """

    def __init__(
        self, frontier: Frontier, copy: Copy, check: Callable[[], None] = lambda: None
    ) -> None:
        """
        @param check: called now and then; if it raises, nothing is added.
        """
        self._frontier = frontier
        self._copy = copy
        self._check = check
        self._charsets = Charsets()

    def restore(self, starts: Iterable[GopherURL], now: float) -> int:
        """
        Add the resources that there are files of, with their titles, texts and links.

        @param starts: the URLs that the mirror starts from: from there depths are counted.
        @return: how many.
        @raise OSError: a folder cannot be read.
        """
        with self._frontier.transaction() as database:
            count = self._addResources(database, now)
            if count:
                for number, _, url, path in self._rows(database, Kind.MENU):
                    self._addLinks(database, number, self._read(path, url))
                for kind in (Kind.MENU, Kind.TEXT):
                    for number, title, url, path in self._rows(database, kind):
                        database.execute(
                            "INSERT INTO text (rowid, title, body) VALUES (?, ?, ?)",
                            (number, title, self._read(path, url).text),
                        )
                self._setDepths(database, starts)
            self._frontier.setRestored()
        return count

    def _addResources(self, database: sqlite3.Connection, now: float) -> int:
        count = 0
        for found in self._copy.rebuild(self._check):
            self._check()
            url, standing = found.url, found.standing
            database.execute(
                "INSERT OR IGNORE INTO resource (host, request, type, title, depth, due, "
                "verdict, stands, digest, size) VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
                (
                    *(self._frontier.serverOf(url.scheme, url.host, url.port), requestOf(url)),
                    *(url.type, _FAR, now, standing.verdict),
                    *(standing.verdict, standing.digest, standing.size),
                ),
            )
            count += 1
        return count

    def _rows(
        self, database: sqlite3.Connection, kind: Kind
    ) -> Iterator[tuple[int, str, GopherURL, str]]:
        """
        Each resource that there is a file of: its number, title, URL and file.
        """
        last = 0
        while rows := database.execute(
            "SELECT resource.id, title, type, request, scheme, name, port FROM resource "
            "JOIN host ON host.id = resource.host "
            "WHERE resource.id > ? AND stands IS NOT NULL ORDER BY resource.id LIMIT ?",
            (last, _ROWS),
        ).fetchall():
            for number, title, type_, request, scheme, name, port in rows:
                self._check()
                last = number
                if bodyKind(type_) is kind:
                    selector, *fields = request.split(b"\t", 2)
                    search, plus = (*fields, None, None)[:2]
                    url = GopherURL(name, port, type_, selector, search, plus, scheme)
                    yield number, title, url, self._copy.pathOf(url)

    def _read(self, path: str, url: GopherURL) -> ReadBack:
        with suppress(OSError):  # somebody has taken it away meanwhile
            return readBack(path, url, self._charsets)
        return ReadBack()

    def _addLinks(self, database: sqlite3.Connection, menu: int, read: ReadBack) -> None:
        for link in read.links:
            server = self._frontier.knownServer(link.url.scheme, link.url.host, link.url.port)
            if server is None:
                continue
            found = database.execute(
                "UPDATE resource SET title = CASE title WHEN '' THEN ? ELSE title END, "
                "type = CASE WHEN '1' IN (type, ?) THEN type ELSE ? END "
                "WHERE host = ? AND request = ? RETURNING id",
                (link.title, link.url.type, link.url.type, server, requestOf(link.url)),
            ).fetchone()
            if found is not None:  # another is found again when the menu is asked for
                database.execute("INSERT OR IGNORE INTO link VALUES (?, ?)", (found[0], menu))
        self._frontier.note(menu, read.notFollowed)

    def _setDepths(self, database: sqlite3.Connection, starts: Iterable[GopherURL]) -> None:
        """
        How many links each is away from the start, and by which of the first menu's.
        """
        level: list[tuple[int, int]] = []  # with the branch
        for url in starts:
            server = self._frontier.knownServer(url.scheme, url.host, url.port)
            level += [
                (number, 0)
                for (number,) in database.execute(
                    "UPDATE resource SET depth = 0 WHERE host = ? AND request = ? RETURNING id",
                    (server, requestOf(url)),
                )
            ]
        depth = 0
        while level:
            depth += 1
            deeper: list[tuple[int, int]] = []
            for menu, branch in level:
                self._check()
                # what is below a link of the first menu is its branch
                below = branch or (menu if depth > 1 else 0)
                deeper += [
                    (number, below)
                    for (number,) in database.execute(
                        "UPDATE resource SET depth = ?, branch = ? WHERE depth > ? AND id IN "
                        "(SELECT target FROM link WHERE source = ?) RETURNING id",
                        (depth, below, depth, menu),
                    ).fetchall()
                ]
            level = deeper
        database.execute("UPDATE resource SET depth = 1 WHERE depth = ?", (_FAR,))
