"""
Marks answers against the truth.

Pure. The answers come from students: nothing in them is taken on trust.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from twisted_netdemo.badwire.exercises.truth_file import SealedTruth

#: How many bytes a file of answers has at most, and how many characters of an answer are shown.
LONGEST, SHOWN = 1 << 16, 200

HEADINGS = ("name", "question", "answer", "truth", "mark")


class BadAnswers(ValueError):
    """
    A file is no file of answers to this exercise. The message is a line.
    """


class Marked(NamedTuple):
    """
    A row of the result.

    @ivar mark: 1 for a right answer, else 0.
    """

    name: str
    question: str
    answer: str
    truth: str
    mark: int


def mark(truth: SealedTruth, text: bytes) -> tuple[str, list[Marked]]:
    """
    Mark a file of answers.

    @return: the student, and a row for each question that was asked, answered or not.
    @raise BadAnswers: it is no such file.
    """
    try:
        record = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadAnswers("it is no JSON") from None
    if not isinstance(record, dict):
        raise BadAnswers("it is no JSON object")
    student, answers = record.get("student"), record.get("answers")
    if record.get("lesson") != truth.lesson:
        raise BadAnswers(f"it is not about the lesson {truth.lesson!r}")
    if not isinstance(student, str) or student not in truth.students:
        raise BadAnswers("its student is not among those of the exercise")
    if not isinstance(answers, dict):
        raise BadAnswers('it has no "answers"')
    return student, list(_rows(truth, student, answers))


def _rows(truth: SealedTruth, student: str, answers: dict[str, object]) -> Iterator[Marked]:
    for question in truth.students[student]:
        given = answers.get(question.name, "")
        answer = given if isinstance(given, str) else json.dumps(given)
        isRight = len(answer) <= SHOWN and question.isRight(answer)
        yield Marked(student, question.name, answer[:SHOWN], question.truth, int(isRight))


def cell(text: str) -> str:
    """
    A text for a cell of a table: a spreadsheet would calculate one that looks like a formula.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"'{plain}" if plain[:1] in ("=", "+", "-", "@") else plain
