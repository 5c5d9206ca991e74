"""
The lesson on which a lesson runs: it runs C{badwire run}, shows what happened, and keeps it all.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted_netdemo.badwire.exit_statuses import UNAVAILABLE
from twisted_netdemo.badwire.lessons.claims import Claim
from twisted_netdemo.badwire.log_file import read
from twisted_netdemo.badwire.model.events import Arrived, Sent
from twisted_netdemo.badwire.render import terminal
from twisted_netdemo.badwire.render.ladder import RecordedFlow
from twisted_netdemo.badwire.render.payload_text import snippet
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.service.process.control import pythonEnvironment, pythonModule

#: How long one run may take, in seconds. It takes a few; the bound is for one that would never end,
#: and a busy machine must not reach it.
PATIENCE = 120.0

#: The number of rows of a ladder that fit a screen together with the text around it.
ROWS = 14

Findings = dict[str, Any]


class LessonError(Exception):
    """
    A lesson cannot be given here.

    @ivar status: the exit status of badwire.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Run:
    """
    The results of one run of C{badwire run}.

    @ivar found: the findings that the program printed.
    @ivar recorder: the recorded events.
    """

    found: list[Findings]
    recorder: Recorder

    @property
    def flows(self) -> list[RecordedFlow]:
        return self.recorder.flows

    @property
    def first(self) -> Findings:
        """
        The first findings; empty if the program printed none.
        """
        return self.found[0] if self.found else {}

    def sent(self, protocol: str = "tcp", direction: str | None = None) -> list[Sent]:
        """
        The packets that left.
        """
        return [
            sent
            for flow in self.flows
            for sent in flow.packets.values()
            if sent.protocol == protocol and direction in (None, sent.direction)
        ]

    def arrived(self) -> Iterator[tuple[Sent, Arrived]]:
        """
        The copies that arrived, each with its packet.
        """
        for flow in self.flows:
            for event in flow.events:
                if isinstance(event, Arrived):
                    yield flow.packets[event.n], event

    def fates(self, protocol: str = "tcp") -> Counter[str]:
        """
        The number of packets with each fate.
        """
        return Counter(fate for sent in self.sent(protocol) for fate in sent.fates)

    def effects(self, protocol: str = "tcp") -> Counter[str]:
        """
        The number of arrivals with each effect.
        """
        return Counter(event.effect for sent, event in self.arrived() if sent.protocol == protocol)


@dataclass
class LessonRun:
    """
    One lesson: it runs badwire, prints lines, and checks claims.

    @ivar tell: called with each line.
    @ivar width: the width of lines.
    @ivar parts: the texts and ladders so far, in order, for a page.
    @ivar isSeen: whether all claims so far have held.
    @ivar badwire: the command C{badwire}.
    @ivar programs: the command C{badwire-actor}.
    """

    tell: Callable[[str], object]
    width: int = 80
    parts: list[str | list[RecordedFlow]] = field(default_factory=list)
    isSeen: bool = True
    badwire: Sequence[str] = pythonModule("twisted_netdemo.badwire")
    programs: Sequence[str] = pythonModule("twisted_netdemo.badwire.lessons.programs.actor")

    def say(self, line: str = "") -> None:
        """
        Print a line.
        """
        if not self.parts or not isinstance(self.parts[-1], str):
            self.parts.append("")
        self.parts[-1] = f"{self.parts[-1]}{line}\n"
        self.tell(line)

    def run(self, options: str, actor: str) -> Run:
        """
        Run an actor on a wire, having said how.

        @param options: of C{badwire run}, as typed.
        @param actor: the actor and its arguments, as typed.
        @raise LessonError: badwire cannot run here, or the actor failed.
        """
        words = f"badwire run {options} --ladder -- badwire-actor {actor}".replace("  ", " ")
        *lines, last = _folded(words, self.width - 6)
        for place, line in enumerate([*(f"{line} \\" for line in lines), last]):
            self.say(f"{'    ' if place else '  $ '}{line}")
        self.say()
        with tempfile.TemporaryDirectory(prefix="badwire-") as folder:
            log = os.path.join(folder, "log")
            arguments = [*self.badwire, "run", "--quiet"]
            arguments += ["--log", log, *shlex.split(options), "--"]
            arguments += [*self.programs, *shlex.split(actor)]
            with subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=pythonEnvironment(),
            ) as process:
                try:
                    output, errors = process.communicate(timeout=PATIENCE)
                except subprocess.TimeoutExpired:
                    raise LessonError(125, f"it took more than {PATIENCE:g} s") from None
                finally:
                    process.terminate()  # where it is over, this does nothing
            if process.returncode:
                last = snippet(errors.strip().rpartition(b"\n")[2])[1:-1].removeprefix("badwire: ")
                status = process.returncode if process.returncode > 0 else 128 - process.returncode
                raise LessonError(status, last or f"status {status}")
            recorder = Recorder()
            with open(log, "rb") as stream:
                read(stream, recorder)
        return Run([json.loads(line) for line in output.splitlines()], recorder)

    def runTuned(self, options: str, tuning: str, actor: str) -> tuple[Run, bool]:
        """
        Run an actor on a wire whose kernel has other settings, or the usual ones where those
        cannot be had.

        @param tuning: the options C{--sysctl …}.
        @return: the run, and whether it was tuned.
        @raise LessonError: as L{run}.
        """
        try:
            return self.run(f"{options} {tuning}".strip(), actor), True
        except LessonError as error:
            if error.status != UNAVAILABLE or "--sysctl" not in str(error):
                raise
            self.say(f"  ({error}: this run goes without it.)")
            self.say()
            return self.run(options, actor), False

    def ladder(self, run: Run, most: int = ROWS, flow: int | None = None) -> None:
        """
        Show what happened on the wire.

        @param most: rows of each flow at most.
        @param flow: the only flow to be shown.
        """
        shown = [each for each in run.flows if flow in (None, each.number)]
        self.parts.append(shown)
        for line in [*terminal.draw(shown, self.width, most), run.recorder.remark]:
            self.tell(line)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """
        Show figures in columns: words to the left, numbers to the right.
        """
        texts = [[_text(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(headings, *texts, strict=True)]
        isNumber = [
            all(isinstance(row[place], (int, float)) or row[place] is None for row in rows)
            for place in range(len(headings))
        ]
        for line in (headings, ["-" * width for width in widths], *texts):
            cells = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, isNumber, strict=True)
            ]
            self.say(f"  {'  '.join(cells)}".rstrip())
        self.say()

    def ask(self, question: str, guess: str) -> None:
        """
        What the lesson is about, and what to guess before reading on.
        """
        self._sentence("Question:", question)
        self._sentence("Guess:", guess)
        self.say()

    def note(self, words: str) -> None:
        """
        Say what the lesson's programs do, or what was read from the system.
        """
        self._sentence("Note:", words)

    def claim(self, claim: Claim) -> None:
        """
        Say what was seen, or which figures were others.
        """
        self.isSeen = self.isSeen and claim.holds
        self._sentence("Seen:" if claim.holds else "Not seen here:", claim.words)

    def rule(self, words: str, source: str) -> None:
        """
        Say what is so in general, and where that is written: nothing that this run has shown.
        """
        self._sentence("By rule:", f"{words} ({source})")

    def next(self, words: str) -> None:
        """
        Say what to try.
        """
        self._sentence("Try next:", words)

    def _sentence(self, sign: str, words: str) -> None:
        first, *others = _folded(words, self.width - 10, max(0, len(sign) - 9))
        self.say(f"{sign:<9} {first}")
        for line in others:
            self.say(f"{'':<10}{line}")


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _folded(words: str, width: int, less: int = 0) -> list[str]:
    """
    Words in lines, broken at spaces alone.

    @param less: how much narrower the first line is.
    """
    lines = [""]
    for word in words.split(" "):
        room = width - less if len(lines) == 1 else width
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines
