"""
C{badwire exercise}: makes exercises, and marks the answers.
"""

from __future__ import annotations

import csv
import io
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.python import usage

from twisted_netdemo.badwire.console import fail, printable, printLines, tell
from twisted_netdemo.badwire.exercises import marking
from twisted_netdemo.badwire.exercises.questions import Exercise
from twisted_netdemo.badwire.exercises.recorded_runs import PLANS, exercise, page
from twisted_netdemo.badwire.exercises.truth_file import LONGEST, NoTruth, SealedTruth
from twisted_netdemo.badwire.exit_statuses import FAILED, INTERRUPTED, USAGE
from twisted_netdemo.badwire.lessons.lesson_run import LessonError
from twisted_netdemo.badwire.private_files import openPrivately
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.suggestions import didYouMean

_TRUTH, _ANSWERS = "truth", "answers"

# How many students there may be, and how many characters a name has at most.
_STUDENTS, _NAME = 1000, 100

# How many runs are recorded at a time.
_AT_ONCE = 4

# How many characters a key has at least: from a shorter one the seeds could be found by trying.
_KEY = 8


class Options(ServiceOptions):
    """
    The options of C{badwire exercise}.
    """

    interspersed = True
    longdesc = (
        "'make LESSON' records a run for each student, from a seed of their own, and writes a page "
        "with some fields hidden and questions about them. 'check DIR/answers/*.json' marks what "
        "the pages' answer buttons have saved, and prints a table (CSV)."
    )
    optParameters = [
        ["students", None, None, "make: a file with a name on each line"],
        ["seed-key", None, None, "the secret from which all seeds follow; @FILE reads it there"],
        ["output", "o", None, "make: the folder to write, which is not there yet"],
    ]

    def getSynopsis(self) -> str:
        return "Usage: badwire exercise make LESSON|check FILE... [options]"

    def parseArgs(self, *words: str) -> None:
        what, *rest = words or ("",)
        if what not in ("make", "check"):
            raise usage.UsageError(f"make or check? See 'badwire exercise --help'; not {what!a}")
        self["what"] = what
        if what == "make":
            if len(rest) != 1:
                raise usage.UsageError(f"make: one LESSON of {', '.join(PLANS)}")
            if rest[0] not in PLANS:
                near = didYouMean(rest[0], PLANS) or f"; there are {', '.join(PLANS)}"
                raise usage.UsageError(f"no exercise is called {rest[0]!a}{near}")
            self["lesson"] = rest[0]
        elif not rest:
            raise usage.UsageError("check: which files? DIR/answers/*.json")
        self["files"] = rest

    def postOptions(self) -> None:
        needed = ["seed-key", *(["students", "output"] if self["what"] == "make" else [])]
        for name in needed:
            if not self[name]:
                raise usage.UsageError(f"--{name} is missing")
        self.take("seed-key", _key)


def _key(text: str) -> str:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise ValueError(f"{text!a}: {reason}") from None
    if len(text) < _KEY:
        raise ValueError(f"a key has {_KEY} characters or more")
    return text


def main(options: Options) -> int:
    """
    Make or check.

    @return: the exit status.
    """
    try:
        return _make(options) if options["what"] == "make" else _check(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _say(line: str) -> None:
    tell(f"badwire: {line}", sys.stderr)


def _make(options: Options) -> int:
    try:
        with open(options["students"], encoding="utf-8") as file:
            students = _students(file.read(_STUDENTS * _NAME * 8))
    except OSError as error:
        return fail(options["students"], error)
    except ValueError as error:
        _say(f"--students: {error}")
        return USAGE
    folder = os.path.abspath(options["output"])
    try:
        if os.path.lexists(folder):
            _say(f"--output: {printable(options['output'])} is there already")
            return FAILED
        # whole or not at all
        with tempfile.TemporaryDirectory(
            prefix=".badwire-", dir=os.path.dirname(folder)
        ) as unfinished:
            made = os.path.join(unfinished, "made")
            os.mkdir(made, 0o700)
            _fill(made, options, students)
            os.rename(made, folder)
    except OSError as error:
        return fail(options["output"], error)
    except LessonError as error:
        _say(str(error))
        return error.status
    return 0


def _fill(folder: str, options: Options, students: Sequence[str]) -> None:
    """
    Write the pages and the truth.
    """
    lesson, key = options["lesson"], options["seed-key"]
    truth = SealedTruth(lesson)
    width = len(str(len(students)))

    def make(student: str) -> Exercise:
        return exercise(PLANS[lesson], key, student)

    # A run is mostly waiting.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        exercises = [*zip(students, pool.map(make, students), strict=True)]
    for number, (student, made) in enumerate(exercises, 1):
        name = f"{number:0{width}}-{_plain(student)}"
        _write(os.path.join(folder, f"{name}.html"), page(lesson, student, f"{name}.json", made))
        truth.students[student] = made.questions
    os.mkdir(os.path.join(folder, _ANSWERS), 0o700)
    _write(os.path.join(folder, _TRUTH), truth.seal(key).encode())


def _write(path: str, data: bytes) -> None:
    with openPrivately(path) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]


def _students(text: str) -> list[str]:
    """
    The names in a file, a line each.
    """
    names = [" ".join(line.split()) for line in text.splitlines()]
    names = [name for name in names if name]
    if not names:
        raise ValueError("there is no name in it")
    if len(names) > _STUDENTS:
        raise ValueError(f"there are more than {_STUDENTS} names in it")
    for name in names:
        if len(name) > _NAME or not name.isprintable():
            raise ValueError(f"{name[:_NAME]!a} is no name of {_NAME} characters at most")
        if names.count(name) > 1:
            raise ValueError(f"{name!a} is there twice")
    return names


def _plain(name: str) -> str:
    """
    A name for a file: letters and digits of ASCII, and hyphens.
    """
    base = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", base).strip("-")[:40] or "student"


def _check(options: Options) -> int:
    rows: list[marking.Marked] = []
    marked: set[str] = set()
    truths: dict[str, SealedTruth] = {}
    status = 0
    for path in options["files"]:
        folder = os.path.dirname(os.path.dirname(os.path.abspath(path)))
        try:
            if folder not in truths:
                truths[folder] = _truth(folder, options["seed-key"])
            with open(path, "rb") as file:
                text = file.read(marking.LONGEST + 1)
            if len(text) > marking.LONGEST:
                raise marking.BadAnswers(f"it has more than {marking.LONGEST} bytes")
            student, found = marking.mark(truths[folder], text)
            if student in marked:
                raise marking.BadAnswers(f"{student!a} has another file of answers already")
        except NoTruth as error:
            _say(f"{printable(os.path.join(folder, _TRUTH))}: {error}")
            return FAILED
        except OSError as error:
            status = fail(error.filename or path, error)
        except marking.BadAnswers as error:
            _say(f"{printable(path)}: {error}")
            status = 1
        else:
            marked.add(student)
            rows += found
    lacking = [name for truth in truths.values() for name in truth.students if name not in marked]
    printLines(_table(rows))
    if lacking:
        _say(f"no answers of {', '.join(map(ascii, lacking[:10]))}{' ...' * (len(lacking) > 10)}")
    return status


def _truth(folder: str, key: str) -> SealedTruth:
    with open(os.path.join(folder, _TRUTH), encoding="utf-8") as file:
        try:
            return SealedTruth.open(file.read(LONGEST), key)
        except UnicodeDecodeError:
            raise NoTruth("it is no truth of an exercise") from None


def _table(rows: Sequence[marking.Marked]) -> list[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(marking.HEADINGS)
    for row in rows:
        writer.writerow([marking.cell(each) if isinstance(each, str) else each for each in row])
    return text.getvalue().splitlines()
