"""
C{badwire lesson}: lessons on what TCP and UDP promise, each of which shows it on the wire.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

from twisted.python import usage

from twisted_netdemo.badwire.cli.show import LooseOptions
from twisted_netdemo.badwire.console import fail, printLines
from twisted_netdemo.badwire.exit_statuses import INTERRUPTED, UNAVAILABLE
from twisted_netdemo.badwire.lessons import (
    choosing,
    closing,
    ending,
    naming,
    pacing,
    reading,
    reliable,
    unreliable,
)
from twisted_netdemo.badwire.lessons.lesson_run import LessonError, LessonRun
from twisted_netdemo.badwire.private_files import STDOUT, writePrivately
from twisted_netdemo.badwire.render import page
from twisted_netdemo.service.cli.suggestions import didYouMean

_HOW = (
    "'badwire lesson NAME' gives one, 'badwire lesson all' all of them; --html FILE",
    "writes a page to keep. docs/tutorial/tour tells more about each, in their order.",
)

LESSONS: dict[str, Callable[[LessonRun], None]] = {
    lesson.__name__: lesson
    for lesson in (
        naming.address,
        naming.names,
        naming.ports,
        reliable.checksum,
        reliable.resend,
        reliable.order,
        reading.lines,
        pacing.window,
        pacing.congestion,
        ending.giveup,
        ending.silence,
        closing.closing,
        unreliable.datagrams,
        unreliable.size,
        choosing.setup,
        choosing.choose,
        reading.sockets,
    )
}


class Options(LooseOptions):
    synopsis = "lesson [options] [NAME...|all]"
    longdesc = "Shows what TCP promises and UDP does not. Without a NAME: which lessons there are."
    optParameters = [["html", None, None, "Write those asked for to this file, as one page."]]

    def parseArgs(self, *names: str) -> None:
        for name in names:
            if name not in LESSONS and name != "all":
                near = didYouMean(name, LESSONS) or "; see 'badwire lesson'"
                raise usage.UsageError(f"no lesson is called {name!a}{near}")
        self["names"] = list(LESSONS) if "all" in names else list(dict.fromkeys(names))

    def postOptions(self) -> None:
        if self["html"] is not None and not self["names"]:
            raise usage.UsageError("--html: which lessons?")
        if self["html"] == STDOUT:
            raise usage.UsageError("--html: '-': the lessons are printed there")


def statement(lesson: Callable[[LessonRun], None]) -> str:
    """
    The statement that a lesson shows to be true.
    """
    return " ".join((lesson.__doc__ or "").split())


def main(options: Options) -> int:
    """
    Give the lessons that were asked for.

    @return: the exit status: 1 if a claim of a lesson did not hold.
    """
    if not options["names"]:
        printLines(f"{name:<10} {statement(LESSONS[name])}" for name in LESSONS)
        printLines(["", *_HOW])
        return 0
    chapters: list[page.Chapter] = []
    status = 0

    def tell(line: str) -> None:
        printLines([line])

    width = min(100, shutil.get_terminal_size().columns)
    for place, name in enumerate(options["names"]):
        stage = LessonRun(tell, width)
        heading = f"{name}: {statement(LESSONS[name])}"
        if place:
            tell("")
        tell(heading)
        tell("=" * min(len(heading), width))
        tell("")
        try:
            LESSONS[name](stage)
        except LessonError as error:
            print(f"badwire: {name}: {error}", file=sys.stderr)
            if error.status == UNAVAILABLE:
                return UNAVAILABLE
            status = status or error.status
        except KeyboardInterrupt:
            return INTERRUPTED
        if not stage.isSeen:
            status = status or 1
        chapters.append(page.Chapter(heading, stage.parts))
    if options["html"] is not None:
        try:
            writePrivately(options["html"], page.document("Lessons on a bad wire", chapters))
        except OSError as error:
            return fail(options["html"], error)
    return status
