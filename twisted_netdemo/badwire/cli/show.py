"""
C{badwire show}: the ladder of a log, as text, SVG, a page or JSON.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from twisted.python import usage

from twisted_netdemo.badwire.console import fail, printable, printLines, standard, tell
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.model.events import Sent, fromJSON
from twisted_netdemo.badwire.private_files import STDOUT, place, writePrivately
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.quantities import duration, whole

#: No line of a log is longer.
LINE = 4096


class LooseOptions(ServiceOptions):
    """
    Options that may also follow the arguments.
    """

    interspersed = True
    synopsis: str

    def getSynopsis(self) -> str:
        return f"Usage: badwire {self.synopsis}"


class Options(LooseOptions):
    synopsis = "show [options] LOG"
    longdesc = (
        "Draws what happened on the wire. LOG is a file that 'badwire run --log' wrote, or -."
    )
    optFlags = [
        ["json", None, "Print the ladder for programs."],
        ["to-scale", None, "Let drawn arrows slant by how long their packets were on the way."],
    ]
    optParameters = [
        ["flow", None, None, "Only this flow, a number from 0."],
        ["from", None, None, "Only what left at this time or later: 1.5s, as 't' counts."],
        ["to", None, None, "Only what left up to this time."],
        ["svg", None, None, "Write a drawing to this file (- for stdout)."],
        ["html", None, None, "Write a page to this file (- for stdout)."],
    ]

    def parseArgs(self, *logs: str) -> None:
        if not logs:
            raise usage.UsageError("which LOG?")
        if len(logs) > 1:
            raise usage.UsageError(f"one LOG at a time, not {' '.join(logs)}")
        self["log"] = logs[0]

    def postOptions(self) -> None:
        if self["flow"] is not None:
            self.take("flow", whole)
        for name, otherwise in (("from", 0.0), ("to", math.inf)):
            if self[name] is None:
                self[name] = otherwise
            else:
                self.take(name, duration)
        if self["from"] > self["to"]:
            raise usage.UsageError("--from is later than --to")
        if self["to-scale"]:
            checkScaled(self)
        taken = {"standard output": "--json is written"} if self["json"] else {}
        if self["log"] != "-" and (log := place(self["log"])) is not None:
            taken[log] = "LOG is"
        for name in ("svg", "html"):
            path = self[name]
            if path is None or (where := place(path)) is None:
                continue
            if where in taken:
                raise usage.UsageError(f"--{name}: {path!a}: {taken[where]} there")
            taken[where] = f"--{name} is written"


def checkScaled(options: Mapping[str, object]) -> None:
    """
    @raise UsageError: nothing is drawn that could be to scale.
    """
    if options["svg"] is None and options["html"] is None:
        raise usage.UsageError("--to-scale: of which drawing? Give --svg or --html too")


def main(options: Options) -> int:
    """
    Draw what is asked for.

    @return: the exit status.
    """
    name = options["log"]
    title = "standard input" if name == "-" else printable(name)
    recorder = Recorder(options["flow"], options["from"], options["to"], bool(options["to-scale"]))
    try:
        with _opened(name) as log:
            complaint = read(log, recorder)
    except OSError as error:
        return fail(title, error)
    if complaint:
        tell(f"badwire: {title}: {complaint}", sys.stderr)
        if not recorder.flows:
            return FAILED
    for option, draw in (
        ("svg", recorder.svg),
        ("html", lambda: recorder.html(os.path.basename(title))),
    ):
        if options[option] is not None:
            path = options[option]
            try:
                writePrivately(path, draw())
            except OSError as error:
                if path == STDOUT and isinstance(error, BrokenPipeError):
                    continue  # its reader has what it wanted
                return fail("stdout" if path == STDOUT else path, error)
    if options["json"]:
        printLines([recorder.json()])
    elif options["svg"] is None and options["html"] is None:
        width = shutil.get_terminal_size().columns
        printLines(recorder.text(width) if recorder.flows else ["No packets."])
    return 0


def read(log: BinaryIO, recorder: Recorder) -> str:
    """
    Tell the pictures of a log's events. A line that is none, such as one cut short, is left out.

    @return: what is wrong with the log, without its name; empty where all is well.
    """
    bad = 0
    first = ""
    for number, line in enumerate(_lines(log), 1):
        try:
            event = fromJSON(line) if line is not None else None
            if event is None:
                raise ValueError("too long")
        except ValueError as error:
            bad += 1
            first = first or f"line {number} is no event: {error}"
        else:
            if isinstance(event, Sent):
                recorder.sent(event)
            else:
                recorder.arrived(event)
    return first + (f" ({bad - 1} more such lines)" if bad > 1 else "")


def _lines(log: BinaryIO) -> Iterator[bytes | None]:
    """
    The lines, L{None} for one that is too long.
    """
    while line := log.readline(LINE):
        if len(line) < LINE or line.endswith(b"\n"):
            yield line
            continue
        yield None
        while (rest := log.readline(LINE)) and not rest.endswith(b"\n"):
            pass


def _opened(name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(standard("stdin").buffer) if name == "-" else open(name, "rb")
