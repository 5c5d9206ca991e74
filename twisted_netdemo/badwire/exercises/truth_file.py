"""
The truth of an exercise: what each student was asked, and what is right.

It is sealed with the key from which the runs' seeds are made, so that it is not marked by another
truth than the one that belongs to the pages.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from twisted_netdemo.badwire.exercises.questions import ExerciseQuestion
from twisted_netdemo.faults.options import LARGEST_SEED

#: How many bytes a truth has at most.
LONGEST = 16 << 20


class NoTruth(ValueError):
    """
    A file is no truth, or that of another key. The message is a line.
    """


def derived(key: str, *what: str) -> int:
    """
    A number of 256 bits that follows from a key and from what it is for.
    """
    text = "\0".join(what).encode()
    return int.from_bytes(hmac.digest(key.encode(), text, hashlib.sha256), "big")


def seedOf(key: str, student: str, attempt: int) -> int:
    """
    The seed of a student's run.
    """
    return derived(key, "seed", str(attempt), student) % (LARGEST_SEED + 1)


@dataclass
class SealedTruth:
    """
    @ivar lesson: the name of the lesson.
    @ivar students: the questions of each student.
    """

    lesson: str
    students: dict[str, list[ExerciseQuestion]] = field(default_factory=dict)

    def seal(self, key: str) -> str:
        """
        The text of the file.
        """
        said = self._said()
        return json.dumps({"seal": f"{derived(key, 'truth', said):064x}", "truth": said}) + "\n"

    def _said(self) -> str:
        students = {
            name: [each.record() for each in questions] for name, questions in self.students.items()
        }
        return json.dumps({"lesson": self.lesson, "students": students})

    @classmethod
    def open(cls, text: str, key: str) -> SealedTruth:
        """
        Read the text of a file.

        @raise NoTruth: it is none, or was sealed with another key.
        """
        try:
            record = json.loads(text)
            said, seal = record["truth"], record["seal"]
            isSealed = hmac.compare_digest(f"{derived(key, 'truth', said):064x}", seal)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NoTruth("it is no truth of an exercise") from None
        if not isSealed:
            raise NoTruth("it was made with another --seed-key, or has been changed since")
        told: dict[str, Any] = json.loads(said)
        students = {
            name: [ExerciseQuestion.load(each) for each in questions]
            for name, questions in told["students"].items()
        }
        return cls(told["lesson"], students)
