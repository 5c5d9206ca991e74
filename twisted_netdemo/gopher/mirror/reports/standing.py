"""
How a mirror stands: its hosts, what was whole and what was not, and what is due.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted_netdemo.gopher.formats.display import safeLine
from twisted_netdemo.gopher.mirror.reports.row_values import moment, rowURL
from twisted_netdemo.gopher.url import GopherURL

#: What a resource came to when it was last asked for; and what is not followed, but written down.
VERDICTS = ("whole", "suspect", "truncated", "failed", "vanished")
COUNTED = (*VERDICTS, "recorded")
_TROUBLES = VERDICTS[1:]


@dataclass
class HostStanding:
    """
    @ivar url: of its root menu.
    @ivar address: the one that answered last.
    @ivar failed: why it failed in its last round.
    @ivar counts: how many resources, by L{COUNTED}.
    @ivar refused: how many its C{robots.txt} keeps out.
    @ivar size: of what stands, in bytes.
    @ivar due: how many resources are due now.
    @ivar next: when the next one is due, in seconds since 1970, if none is now.
    @ivar traps: where it leads robots for ever: what kind, and why it was taken for one.
    """

    url: GopherURL
    address: str | None = None
    failed: str | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    refused: int = 0
    size: int = 0
    due: int = 0
    next: float | None = None
    traps: list[tuple[str, str]] = field(default_factory=list)

    def asMembers(self) -> dict[str, object]:
        """
        For JSON.
        """
        return {
            "url": str(self.url),
            "host": self.url.host,
            "port": self.url.port,
            "address": self.address,
            "failed": self.failed,
            "counts": self.counts,
            "refused": self.refused,
            "bytes": self.size,
            "due": self.due,
            "next_due": moment(self.next),
            "traps": [{"kind": kind, "reason": reason} for kind, reason in self.traps],
        }


class MirrorStanding:
    """
    All that is known of a mirror at one moment.

    @ivar round: its number.
    @ivar isOpen: whether it goes on, or would if the mirror were started again.
    @ivar begun: when it began, in seconds since 1970.
    @ivar ended: when the last one ended.
    @ivar leftOut: how many links it left out, since they lead to more hosts than may be known.
    """

    def __init__(self, database: sqlite3.Connection, folder: str, now: float) -> None:
        """
        @param folder: where the mirror is.
        @param now: in seconds since 1970.
        @raise sqlite3.Error: the database cannot be read.
        """
        database.execute("BEGIN")  # all of it at one moment
        self._database = database
        self.folder = folder
        known = dict(database.execute("SELECT key, value FROM mirror"))
        self.round = int(known.get("round", 0))
        self.isOpen = bool(known.get("open", 0))
        self.begun: float | None = known.get("begun")
        self.ended: float | None = None if self.isOpen else known.get("ended")
        self.leftOut = int(known.get("left_out", 0))
        self.hosts = self._readHosts(now)

    @property
    def counts(self) -> dict[str, int]:
        """
        Those of all hosts.
        """
        return {name: sum(host.counts[name] for host in self.hosts.values()) for name in COUNTED}

    def _readHosts(self, now: float) -> dict[int, HostStanding]:
        read = self._database.execute
        hosts = {
            number: HostStanding(rowURL(scheme, name, port, "1", b""), address, failed)
            for number, scheme, name, port, address, failed in read(
                "SELECT id, scheme, name, port, address, failed FROM host"
                " ORDER BY name, port, scheme"
            )
        }
        for number, verdict, count, size, refused, due, later in read(
            "SELECT host, verdict, count(*), total(size), total(reason IS NOT NULL),"
            " total(due <= ?), min(CASE WHEN due > ? THEN due END)"
            " FROM resource GROUP BY host, verdict",
            (now, now),
        ):
            host = hosts[number]
            if verdict in host.counts:
                host.counts[verdict] += count
            else:
                host.refused += int(refused)
            host.size += int(size)
            host.due += int(due)
            if later is not None:
                host.next = later if host.next is None else min(later, host.next)
        for number, count in read(
            "SELECT resource.host, count(DISTINCT address) FROM recorded"
            " JOIN resource ON resource.id = recorded.source GROUP BY resource.host"
        ):
            hosts[number].counts["recorded"] += count
        for number, kind, reason in read("SELECT host, kind, reason FROM trap ORDER BY at"):
            hosts[number].traps.append((kind, reason))
        return hosts

    def troubles(self, verdict: str) -> Iterator[tuple[GopherURL, str | None, int]]:
        """
        The resources that came to this verdict: the URL, why, and the exit status that a fetch
        would have.
        """
        for *place, reason, status in self._database.execute(
            "SELECT host.scheme, host.name, host.port, resource.type, resource.request,"
            " resource.reason, resource.status FROM resource JOIN host ON host.id = resource.host"
            " WHERE verdict = ? ORDER BY host.name, host.port, resource.request",
            (verdict,),
        ):
            yield rowURL(*place), reason, status


def standingLines(standing: MirrorStanding) -> Iterator[str]:
    """
    For people; nothing in it can drive a terminal.
    """
    hosts = list(standing.hosts.values())
    counts = ", ".join(f"{count} {name}" for name, count in standing.counts.items())
    begun, ended = moment(standing.begun), moment(standing.ended)
    state = f"begun {begun}, " if begun else "not begun"
    if begun:
        state += f"ended {ended}" if ended else "not ended yet"
    yield f"{safeLine(standing.folder)}: round {standing.round}, {state}\n"
    yield f"{counts}; {sum(host.due for host in hosts)} due now\n"
    if standing.leftOut:
        yield f"{standing.leftOut} links left out, to more hosts than may be known (--max-hosts)\n"
    yield "\n"
    head = ("host", *COUNTED, "bytes", "due", "next due")
    rows = [
        (
            str(host.url).removesuffix("/1"),
            *(str(host.counts[name]) for name in COUNTED),
            *(str(host.size), str(host.due), moment(host.next) or "-"),
        )
        for host in hosts
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        first, *rest = (
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join((first, *rest)).rstrip() + "\n"
    yield "\n"
    for host in hosts:
        if host.failed:
            yield f"host failed  {host.url}: {safeLine(host.failed)}\n"
        if host.refused:
            yield f"robots.txt  {host.url}: {host.refused} not asked for\n"
        for kind, reason in host.traps:
            yield f"trap  {host.url}: {safeLine(kind)}: {safeLine(reason)}\n"
    for verdict in _TROUBLES:
        for url, why, _ in standing.troubles(verdict):
            yield f"{verdict}  {url}{': ' if why else ''}{safeLine(why or '')}\n"


def standingAsJSON(standing: MirrorStanding) -> Iterator[str]:
    """
    One JSON object, in ASCII, in pieces.
    """
    head: dict[str, object] = {
        "folder": standing.folder,
        "round": standing.round,
        "begun": moment(standing.begun),
        "ended": moment(standing.ended),
        "counts": standing.counts,
        "due": sum(host.due for host in standing.hosts.values()),
        "links_left_out": standing.leftOut,
        "hosts": [host.asMembers() for host in standing.hosts.values()],
    }
    yield json.dumps(head)[:-1]
    for verdict in _TROUBLES:
        yield f', "{verdict}": ['
        before = ""
        for url, why, status in standing.troubles(verdict):
            yield before + json.dumps({"url": str(url), "reason": why, "status": status})
            before = ", "
        yield "]"
    yield "}\n"
