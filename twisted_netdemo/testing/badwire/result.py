"""
The result of a program or a function that ran on a bad wire.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted_netdemo.badwire.model.events import Event, Sent
from twisted_netdemo.testing.badwire.wire_record import WireRecord

#: How many rows of each flow, how many lines of a ladder at its two ends, and how many characters
#: of each output, a report shows.
ROWS, LINES, SHOWN = 40, (50, 100), 2000


@dataclass(frozen=True)
class Result:
    """
    What a program or a function on the wire did, and what the wire did to its packets.

    @ivar status: the exit status; 128 + N for signal N.
    @ivar stdout: what the program printed, as UTF-8. Bytes that are not UTF-8 are surrogates, as
        C{os.fsdecode} has them. Empty for a function, whose output goes where the test's goes.
    @ivar stderr: the same for its errors.
    @ivar timed_out: whether the program was killed because it took too long.
    @ivar value: what the function returned; L{None} for a program.
    @ivar command: a line that runs it again, with the same fates.
    @ivar record: all that is known of the wire.
    """

    status: int
    record: WireRecord
    command: str
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False
    value: Any = None

    @property
    def seed(self) -> int:
        """
        The seed of all draws, given or drawn.
        """
        return self.record.seed

    @property
    def events(self) -> tuple[Event, ...]:
        """
        The events of the wire in order: C{Sent}, C{Arrived} and C{Changed} of
        L{twisted_netdemo.badwire.model.events}.
        """
        return self.record.events

    @property
    def sent(self) -> tuple[Sent, ...]:
        """
        The packets that left.
        """
        return self.record.sent

    @property
    def kernel(self) -> Mapping[str, int]:
        """
        The kernel's counters by their names in nstat(8), such as C{TcpRetransSegs}. An unknown name
        is a L{KeyError} that suggests one.
        """
        return self.record.kernel

    def packets(self, fate: str | None = None, **fields: Any) -> list[Sent]:
        """
        The packets that left and that are like this: C{packets("lost", direction="up")}.

        @param fate: one of the packet's fates; C{None} for any or none.
        @param fields: the values of fields of C{Sent}.
        @raise Mistake: there is no such fate, or no such field.
        """
        return self.record.packets(fate, **fields)

    def ladder(self, width: int = 80, most: int | None = None) -> str:
        """
        The ladder of what happened, as text.

        @param most: the number of rows of each flow at most.
        """
        return self.record.ladder(width, most)

    def report(self) -> str:
        """
        All of it as text: how it ended, what it printed, the seed, the command that runs it again,
        and the ladder.
        """
        ended = "it was killed: it took too long" if self.timed_out else f"status {self.status}"
        lines = [ended]
        for name, text in (("stdout", self.stdout), ("stderr", self.stderr)):
            if text:
                lines += [f"{name}:", *(f"  {line}" for line in printable(text))]
        return "\n".join([*lines, *about(self.record, self.command)])

    def __str__(self) -> str:
        return self.report()


def about(record: WireRecord, command: str, width: int = 80) -> list[str]:
    """
    The lines that tell what the wire did, and how to run it again.

    @param width: the columns of the ladder, where that is enough for it.
    """
    given = f" {shlex.join(record.words)}" if record.words else ""
    lines = [f"seed {record.seed}; again: {command}", f"wire:{given or ' a good one'}"]
    lines += [f"badwire: {note}" for note in record.notes]
    return [*lines, "", *_folded(record.ladder(width, ROWS).splitlines())]


def _folded(lines: list[str]) -> list[str]:
    first, last = LINES
    left = len(lines) - first - last
    if left <= 0:
        return lines
    return [*lines[:first], "", f"({left} lines of the ladder are left out)", "", *lines[-last:]]


def printable(text: str) -> list[str]:
    """
    The last lines of an output, with a dot for each character that could steer a terminal.
    """
    start = f"({len(text) - SHOWN} characters before)" if len(text) > SHOWN else ""
    lines = [
        "".join(letter if letter.isprintable() or letter == "\t" else "." for letter in line)
        for line in text[-SHOWN:].rstrip("\n").split("\n")
    ]
    return [*filter(None, [start]), *lines]
