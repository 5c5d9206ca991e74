"""
The runs of exercises: each lesson's figures and programs, and a student's run of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted_netdemo.badwire.exercises.questions import Exercise, Kind, Unsuitable, make
from twisted_netdemo.badwire.exercises.truth_file import derived, seedOf
from twisted_netdemo.badwire.lessons.lesson_run import LessonError, LessonRun
from twisted_netdemo.badwire.live.export_page import exercisePage
from twisted_netdemo.badwire.live.live_lessons import LESSONS
from twisted_netdemo.badwire.live.live_run import VERSION
from twisted_netdemo.badwire.live.web.static_files import FOLDER
from twisted_netdemo.badwire.model.events import Arrived, Sent
from twisted_netdemo.faults.trigger import DIRECTIONS

# How many runs are tried until one has what the questions need.
_TRIES = 20

#: Runs an actor on a wire, given the options of C{badwire run}, and returns the events.
Record = Callable[[str, str], list[Sent | Arrived]]


@dataclass(frozen=True)
class ExercisePlan:
    """
    @ivar figures: those of both directions, as on the command line.
    @ivar actor: what C{badwire-actor} is to do.
    @ivar kinds: what is asked.
    @ivar serve: the service that it needs.
    """

    figures: Mapping[str, str]
    actor: str
    kinds: Sequence[Kind]
    serve: str = ""

    @property
    def options(self) -> str:
        """
        The options of C{badwire run}, without a seed.
        """
        served = f"--serve {self.serve} " if self.serve else ""
        return served + " ".join(f"--{name} {text}" for name, text in self.figures.items())


PLANS: dict[str, ExercisePlan] = {
    "resend": ExercisePlan(
        {"loss": "25%", "delay": "40ms"},
        "ask far4.wire 51423 hello world",
        ("fate", "fate", "ack", "again"),
        "linecount",
    ),
    "order": ExercisePlan(
        {"loss": "15%", "delay": "40ms"},
        "carry far4.wire 15000",
        ("fate", "fate", "ack", "released"),
    ),
    "setup": ExercisePlan(
        {"loss": "30%", "delay": "100ms"},
        "ask far4.wire 51423 hello world",
        ("fate", "again"),
        "linecount",
    ),
    "datagrams": ExercisePlan(
        {"loss": "30%", "delay": "20ms"},
        "datagrams far4.wire 51423 12",
        ("fate", "fate", "fate"),
        "udpcount",
    ),
}


def record(options: str, actor: str) -> list[Sent | Arrived]:
    """
    Run an actor on a wire.

    @raise LessonError: it cannot run here, or the actor failed.
    """
    run = LessonRun(lambda line: None).run(options, actor)
    events = [
        event for flow in run.flows for event in flow.events if isinstance(event, (Sent, Arrived))
    ]
    return sorted(events, key=lambda event: event.t)


def exercise(plan: ExercisePlan, key: str, student: str, record: Record = record) -> Exercise:
    """
    A student's run and questions, which follow from the key and the name as far as the kernel's
    timing lets them.

    @raise LessonError: there is no run here that has what the questions need.
    """
    for attempt in range(_TRIES):
        seed = seedOf(key, student, attempt)
        try:
            events = record(f"--seed {seed} {plan.options}", plan.actor)
            return make(events, plan.kinds, random.Random(derived(key, "questions", student)))
        except Unsuitable:
            continue
    raise LessonError(125, f"none of {_TRIES} runs has what the questions need")


def page(name: str, student: str, file: str, made: Exercise) -> bytes:
    """
    A student's page.

    @param name: the lesson's.
    @param file: the name of the file with the answers.
    """
    figures = {direction: dict(PLANS[name].figures) for direction in DIRECTIONS}
    lesson = LESSONS[name]
    hello: dict[str, Any] = {
        "event": "hello",
        "t": 0.0,
        "version": VERSION,
        # With the seed one could run it all again, and see.
        "seed": None,
        "figures": figures,
        "started": figures,
        "lesson": {**lesson.record(), "question": "What belongs where something is hidden?"},
        "language": "en",
        "linger": 0.0,
        "far": [],
    }
    task = {
        "student": student,
        "lesson": name,
        "file": file,
        "questions": [each.task() for each in made.questions],
    }
    return exercisePage(FOLDER, hello, made.events, task)
