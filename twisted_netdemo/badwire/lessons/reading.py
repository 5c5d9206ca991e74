"""
The lessons on what a program reads: bytes as they come, of which it makes lines itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, amount, exactly
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun
from twisted_netdemo.badwire.lessons.programs import line_reading

#: How long the repair of one lost segment may take, in seconds.
REPAIR = 2.0


def lines(lesson: LessonRun) -> None:
    """
    One recv is not one line: a stream has only the pieces that you make.
    """
    lesson.ask(
        "A server sends five lines, and the wire loses a segment. What does each recv bring?",
        "one line each, five times?",
    )
    for program in (line_reading.byReceives, line_reading.byLines):
        for line in inspect.getsource(program).splitlines():
            lesson.say(f"    {line}")
        lesson.say()
    run = lesson.run("--delay 20ms --down-loss @4", "readLines far4.wire")
    lesson.table(
        ("program", "no.", "read at (s)", "bytes", "line feeds", "begins with"),
        [
            (
                found["program"],
                found["number"],
                found["seconds"],
                found["bytes"],
                found["feeds"],
                repr(found["begins"]),
            )
            for found in run.found
        ],
    )
    wrong = [found for found in run.found if found["program"] == "wrong"]
    right = [found for found in run.found if found["program"] == "right"]
    lesson.ladder(run, 14, flow=0)
    lesson.claim(
        notLines(
            len(wrong),
            sum(found["isLine"] for found in wrong),
            sum(not found["isLine"] and found["feeds"] > 0 for found in wrong),
        )
    )
    lesson.claim(
        allLines(
            sum(found["same"] for found in right),
            len(right),
            right[-1]["seconds"] - right[0]["seconds"] if right else None,
        )
    )
    lesson.rule(
        "TCP carries bytes, and keeps no trace of how many were written at once; a buffered reader "
        "returns a line as soon as it has the line feed",
        "RFC 9293 3.9.1.2 and 3.9.1.3, Python's io.BufferedReader",
    )
    lesson.next(
        "a client that writes with makefile('w') and forgets flush(): what does the server read, "
        "and when?"
    )


def notLines(pieces: int, whole: int, several: int) -> Claim:
    """
    @param pieces: how often recv brought something, of five lines.
    @param whole: how often that was a line.
    @param several: how often it held the end of one line and the beginning of another.
    """
    return Claim(
        "The wrong program took {pieces} pieces for lines. Lines among them: {whole}; pieces with "
        "parts of several lines: {several}.",
        pieces=CheckedFigure("pieces", pieces, 2, 8),
        whole=CheckedFigure("pieces that were a line", whole, 0, 4),
        several=CheckedFigure("pieces of several lines", several, 1, pieces),
    )


def allLines(same: int, read: int, between: float | None) -> Claim:
    """
    @param same: lines that were read as sent, of five.
    @param read: lines read.
    @param between: from the first line to the last, in seconds: a segment was lost.
    """
    return Claim(
        "The right program read {same} of 5 lines as they were sent. It had the first line "
        "{between:.2f} s before the last: it waits for one line, not for all of them.",
        same=exactly("lines as sent", same, 5),
        read=exactly("lines read", read, 5),
        between=CheckedFigure("seconds from the first line to the last", between, 0.02, REPAIR),
    )


def sockets(lesson: LessonRun) -> None:
    """
    A program reads all bytes in order, whatever the wire did to them.
    """
    lesson.ask(
        "The wire loses a part of a page, and a line that a server is to count. What must the two "
        "programs do about it?",
        "how many lines of code does that take?",
    )
    run = lesson.run("--down-loss @4 --delay 10ms", "gopher far4.wire")
    lesson.table(
        ("sent at (s)", "read at (s)", "type", "title"),
        [(found["left"], found["seconds"], found["kind"], found["title"]) for found in run.found],
    )
    lesson.claim(
        page(
            [found["same"] for found in run.found],
            run.first.get("lines"),
            run.fates()["lost"],
            max((found["seconds"] - found["left"] for found in run.found), default=None),
            min((found["seconds"] - found["left"] for found in run.found), default=None),
        )
    )
    lesson.say()
    run = lesson.run("--loss @4 --serve linecount", "ask far4.wire 51423 'To be, or not to be'")
    lesson.say(f"  {run.first.get('welcome')}")
    lesson.say(f"  {run.first.get('answer')}")
    lesson.say()
    repeats = sum(sent.attempt > 1 and sent.length > 0 for sent in run.sent())
    lesson.claim(counted(run.first.get("answer"), run.fates()["lost"], repeats))


def page(
    same: Sequence[bool],
    lines: int | None,
    lost: int,
    slowest: float | None,
    quickest: float | None,
) -> Claim:
    """
    @param same: whether each line was read as sent.
    @param lines: how many the page has.
    @param lost: segments lost.
    @param slowest: the longest time from sending a line to reading it, in seconds; the way takes
        0.01 s.
    @param quickest: the shortest one.
    """
    return Claim(
        "The program read all {lines} lines of a Gopher page in order, as they were sent. The wire "
        "lost {lost} segment. A line took {quickest:.2f} s where nothing held it up, and up to "
        "{slowest:.2f} s where it waited for what was lost.",
        lines=exactly("lines", len(same), lines),
        same=exactly("lines as sent", sum(same), lines),
        lost=exactly("segments lost", lost, 1),
        quickest=CheckedFigure("the quickest line, in seconds", quickest, 0.0, 0.2),
        slowest=CheckedFigure(
            "the slowest line, in seconds", slowest, (quickest or 0) + 0.02, REPAIR
        ),
    )


def counted(answer: str | None, lost: int, again: int) -> Claim:
    """
    @param lost: packets that were lost; the fourth one of each way was to be.
    @param again: how often data were sent again, either way.
    """
    return Claim(
        "The server counted the client's line: {answer} The wire lost {lost} packets, and the "
        "kernels sent {again} again. Neither program did anything for that.",
        answer=exactly("the answer", answer, "You entered 19 characters."),
        lost=exactly("packets lost", lost, 2),
        again=CheckedFigure("segments sent again", again, 1, 6, amount(again, "segment")),
    )
