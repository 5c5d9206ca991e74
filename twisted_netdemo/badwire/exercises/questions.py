"""
The questions of an exercise about a recorded run, and the run without what they ask for.

Pure. A question hides the fields that would answer it; the student works them out from the rest of
the run. The hidden values are in nothing that L{hide} gives away: that would be the same if they
were others.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from twisted_netdemo.badwire.model.events import Arrived, Sent

#: What a question is about: what became of a packet, what it acknowledges, how many bytes that were
#: held back its arrival released, when it is sent again.
Kind = Literal["fate", "ack", "released", "again"]

LOST, ARRIVED = "lost", "arrived"

# How far an answer in milliseconds may be off: kernels' timers tick, and machines are busy.
_SHARE, _LEAST = 0.2, 25.0

# Acknowledgements that leave within so many seconds of each other might have been one.
_TOGETHER = 0.001

_UNITS: dict[Kind, str] = {"again": "ms", "released": "bytes"}

_UNIT = re.compile(r"\s*(?:ms|bytes)$")

# A number with a decimal comma or point, and one with commas or points between its thousands.
_DECIMAL = re.compile(r"[0-9]+(?:[.,][0-9]+)?", re.ASCII)
_GROUPED = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})+", re.ASCII)


class Unsuitable(Exception):
    """
    A run has not what the questions need.
    """


@dataclass(frozen=True)
class ExerciseQuestion:
    """
    @ivar name: its name on the page and among the answers.
    @ivar kind: of L{Kind}.
    @ivar n: the packet that it is about.
    @ivar text: the question.
    @ivar truth: the answer.
    @ivar accepted: other answers that are right, too, since timing leaves that open.
    @ivar margin: how far a number may be off.
    """

    name: str
    kind: Kind
    n: int
    text: str
    truth: str
    accepted: Sequence[str] = ()
    margin: float = 0.0

    def task(self) -> dict[str, object]:
        """
        What the page knows of it.
        """
        told: dict[str, object] = {"name": self.name, "text": self.text, "n": self.n}
        if self.kind == "fate":
            return {**told, "kind": "choice", "choices": [ARRIVED, LOST]}
        return {**told, "kind": "number"} | (
            {"unit": _UNITS[self.kind]} if self.kind in _UNITS else {}
        )

    def isRight(self, answer: str) -> bool:
        """
        Whether an answer is right, or within what timing leaves open.
        """
        given = answer.strip().casefold()
        if self.kind == "fate":
            return given == self.truth
        return any(
            abs(number - float(right)) <= self.margin
            for number in _readings(_UNIT.sub("", given))
            for right in (self.truth, *self.accepted)
        )

    @classmethod
    def load(cls, record: dict[str, Any]) -> ExerciseQuestion:
        """
        The question that L{asdict} has made a record of.
        """
        return cls(**{**record, "accepted": tuple(record["accepted"])})

    def record(self) -> dict[str, Any]:
        """
        All of it, for the truth.
        """
        return asdict(self)


def _readings(text: str) -> list[float]:
    """
    The numbers that a text may stand for: the page writes C{1,448} or C{1.448}, by its language.
    """
    readings = []
    if _DECIMAL.fullmatch(text):
        readings.append(float(text.replace(",", ".")))
    if _GROUPED.fullmatch(text):
        readings.append(float(re.sub("[.,]", "", text)))
    return readings


@dataclass
class Exercise:
    """
    @ivar events: the run without what is hidden, each event as a JSON text.
    @ivar questions: what is asked.
    """

    events: list[str]
    questions: list[ExerciseQuestion]


@dataclass
class _Run:
    """
    A recorded run up to where the page stops.
    """

    events: list[Sent | Arrived]
    sent: dict[int, Sent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sent = {each.n: each for each in self.events if isinstance(each, Sent)}

    def resent(self, packet: Sent) -> Sent | None:
        """
        The next attempt to send the same.
        """
        for each in self.sent.values():
            isSame = (each.flow, each.direction, each.seq) == (
                packet.flow,
                packet.direction,
                packet.seq,
            )
            if isSame and each.attempt == packet.attempt + 1 and each.n > packet.n:
                return each
        return None

    def isAcknowledged(self, packet: Sent, hidden: Collection[int]) -> bool:
        """
        Whether the other end has said in this run that it has the packet, in a packet that is not
        hidden.
        """
        end = packet.seq + packet.length + ("S" in packet.flags) + ("F" in packet.flags)
        return any(
            each.flow == packet.flow
            and each.n not in hidden
            and each.direction != packet.direction
            and each.t > packet.t
            and (each.ack or 0) >= end
            for each in self.sent.values()
        )


def make(
    events: Sequence[Sent | Arrived], kinds: Sequence[Kind], choice: random.Random
) -> Exercise:
    """
    Choose the packets that are asked about, and hide what would tell.

    @param events: a run, in the order of its log.
    @param kinds: what is asked; of C{again} one at most.
    @param choice: makes the choices.
    @raise Unsuitable: the run has not enough of what is asked about.
    """
    run = _Run(list(events))
    questions: list[ExerciseQuestion] = []
    last: ExerciseQuestion | None = None
    if "again" in kinds:
        last, stop = _again(run, choice, len(kinds))
        run = _Run(run.events[:stop])
    hidden: set[int] = {last.n} if last is not None else set()
    arrived: list[Sent] = []
    for place, kind in enumerate((each for each in kinds if each != "again"), 1):
        name = f"q{place}"
        if kind == "fate":
            packet = _packet(run, hidden, choice)
            if not packet.fates:
                arrived.append(packet)
            questions.append(_fate(name, packet))
        elif kind == "ack":
            questions.append(_ack(run, name, hidden, arrived, choice))
        else:
            questions.append(_released(run, name, hidden, choice))
        hidden.add(questions[-1].n)
    if last is not None:
        questions.append(last)
    return Exercise(hide(run.events, questions), questions)


def _again(run: _Run, choice: random.Random, place: int) -> tuple[ExerciseQuestion, int]:
    """
    After how long is a lost packet sent again? The run stops before that.
    """
    lost = [
        (packet, again)
        for packet in run.sent.values()
        if packet.fates == ("lost",)
        and packet.protocol == "tcp"
        and (again := run.resent(packet)) is not None
        and again.t - packet.t >= 0.001
    ]
    # late in the run, so that there is something to see before
    late = lost[len(lost) // 2 :]
    if not late:
        raise Unsuitable("no lost packet was sent again")
    packet, again = choice.choice(late)
    after = (again.t - packet.t) * 1000
    text = (
        f"Packet {packet.n} was lost, and here the recording stops. After how long, counted from "
        "when it left, was it sent again?"
    )
    question = ExerciseQuestion(
        f"q{place}",
        "again",
        packet.n,
        text,
        f"{after:.0f}",
        margin=round(max(_LEAST, _SHARE * after), 3),
    )
    return question, run.events.index(again)


def _packet(run: _Run, hidden: set[int], choice: random.Random) -> Sent:
    """
    A packet whose fate follows from the rest of the run.
    """
    lost: list[Sent] = []
    passed: list[Sent] = []
    end = run.events[-1].t if run.events else 0.0
    for packet in run.sent.values():
        if packet.n in hidden:
            continue
        if packet.protocol == "udp":
            # A question that has arrived is answered a journey later.
            journey = max(each.delay for each in run.sent.values()) / 1000
            isTold = packet.direction == "up" and packet.t + 2 * journey < end
        else:
            bears = packet.length or "S" in packet.flags or "F" in packet.flags
            isTold = bool(bears) and (
                run.resent(packet) is not None
                if packet.fates
                else run.isAcknowledged(packet, hidden) and run.resent(packet) is None
            )
        if isTold and packet.fates in ((), ("lost",)):
            (lost if packet.fates else passed).append(packet)
    if not lost or not passed:
        raise Unsuitable("there are not packets enough with either fate")
    return choice.choice(lost if choice.random() < 0.5 else passed)


def _fate(name: str, packet: Sent) -> ExerciseQuestion:
    truth = LOST if packet.fates else ARRIVED
    text = f"What became of packet {packet.n}?"
    return ExerciseQuestion(name, "fate", packet.n, text, truth)


def _ack(
    run: _Run, name: str, hidden: set[int], arrived: Sequence[Sent], choice: random.Random
) -> ExerciseQuestion:
    """
    What does a packet acknowledge?

    @param arrived: packets of which it is asked whether they arrived: others have to tell that.
    """
    asked = [
        (packet, _near(run, packet))
        for packet in run.sent.values()
        if packet.n not in hidden
        and packet.direction == "down"
        and packet.flags == "A"
        and not packet.length
        and (packet.ack or 0) > 1
        and _isFollowed(run, packet)
        and all(
            run.isAcknowledged(each, {*hidden, packet.n})
            for each in arrived
            if each.protocol == "tcp"
        )
    ]
    if not asked:
        raise Unsuitable("nothing is acknowledged")
    fewest = min(len(near) for _, near in asked)
    packet, near = choice.choice([each for each in asked if len(each[1]) == fewest])
    text = f"What is the acknowledgement number of packet {packet.n}?"
    return ExerciseQuestion(name, "ack", packet.n, text, str(packet.ack), near)


def _isFollowed(run: _Run, packet: Sent) -> bool:
    """
    Whether the same end acknowledges more later in the run. Near its end nothing would tell whether
    the last segment came before the acknowledgement left or after.
    """
    return any(
        each.flow == packet.flow
        and each.direction == packet.direction
        and each.t > packet.t
        and (each.ack or 0) > (packet.ack or 0)
        for each in run.sent.values()
    )


def _released(run: _Run, name: str, hidden: set[int], choice: random.Random) -> ExerciseQuestion:
    """
    How many bytes that were held back does an arrival make available?
    """
    arrivals = [each for each in run.events if isinstance(each, Arrived)]
    counts = Counter(each.n for each in arrivals)
    asked = [
        each
        for each in arrivals
        if each.released and each.n in run.sent and each.n not in hidden and counts[each.n] == 1
    ]
    if not asked:
        raise Unsuitable("nothing was held back")
    arrival = choice.choice(asked)
    text = (
        f"How many bytes that the far end had held back could its program read when packet "
        f"{arrival.n} arrived? Its own bytes do not count."
    )
    return ExerciseQuestion(name, "released", arrival.n, text, str(arrival.released))


def _near(run: _Run, packet: Sent) -> tuple[str, ...]:
    """
    The other numbers that the same end has acknowledged at nearly the same time.
    """
    numbers = {
        each.ack
        for each in run.sent.values()
        if each.flow == packet.flow
        and each.direction == packet.direction
        and each.ack is not None
        and abs(each.t - packet.t) <= _TOGETHER
    }
    return tuple(str(number) for number in sorted(numbers - {packet.ack or 0}))


def hide(events: Sequence[Sent | Arrived], questions: Sequence[ExerciseQuestion]) -> list[str]:
    """
    Events as JSON texts, without what the questions ask for.
    """
    fates = {each.n for each in questions if each.kind == "fate"}
    acks = {each.n for each in questions if each.kind == "ack"}
    released = {each.n for each in questions if each.kind == "released"}
    shown = []
    for event in events:
        record = json.loads(event.toJSON())
        if event.n in fates:
            if isinstance(event, Arrived):
                continue  # that it arrives is the answer
            del record["fates"], record["delay_ms"]
        if isinstance(event, Sent) and event.n in acks:
            del record["ack"]
        if isinstance(event, Arrived) and event.n in released:
            del record["released"]
        shown.append(json.dumps(record))
    return shown
