"""
What a run comes to: a line of figures, and the two columns of counts; for people and for programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted_netdemo.badwire.counters import Row


@dataclass(frozen=True)
class Summary:
    """
    @ivar seed: what all chance followed from.
    @ivar seconds: how long the network was up.
    @ivar table: for each protocol how many packets left, and how many met each fate.
    @ivar rows: the counts of log and kernel.
    @ivar looped: how many packets went by the loopback device, which the kernel counts as well.
    @ivar dropped: how many packets were dropped before the wire could read them.
    @ivar unread: how many were none of the wire's.
    @ivar refused: how many copies the device did not take.
    """

    seed: int
    seconds: float
    table: dict[str, dict[str, int]]
    rows: Sequence[Row]
    looped: int = 0
    dropped: int = 0
    unread: int = 0
    refused: int = 0

    def record(self, status: int) -> dict[str, Any]:
        """
        For programs.

        @param status: COMMAND's exit status.
        """
        return {
            "status": status,
            "seed": self.seed,
            "seconds": round(self.seconds, 6),
            "packets": self.table,
            "counters": [
                {"what": row.what, "log": row.log, "kernel": row.kernel, "of": row.of}
                for row in self.rows
            ],
            "looped": self.looped,
            "dropped": self.dropped,
            "unread": self.unread,
            "refused": self.refused,
        }

    def warnings(self) -> list[str]:
        """
        What whoever ran it should know, even if no figures are wanted.
        """
        return []

    def lines(self) -> list[str]:
        """
        For people.
        """
        total = sum(figures["packets"] for figures in self.table.values())
        parts = [_figures(protocol, figures) for protocol, figures in self.table.items()]
        lines = [f"{_count(total, 'packet')} in {self.seconds:.2f} s: " + "; ".join(parts)]
        if not total:
            return ["no packet was on the wire"]
        rows = [row for row in self.rows if row.log or row.kernel]
        if rows:
            width = max(len(row.what) for row in rows)
            lines.append(f"{'':{width}} {'log':>8} {'kernel':>8}")
            for row in rows:
                difference = row.kernel - row.log
                verdict = "=" if not difference else f"{difference:+d}"
                lines.append(f"{row.what:{width}} {row.log:8d} {row.kernel:8d}  {verdict}")
        for count, what in (
            (self.looped, "went by the loopback device, not the wire; the kernel counts it too"),
            (self.dropped, "dropped by the device: the wire was too slow to read in time"),
            (self.refused, "not taken by the device"),
        ):
            if count:
                lines.append(f"{_count(count, 'packet')} {what}")
        return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _figures(protocol: str, figures: dict[str, int]) -> str:
    name = protocol.upper() if protocol.isalpha() else f"protocol {protocol}"
    fates = [f"{count} {fate}" for fate, count in figures.items() if fate != "packets"]
    what = f"{figures['packets']} {'ICMPv6' if protocol == 'icmp6' else name}"
    return f"{what} ({', '.join(fates)})" if fates else what
