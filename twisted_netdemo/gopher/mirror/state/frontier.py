"""
The frontier: which resources are known, and when each is to be asked for.

Everything here runs in one thread. A resource that has been taken is still due in the file until
what came of it is recorded: after a kill it is asked for again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from twisted_netdemo.gopher.mirror.contract import Standing
from twisted_netdemo.gopher.mirror.state.round_time import MirrorRound
from twisted_netdemo.gopher.mirror.state.rows import NotFollowed, ResourceRow, ServerRow
from twisted_netdemo.gopher.url import GopherURL

_SERVER = "id, scheme, name, port, exempt, software, encoding, asked, caps_until"
_RESOURCE = (
    "id, host, request, type, title, depth, branch, is_start, tries, factor, verdict, "
    "stands, digest, size, pending"
)

_ANSWERED = ("whole", "suspect", "truncated")


@dataclass(frozen=True)
class DueResources:
    """
    Resources that are due.

    @ivar resources: the most urgent first.
    @ivar next: when another one of the server's is due; C{None} for never.
    """

    resources: list[ResourceRow]
    next: float | None


def requestOf(url: GopherURL) -> bytes:
    """
    A URL's request line without its CRLF.
    """
    return url.requestLine().removesuffix(b"\r\n")


class Frontier:
    """
    @param database: see L{openDatabase<twisted_netdemo.gopher.mirror.state.tables.openDatabase>}.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        What is done within it is done whole or not at all.
        """
        database = self.database
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    # Rounds.

    def beginRound(self, now: float, every: float | None) -> MirrorRound:
        """
        Go on with the round that was interrupted; if there is none, begin one.

        @param now: in seconds since the epoch.
        @param every: after how long a resource is due again; C{None} for a single round.
        """
        with self.transaction() as database:
            number, begun = int(self._value("round", 0)), float(self._value("begun", 0))
            wasOnce = self._value("every", 0) == 0
            isOpen = bool(self._value("open", 0))
            if isOpen and every is None and wasOnce:
                counted = "SELECT count(*) FROM resource WHERE round = ?"
                asked = database.execute(counted, (number,)).fetchone()[0]
                return MirrorRound(number, begun, asked, isResumed=True)
            number += 1
            if every is None:
                # What an ended round left over was due earlier, and comes first.
                database.execute(
                    "UPDATE resource SET due = ? WHERE due IS NULL OR due > ?", (now, now)
                )
                database.execute("UPDATE resource SET tries = 0 WHERE tries > 0")
            else:
                database.execute(
                    "UPDATE resource SET due = coalesce(asked + ? * factor, ?) WHERE due IS NULL",
                    (every, now),
                )
                database.execute(
                    "UPDATE resource SET due = ? WHERE due > ?", (now + 8 * every,) * 2
                )
            for key, value in (
                ("round", number),
                ("begun", now),
                ("every", every or 0),
                ("open", 1),
                ("left_out", 0),
            ):
                self._set(key, value)
        return MirrorRound(number, now)

    def endRound(self, now: float) -> None:
        """
        The round is over, and the next call of L{beginRound} begins another.
        """
        with self.transaction():
            self._set("open", 0)
            self._set("ended", now)

    def nextRound(self, now: float) -> MirrorRound:
        """
        For a mirror that stays: requests are counted anew.
        """
        with self.transaction():
            number = int(self._value("round", 0)) + 1
            self._set("round", number)
            self._set("begun", now)
            self._set("left_out", 0)
        return MirrorRound(number, now)

    def _value(self, key: str, default: float) -> float:
        found = self.database.execute("SELECT value FROM mirror WHERE key = ?", (key,)).fetchone()
        return default if found is None else found[0]

    def _set(self, key: str, value: float) -> None:
        self.database.execute("INSERT OR REPLACE INTO mirror VALUES (?, ?)", (key, value))

    # Servers.

    def serverOf(
        self,
        scheme: str,
        name: str,
        port: int,
        isExempt: bool = False,
        foundBy: int | None = None,
    ) -> int:
        """
        A server's number; the server is added if it is new. Within a transaction.

        @param isExempt: whether a server at an address that is not global leads to it.
        @param foundBy: the number of the server that leads to it.
        """
        known = self.knownServer(scheme, name, port, isExempt)
        if known is not None:
            return known
        added = self.database.execute(
            "INSERT INTO host (scheme, name, port, exempt, found_by) VALUES (?, ?, ?, ?, ?)",
            (scheme, name, port, 2 if isExempt else 0, foundBy),
        )
        return added.lastrowid or 0

    def knownServer(self, scheme: str, name: str, port: int, isExempt: bool = False) -> int | None:
        """
        A server's number; C{None} if it is new. Within a transaction.
        """
        found = self.database.execute(
            "SELECT id, exempt FROM host WHERE scheme = ? AND name = ? AND port = ?",
            (scheme, name, port),
        ).fetchone()
        if found is None:
            return None
        if isExempt and not found[1] & 2:
            self.database.execute("UPDATE host SET exempt = exempt | 2 WHERE id = ?", (found[0],))
        return int(found[0])

    def serverCount(self) -> int:
        """
        How many servers are known.
        """
        return int(self.database.execute("SELECT count(*) FROM host").fetchone()[0])

    def foundBy(self, server: int) -> int:
        """
        How many servers are known since this one led to them.
        """
        found = self.database.execute("SELECT count(*) FROM host WHERE found_by = ?", (server,))
        return int(found.fetchone()[0])

    def leaveOut(self, count: int) -> None:
        """
        Count links that are left out in this round, since too many servers are known. Within a
        transaction.
        """
        self._set("left_out", self._value("left_out", 0) + count)

    def server(self, number: int) -> ServerRow:
        """
        What is known of a server.
        """
        found = self.database.execute(f"SELECT {_SERVER} FROM host WHERE id = ?", (number,))
        return _server(found.fetchone())

    def rulesOf(self, server: int) -> str | None:
        """
        A server's rules, as last read; C{None} if it was never asked.
        """
        found = self.database.execute("SELECT robots FROM host WHERE id = ?", (server,)).fetchone()
        return None if found is None else found[0]

    def describeServer(self, server: ServerRow, rules: str | None, address: str) -> None:
        """
        Keep what a server said of itself.

        @param rules: its C{robots.txt}; C{None} for what is known.
        @param address: the one that answered.
        """
        with self.transaction() as database:
            database.execute(
                "UPDATE host SET robots = coalesce(?, robots), software = ?, encoding = ?, "
                "asked = ?, caps_until = ?, address = ?, failed = NULL WHERE id = ?",
                (
                    *(rules, server.software, server.encoding, server.asked, server.capsUntil),
                    *(address, server.id),
                ),
            )

    def serversDue(self) -> list[tuple[ServerRow, float]]:
        """
        The servers of which anything is due, now or later, and when first.
        """
        with closing(
            self.database.execute(
                f"SELECT * FROM (SELECT (SELECT due FROM resource WHERE host = host.id AND "
                f"due IS NOT NULL ORDER BY due LIMIT 1) AS due, {_SERVER} FROM host) "
                "WHERE due IS NOT NULL"
            )
        ) as found:
            return [(_server(row), float(due)) for due, *row in found]

    # Resources.

    def note(self, source: int, items: Collection[NotFollowed]) -> None:
        """
        Keep what a menu has that is not followed, and nothing else of it. Within a transaction.

        @param source: the menu's number.
        """
        self.database.execute("DELETE FROM recorded WHERE source = ?", (source,))
        self.database.executemany(
            "INSERT OR IGNORE INTO recorded VALUES (?, ?, ?, ?)",
            [(source, item.address, item.type, item.title) for item in items],
        )

    def addStarts(self, urls: Iterable[GopherURL], now: float) -> list[int]:
        """
        Make these the URLs that the mirror starts from.

        @return: the numbers of their resources.
        """
        numbers = []
        with self.transaction() as database:
            database.execute("UPDATE resource SET is_start = 0 WHERE is_start = 1")
            database.execute("UPDATE host SET exempt = exempt & 2 WHERE exempt & 1")
            for url in urls:
                server = self.serverOf(url.scheme, url.host, url.port)
                database.execute("UPDATE host SET exempt = exempt | 1 WHERE id = ?", (server,))
                number = database.execute(
                    "INSERT INTO resource (host, request, type, title, depth, is_start, due) "
                    "VALUES (?, ?, ?, '', 0, 1, ?) ON CONFLICT (host, request) DO UPDATE SET "
                    "depth = 0, branch = 0, is_start = 1, type = excluded.type RETURNING id",
                    (server, requestOf(url), url.type, now),
                ).fetchone()[0]
                numbers.append(int(number))
        return numbers

    def take(self, server: int, now: float, taken: Collection[int], limit: int) -> DueResources:
        """
        The resources of a server that are due, without those that have been taken before.
        """
        with closing(
            self.database.execute(
                f"SELECT due, {_RESOURCE} FROM resource WHERE host = ? AND due IS NOT NULL "
                "ORDER BY due, id LIMIT ?",
                (server, limit + len(taken) + 1),
            )
        ) as found:
            resources: list[ResourceRow] = []
            for due, *row in found:
                if row[0] in taken:
                    continue
                if due > now or len(resources) == limit:
                    return DueResources(resources, due)
                resources.append(_resource(row))
        return DueResources(resources, None)

    def leave(
        self, resources: Iterable[ResourceRow], due: float | None, reason: str | None
    ) -> None:
        """
        Do not ask for these in this round.

        @param due: when they are due again.
        @param reason: why, if that is worth knowing; what they were before is not changed.
        """
        with self.transaction() as database:
            database.executemany(
                "UPDATE resource SET due = ?, tries = 0, reason = coalesce(?, reason) WHERE id = ?",
                [(due, reason, each.id) for each in resources],
            )

    def failServer(
        self, server: int, number: int, reason: str, status: int, now: float, due: float | None
    ) -> int:
        """
        A server does not answer in this round: none of its resources is asked for.

        @param number: of the round.
        @return: how many have failed with it.
        """
        with self.transaction() as database:
            database.execute("UPDATE host SET failed = ? WHERE id = ?", (reason, server))
            return database.execute(
                "UPDATE resource SET due = ?, tries = 0, verdict = 'failed', reason = ?, "
                "status = ?, round = ? WHERE host = ? AND due <= ?",
                (due, reason, status, number, server, now + 60),
            ).rowcount

    def startsUnanswered(self, round: int) -> list[tuple[int, str]] | None:
        """
        The status of each URL that the mirror starts from, and why it did not answer in a round;
        C{None} if one has, or if the round ended before one of them was asked for.
        """
        rows = self.database.execute(
            "SELECT verdict, status, reason, round, due FROM resource WHERE is_start = 1 "
            "ORDER BY id"
        ).fetchall()
        for verdict, _, _, asked, due in rows:
            if due is not None if asked != round else verdict in _ANSWERED:
                return None
        return [(status, reason or "") for _, status, reason, *_ in rows]

    def dueCount(self, now: float) -> int:
        """
        How many resources are due.
        """
        found = self.database.execute(
            "SELECT count(*) FROM resource WHERE due IS NOT NULL AND due <= ?", (now,)
        )
        return int(found.fetchone()[0])

    # After the loss of a database.

    @property
    def isRestored(self) -> bool:
        """
        Whether what the files know is in the database.
        """
        return bool(self._value("restored", 0))

    def setRestored(self) -> None:
        """
        It is in there now. Within a transaction.
        """
        self._set("restored", 1)

    def close(self) -> None:
        self.database.close()


def _server(row: Sequence[Any]) -> ServerRow:
    number, scheme, name, port, exempt, *rest = row
    return ServerRow(number, scheme, name, port, bool(exempt), *rest)


def _resource(row: Sequence[Any]) -> ResourceRow:
    number, server, request, kind, title, depth, branch, isStart, tries, factor, verdict = row[:11]
    stands, digest, size, pending = row[11:]
    return ResourceRow(
        number,
        server,
        request,
        kind,
        title,
        depth,
        branch,
        bool(isStart),
        tries,
        factor,
        verdict,
        None if stands is None else Standing(stands, digest, size),
        pending,
    )
