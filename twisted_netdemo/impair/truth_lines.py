"""
The lines of the ground truth, a JSON object each: what became of each datagram or connection, which
figures were changed in between, and the totals.

Pure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.impair.changes import Where

#: How many bytes of a datagram are shown.
HEAD = 64

#: The ends of a connection, and the relay between them.
Party: TypeAlias = Literal["client", "target", "relay"]


def _line(name: str, value: Mapping[str, object]) -> bytes:
    """
    A line for something other than a datagram.
    """
    return json.dumps({name: value}).encode() + b"\n"


def recordLine(
    t: float,
    direction: Direction,
    client: str,
    n: int,
    data: bytes,
    fates: Sequence[str],
    delay: float,
    sent: list[int],
    details: Mapping[str, int] | None = None,
) -> bytes:
    """
    One datagram's line.

    @param t: when the datagram came, in seconds since the start.
    @param client: its address and port.
    @param n: its number in this client and direction, from 0.
    @param data: as received.
    @param delay: as decided, in seconds.
    @param sent: the position of each copy in the order of leaving, from 0.
    @param details: what the faults add to the line
        (L{Fault.truth<twisted_netdemo.faults.kinds.fault.Fault>}).
    """
    record = {
        "t": round(t, 6),
        "direction": direction,
        "client": client,
        "n": n,
        "length": len(data),
        "fates": list(fates),
        "copies": len(sent),
        "delay_ms": round(delay * 1000, 3),
        "head": data[:HEAD].hex(),
        "sent": sent,
        **(details or {}),
    }
    return json.dumps(record).encode() + b"\n"


class DirectionTally:
    """
    The counts of one direction.

    @ivar received: datagrams that the relay received.
    @ivar lost: those of which no copy left, whatever the reason.
    @ivar out: copies that left.
    @ivar unread: datagrams that the system dropped before the relay could read them; they are not
        in C{received}.
    @ivar fates: how many datagrams met each fate.
    """

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self.out = 0
        self.unread = 0
        self.fates: Counter[str] = Counter()

    def count(self, fates: Sequence[str], copies: int) -> None:
        """
        One datagram has met its fate.
        """
        if fates:
            self.fates.update(fates)
        self.out += copies
        if not copies:
            self.lost += 1

    def summary(self) -> dict[str, int | dict[str, int]]:
        """
        The counts as they stand in the file's last line.
        """
        return {
            "in": self.received,
            "lost": self.lost,
            "out": self.out,
            "unread": self.unread,
            "fates": dict(sorted(self.fates.items())),
        }


def refusedLine(t: float, client: str) -> bytes:
    """
    The line for a datagram or a connection that the target's system has refused.

    @param t: when the system said so, in seconds since the start.
    @param client: its address and port; the system does not say which of its datagrams it was.
    """
    return _line("refused", {"t": round(t, 6), "client": client})


def changedLine(t: float, n: int, where: Where, figures: Mapping[str, str]) -> bytes:
    """
    The line for a change of the figures, or of the line itself.

    @param t: when, in seconds since the start.
    @param n: how many datagrams, or connections, had come before it.
    @param figures: their texts by name, or L{CUT<twisted_netdemo.impair.changes.CUT>} or
        L{HEALED<twisted_netdemo.impair.changes.HEALED>}.
    """
    record = {"t": round(t, 6), "n": n, "direction": where, "figures": dict(figures)}
    return _line("changed", record)


def summaryLine(
    seed: int,
    clients: int,
    missing: int,
    refused: int,
    tallies: Mapping[Direction, DirectionTally | ByteTally],
    ends: Mapping[str, int] | None = None,
) -> bytes:
    """
    The last line.

    @param missing: how many lines are missing before it.
    @param refused: how many datagrams or connections the target refused.
    @param ends: how many connections ended in each way.
    """
    summary: dict[str, object] = {
        "seed": seed,
        "clients": clients,
        "missing": missing,
        "refused": refused,
        **(ends or {}),
        **{direction: tallies[direction].summary() for direction in DIRECTIONS},
    }
    return _line("summary", summary)


# A relay of connections.


@dataclass
class ByteTally:
    """
    The bytes of one direction, of a connection or of all.

    @ivar received: that the relay received.
    @ivar out: that the system at the other end's side has taken.
    """

    received: int = 0
    out: int = 0

    def summary(self) -> dict[str, int]:
        """
        The counts as they stand in a line.
        """
        return {"in": self.received, "out": self.out}


def connectionLine(
    what: str,
    t: float,
    n: int,
    client: str,
    tallies: Mapping[Direction, ByteTally] | None = None,
    by: Party | None = None,
) -> bytes:
    """
    The line for what happened to a connection.

    @param what: C{opened}, C{hung}, C{closed} or C{reset}.
    @param t: when, in seconds since the start.
    @param n: its number in order of appearance, from 0.
    @param client: the client's address and port.
    @param tallies: the bytes that it has carried.
    @param by: the one that closed it first, or reset it.
    """
    record: dict[str, object] = {"t": round(t, 6), "n": n, "client": client}
    if by is not None:
        record["by"] = by
    for direction, tally in (tallies or {}).items():
        record[direction] = tally.summary()
    return _line(what, record)
