"""
Recording what came of a resource, with a menu's links, in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from twisted_netdemo.gopher.mirror.state.frontier import Frontier, requestOf
from twisted_netdemo.gopher.mirror.state.rows import Finding, MenuLink, NotFollowed, ResourceRow

#: How many resources of one server may wait at a time: what a hostile one lists costs disk.
MAX_DUE = 1_000_000


@dataclass
class Recorded:
    """
    @ivar servers: of which something new is due.
    @ivar documents: how many documents a menu leads to that were not known.
    @ivar menus: how many menus.
    @ivar dropped: how many links were left out, since their server has too many waiting.
    """

    servers: set[int] = field(default_factory=set)
    documents: int = 0
    menus: int = 0
    dropped: int = 0


class FindingRecorder:
    """
    Writes findings.

    @param maxDue: see L{MAX_DUE}.
    """

    def __init__(self, frontier: Frontier, maxDue: int = MAX_DUE) -> None:
        self._frontier = frontier
        self._maxDue = maxDue
        self._waiting: dict[int, int] = {}  # by server, counted from above

    def record(self, finding: Finding, round: int, now: float) -> Recorded:
        """
        @param round: its number.
        """
        resource = finding.resource
        with self._frontier.transaction() as database:
            verdict = self._verdict(database, finding)
            stored = finding.stored
            standing = resource.standing if stored is None else stored.standing
            pending = resource.pending if stored is None else stored.pending
            updated = database.execute(
                "UPDATE resource SET due = ?, tries = ?, verdict = ?, reason = ?, status = ?, "
                "stands = ?, digest = ?, size = ?, pending = ?, asked = ?, factor = ?, round = ?, "
                "changed = CASE WHEN ? THEN ? ELSE changed END WHERE id = ?",
                (
                    *(finding.due, finding.tries, verdict, finding.reason, finding.status),
                    standing and standing.verdict,
                    standing and standing.digest,
                    standing and standing.size,
                    *(pending, finding.asked, finding.factor, round),
                    *(stored is not None and stored.changed, finding.asked, resource.id),
                ),
            )
            if not updated.rowcount:  # forgotten meanwhile, as part of a trap
                return Recorded()
            if finding.text is not None and self._isNews(database, finding):
                database.execute("DELETE FROM text WHERE rowid = ?", (resource.id,))
                database.execute(
                    "INSERT INTO text (rowid, title, body) VALUES (?, ?, ?)",
                    (resource.id, resource.title, finding.text),
                )
            self._note(database, resource, finding.notFollowed)
            if finding.links is None:
                return Recorded()
            return self._link(database, resource, finding.links, finding.exempts, now)

    def _verdict(self, database: sqlite3.Connection, finding: Finding) -> str:
        resource = finding.resource
        if finding.verdict != "failed" or resource.standing is None:
            return finding.verdict
        if finding.isGone:
            return "vanished"
        if finding.isUnreached and not resource.isStart and not finding.tries:
            linked = database.execute("SELECT 1 FROM link WHERE target = ?", (resource.id,))
            if linked.fetchone() is None:
                return "vanished"
        return "failed"

    def _isNews(self, database: sqlite3.Connection, finding: Finding) -> bool:
        if finding.stored is None or finding.stored.changed:
            return True
        known = database.execute("SELECT 1 FROM text WHERE rowid = ?", (finding.resource.id,))
        return known.fetchone() is None

    def _note(
        self, database: sqlite3.Connection, resource: ResourceRow, items: Iterable[NotFollowed]
    ) -> None:
        database.executemany(
            "INSERT OR IGNORE INTO recorded VALUES (?, ?, ?, ?)",
            [(item.address, item.type, item.title, resource.id) for item in items],
        )

    def _link(
        self,
        database: sqlite3.Connection,
        resource: ResourceRow,
        links: Iterable[MenuLink],
        exempts: bool,
        now: float,
    ) -> Recorded:
        servers: dict[tuple[str, str, int], int] = {}
        recorded = Recorded()
        targets: set[int] = set()
        full: set[int] = set()
        branch = resource.branch or (resource.id if resource.depth else 0)
        for link in links:
            url = link.url
            key = (url.scheme, url.host, url.port)
            server = servers.get(key)
            if server is None:
                server = servers[key] = self._frontier.serverOf(*key, isExempt=exempts)
            request = requestOf(url)
            known = database.execute(
                "SELECT id, type, depth FROM resource WHERE host = ? AND request = ?",
                (server, request),
            ).fetchone()
            if known is None:
                if not self._hasRoom(database, server, full):
                    recorded.dropped += 1
                    continue
                added = database.execute(
                    "INSERT INTO resource (host, request, type, title, depth, branch, due) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(server, request, url.type, link.title, resource.depth + 1),
                        *(branch, now),
                    ),
                )
                targets.add(added.lastrowid or 0)
                recorded.servers.add(server)
                if url.type == "1":
                    recorded.menus += 1
                else:
                    recorded.documents += 1
                continue
            number, kind, depth = known
            targets.add(number)
            if depth > resource.depth + 1:
                database.execute(
                    "UPDATE resource SET depth = ?, branch = ? WHERE id = ?",
                    (resource.depth + 1, branch, number),
                )
            if url.type == "1" != kind:
                # What was asked for as a document is a menu, whose links are to be followed.
                database.execute(
                    "UPDATE resource SET type = '1', due = ? WHERE id = ?", (now, number)
                )
                recorded.servers.add(server)
        self._relink(database, resource.id, targets)
        return recorded

    def _hasRoom(self, database: sqlite3.Connection, server: int, full: set[int]) -> bool:
        """
        @param full: the servers that are known to have none; they are counted once for a menu.
        """
        if server in full:
            return False
        waiting = self._waiting.get(server)
        if waiting is None or waiting >= self._maxDue:
            counted = database.execute(
                "SELECT count(*) FROM resource WHERE host = ? AND due IS NOT NULL", (server,)
            )
            waiting = int(counted.fetchone()[0])
            if len(self._waiting) > 10_000:
                self._waiting.clear()
        # what is asked for meanwhile is seen at the next count
        self._waiting[server] = waiting + (waiting < self._maxDue)
        if waiting >= self._maxDue:
            full.add(server)
        return waiting < self._maxDue

    def _relink(self, database: sqlite3.Connection, source: int, targets: set[int]) -> None:
        old = {
            number
            for (number,) in database.execute("SELECT target FROM link WHERE source = ?", (source,))
        }
        database.executemany(
            "DELETE FROM link WHERE target = ? AND source = ?",
            [(number, source) for number in old - targets],
        )
        database.executemany(
            "INSERT INTO link VALUES (?, ?)", [(number, source) for number in targets - old]
        )
