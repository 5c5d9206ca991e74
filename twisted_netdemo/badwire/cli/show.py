"""
C{badwire show}: draws the ladder of a log as text, SVG, a page or JSON.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
from typing import BinaryIO

from twisted.python import usage

from twisted_netdemo.badwire.console import fail, printable, printLines, standard, tell
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.log_file import read
from twisted_netdemo.badwire.outputs import checkScaled
from twisted_netdemo.badwire.private_files import STDOUT, place, writePrivately
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.quantities import duration, whole


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


def main(options: Options) -> int:
    """
    Draw the ladder in the forms that were asked for.

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


def _opened(name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(standard("stdin").buffer) if name == "-" else open(name, "rb")
