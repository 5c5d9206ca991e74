"""
Recording what came of a resource, with a menu's links, in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from twisted_netdemo.gopher.mirror.plan import MAX_HOSTS
from twisted_netdemo.gopher.mirror.state.frontier import Frontier, requestOf
from twisted_netdemo.gopher.mirror.state.rows import Finding, MenuLink, ResourceRow

#: How many resources of one server may wait at a time: what a hostile one lists costs disk.
MAX_DUE = 1_000_000
#: What part of the servers that may be known one server may lead to, else made-up names would keep
#: those of others out.
SHARE = 10


@dataclass
class Recorded:
    """
    @ivar servers: of which something new is due.
    @ivar documents: how many documents a menu leads to that were not known.
    @ivar menus: how many menus.
    @ivar dropped: how many links were left out, since their server has too many waiting.
    @ivar strangers: how many were left out, since their servers are new and too many are known.
    """

    servers: set[int] = field(default_factory=set)
    documents: int = 0
    menus: int = 0
    dropped: int = 0
    strangers: int = 0


class FindingRecorder:
    """
    Writes findings.

    @param maxDue: see L{MAX_DUE}.
    @ivar maxHosts: how many servers may be known.
    """

    def __init__(
        self, frontier: Frontier, maxDue: int = MAX_DUE, maxHosts: int = MAX_HOSTS
    ) -> None:
        self._frontier = frontier
        self._maxDue = maxDue
        self.maxHosts = maxHosts
        self._hosts: int | None = None
        self._brought: dict[int, int] = {}  # new servers, by the one that led to them
        self._waiting: dict[int, int] = {}  # by server, counted from above

    @property
    def share(self) -> int:
        """
        How many new servers one may lead to.
        """
        return max(1, self.maxHosts // SHARE)

    def isFull(self) -> bool:
        """
        Whether as many servers are known as may be.
        """
        if self._hosts is None:
            self._hosts = self._frontier.serverCount()
        return self._hosts >= self.maxHosts

    def record(self, finding: Finding, round: int, now: float, isGiven: bool = False) -> Recorded:
        """
        @param round: its number.
        @param isGiven: whether the mirror was given the server: it may lead to any number.
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
            if finding.links is None:
                return Recorded()
            self._frontier.note(resource.id, finding.notFollowed)
            recorded = self._link(database, resource, finding.links, finding.exempts, now, isGiven)
            if recorded.strangers:
                self._frontier.leaveOut(recorded.strangers)
            return recorded

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

    def _link(
        self,
        database: sqlite3.Connection,
        resource: ResourceRow,
        links: Iterable[MenuLink],
        exempts: bool,
        now: float,
        isGiven: bool,
    ) -> Recorded:
        servers: dict[tuple[str, str, int], int | None] = {}
        recorded = Recorded()
        targets: set[int] = set()
        full: set[int] = set()
        branch = resource.branch or (resource.id if resource.depth else 0)
        for link in links:
            url = link.url
            key = (url.scheme, url.host, url.port)
            if key not in servers:
                servers[key] = self._server(key, resource.server, exempts, isGiven)
            server = servers[key]
            if server is None:
                recorded.strangers += 1
                continue
            request = requestOf(url)
            known = database.execute(
                "SELECT id, type, depth, title FROM resource WHERE host = ? AND request = ?",
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
            number, kind, depth, title = known
            targets.add(number)
            if link.title and not title:  # as after the loss of a database
                self._name(database, number, link.title)
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

    def _name(self, database: sqlite3.Connection, number: int, title: str) -> None:
        database.execute("UPDATE resource SET title = ? WHERE id = ?", (title, number))
        database.execute("UPDATE text SET title = ? WHERE rowid = ?", (title, number))

    def _server(
        self, key: tuple[str, str, int], source: int, exempts: bool, isGiven: bool
    ) -> int | None:
        """
        A server's number; C{None} if it is new, and the server that leads to it brings too many.
        """
        known = self._frontier.knownServer(*key, isExempt=exempts)
        if known is not None:
            return known
        if source not in self._brought:  # earlier runs count too
            self._brought[source] = self._frontier.foundBy(source)
        if self.isFull() or (self._brought[source] >= self.share and not isGiven):
            return None
        self._hosts = (self._hosts or 0) + 1
        self._brought[source] += 1
        return self._frontier.serverOf(*key, isExempt=exempts, foundBy=source)

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
