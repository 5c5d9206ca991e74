"""
The summary of a run: a line of figures and the two columns of counts, for people and for programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted_netdemo.badwire.model.kernel_counters import CounterRow, KernelCount
from twisted_netdemo.badwire.render.captions import MARK
from twisted_netdemo.badwire.render.labels import protocolName
from twisted_netdemo.badwire.sandbox.watcher import Member

#: How many processes are named, and how many characters of each command.
_NAMED, _SHOWN = 5, 60


@dataclass(frozen=True)
class Summary:
    """
    @ivar seed: the seed of all random draws.
    @ivar seconds: how long the network existed.
    @ivar table: for each protocol the number of packets that left, and of those with each fate.
    @ivar rows: the counts of log and kernel.
    @ivar kernelCounts: what only the kernel can count.
    @ivar looped: the packets on the loopback device, which the kernel counts as well.
    @ivar dropped: the packets that were dropped before the wire could read them.
    @ivar unread: the packets that the wire did not carry: to other addresses, or malformed.
    @ivar malformed: the malformed packets among them.
    @ivar elsewhere: some of those addresses.
    @ivar refused: the copies that the device did not accept.
    @ivar left: the processes that go on in the network without the wire; L{None} if they are not
        known.
    @ivar counters: all counters of the kernel.
    """

    seed: int
    seconds: float
    table: dict[str, dict[str, int]]
    rows: Sequence[CounterRow]
    kernelCounts: Sequence[KernelCount] = ()
    looped: int = 0
    dropped: int = 0
    unread: int = 0
    malformed: int = 0
    elsewhere: Sequence[str] = ()
    refused: int = 0
    left: Sequence[Member] | None = ()
    counters: Mapping[str, int] = field(default_factory=dict)

    def record(self, status: int) -> dict[str, Any]:
        """
        The summary as JSON values, for programs.

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
            "measured": [
                {"what": each.what, "kernel": each.kernel, "of": each.of}
                for each in self.kernelCounts
            ],
            "looped": self.looped,
            "dropped": self.dropped,
            "unread": self.unread,
            "malformed": self.malformed,
            "elsewhere": list(self.elsewhere),
            "refused": self.refused,
            "left": None
            if self.left is None
            else [{"pid": it.pid, "command": it.command} for it in self.left],
        }

    def warnings(self) -> list[str]:
        """
        Warnings that are printed even with C{--quiet}.
        """
        if self.left is None:
            return ["what goes on in the network is not known: its watcher is not there"]
        if not self.left:
            return []
        names = [f"{_short(it.command)} (pid {it.pid})" for it in self.left[:_NAMED]]
        more = len(self.left) - len(names)
        names += [f"{more} more"] if more else []
        pids = " ".join(str(it.pid) for it in self.left)
        goes = "process goes" if len(self.left) == 1 else "processes go"
        return [
            f"{len(self.left)} {goes} on in the network, without its wire: {', '.join(names)}; "
            f"to end {'it' if len(self.left) == 1 else 'them'}: kill {pids}"
        ]

    def lines(self) -> list[str]:
        """
        The summary as lines, for people.
        """
        total = sum(figures["packets"] for figures in self.table.values())
        parts = [_figures(protocol, figures) for protocol, figures in self.table.items()]
        lines = [f"{_count(total, 'packet')} in {self.seconds:.2f} s: " + "; ".join(parts)]
        if not total:
            lines = ["no packet was on the wire"]
        else:
            lines += self._columns()
        where = f" ({', '.join(self.elsewhere)})" if self.elsewhere else ""
        for count, what in (
            (self.looped, "went by the loopback device, not the wire; the kernel counts it too"),
            (self.dropped, "dropped by the device: the wire was too slow to read in time"),
            (
                self.unread - self.malformed,
                f"to other addresses{where}: the wire does not carry that",
            ),
            (self.malformed, "malformed: the wire cannot read that"),
            (self.refused, "not taken by the device"),
        ):
            if count:
                lines.append(f"{_count(count, 'packet')} {what}")
        return lines

    def _columns(self) -> list[str]:
        """
        The columns of the log's and the kernel's counts; empty if there are none.
        """
        rows = [row for row in self.rows if row.log or row.kernel]
        counted = [each for each in self.kernelCounts if each.kernel]
        if not rows:
            return []
        names = [f"{row.what}{MARK if row.isInferred else ''}" for row in rows]
        hint = f"({MARK} log: by rule)" if any(row.isInferred for row in rows) else ""
        width = max(map(len, [hint, *names, *(each.what for each in counted)]))
        lines = [f"{hint:{width}} {'log':>8} {'kernel':>8}"]
        for name, row in zip(names, rows, strict=True):
            difference = row.kernel - row.log
            verdict = "=" if not difference else f"{difference:+d}"
            lines.append(f"{name:{width}} {row.log:8d} {row.kernel:8d}  {verdict}")
        for each in counted:
            lines.append(f"{each.what:{width}} {'':8} {each.kernel:8d}")
        return lines


def _short(command: str) -> str:
    return command if len(command) <= _SHOWN else f"{command[: _SHOWN - 3]}..."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _figures(protocol: str, figures: dict[str, int]) -> str:
    fates = [f"{count} {fate}" for fate, count in figures.items() if fate != "packets"]
    what = f"{figures['packets']} {protocolName(protocol)}"
    return f"{what} ({', '.join(fates)})" if fates else what
