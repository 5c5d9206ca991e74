"""
Tests of the questions of an exercise, and above all of what a page must not give away.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_events import ARRIVED, SENT
from twisted_netdemo.badwire.exercises.questions import (
    ExerciseQuestion,
    Kind,
    Unsuitable,
    hide,
    make,
)
from twisted_netdemo.badwire.exercises.recorded_runs import PLANS, exercise, page
from twisted_netdemo.badwire.exercises.truth_file import NoTruth, SealedTruth, seedOf
from twisted_netdemo.badwire.model.events import Arrived, Sent

KEY = "correct horse battery"
KINDS: tuple[Kind, ...] = ("fate", "fate", "ack", "again")

RunEvents = list[Sent | Arrived]


def conversation(seed: int, segments: int = 12) -> RunEvents:
    """
    A client that sends segments one by one, some of which are lost and sent again; each that
    arrives is acknowledged.
    """
    draw = random.Random(seed)
    events: RunEvents = []
    t, n = 0.0, 0

    def leave(direction: str, **fields: Any) -> Sent:
        nonlocal n
        ports = (40000, 7007) if direction == "up" else (7007, 40000)
        sent = replace(
            SENT,
            t=t,
            n=n,
            flow=0,
            direction=direction,
            protocol="tcp",
            source=ports[0],
            destination=ports[1],
            quotes=None,
            asks=None,
            fragment=None,
            head=b"",
            **{"flags": "A", "attempt": 1, "fates": (), "delay": 20.0, "length": 0, **fields},
        )
        n += 1
        events.append(sent)
        return sent

    def arrive(sent: Sent, effect: str) -> None:
        direction = sent.direction
        events.append(replace(ARRIVED, t=t, n=sent.n, flow=0, direction=direction, effect=effect))

    seq = 1
    for _ in range(segments):
        attempt, isLost = 1, True
        while isLost:
            isLost = draw.random() < 0.4
            lost: tuple[str, ...] = ("lost",) if isLost else ()
            segment = leave(
                "up",
                seq=seq,
                ack=1,
                length=100,
                attempt=attempt,
                fates=lost,
                delay=0.0 if isLost else 20.0,
            )
            t += 0.3 + draw.random() / 10 if isLost else 0.02
            attempt += 1
        seq += 100
        arrive(segment, "delivered")
        acknowledgement = leave("down", seq=1, ack=seq)
        t += 0.02
        arrive(acknowledgement, "acknowledgement")
    return events


def made(seed: int, kinds: tuple[Kind, ...] = KINDS) -> tuple[RunEvents, Any]:
    """
    The run of the first seed from here on that has enough, and its exercise.
    """
    while True:
        events = conversation(seed)
        try:
            return events, make(events, kinds, random.Random(seed))
        except Unsuitable:
            seed += 1


def recording(data: bytes) -> Any:
    """
    What a page holds beside its program.
    """
    found = re.search(rb'<script type="application/json" id="recording">(.*?)</script>', data, re.S)
    assert found is not None
    return json.loads(found[1])


def decoded(data: bytes) -> Iterator[bytes]:
    """
    A page, and what it may hold in some other encoding.
    """
    yield data
    yield html.unescape(data.decode()).encode()
    yield json.dumps(recording(data), ensure_ascii=False).encode()
    for coded in re.findall(rb"[A-Za-z0-9+/]{12,}={0,2}", data):
        whole = coded.rstrip(b"=")[: len(coded) // 4 * 4]
        yield base64.b64decode(whole[: len(whole) // 4 * 4])
    for coded in re.findall(rb"(?:[0-9a-fA-F]{2}){6,}", data):
        yield bytes.fromhex(coded.decode())


class HiddenTests(SynchronousTestCase):
    """
    A hidden value is in no page, in any encoding.
    """

    def altered(self, events: RunEvents, questions: list[ExerciseQuestion]) -> RunEvents:
        """
        The same run, but that all hidden values are others.
        """
        fates = {each.n for each in questions if each.kind == "fate"}
        acks = {each.n for each in questions if each.kind == "ack"}
        found: RunEvents = []
        for event in events:
            if event.n in fates:
                if isinstance(event, Arrived):
                    continue
                wasLost = bool(event.fates)
                event = replace(
                    event, fates=() if wasLost else ("lost",), delay=20.0 if wasLost else 0.0
                )
                found.append(event)
                if wasLost:
                    found.append(replace(ARRIVED, t=event.t + 0.02, n=event.n))
                continue
            if isinstance(event, Sent) and event.n in acks:
                event = replace(event, ack=987_654)
            found.append(event)
        return found

    @settings(max_examples=25)
    @given(st.integers(0, 10_000))
    def test_sameOtherwise(self, seed: int) -> None:
        """
        The page is the same, byte for byte, whatever the hidden values are: nothing in it comes
        from them.
        """
        events, exercise_ = made(seed)
        [last] = [each for each in exercise_.questions if each.kind == "again"]
        shown = [json.loads(each)["n"] for each in exercise_.events]
        stop = next(
            place
            for place, event in enumerate(events)
            if isinstance(event, Sent)
            and event.attempt > 1
            and event.n > last.n
            and (event.seq, event.direction)
            == next(
                (each.seq, each.direction)
                for each in events
                if isinstance(each, Sent) and each.n == last.n
            )
        )
        self.assertTrue(max(shown) < events[stop].n)
        other = hide(self.altered(events[:stop], exercise_.questions), exercise_.questions)
        self.assertEqual(other, exercise_.events)
        one = page("resend", "student-1", "1.json", exercise_)
        self.assertEqual(one, page("resend", "student-1", "1.json", replace_(exercise_, other)))

    def test_decoded(self) -> None:
        """
        Neither the hidden fields nor the seed nor the key are in the page, as they are, escaped, in
        Base64 or in hexadecimal digits; the names of what is hidden are gone with their values.
        """
        seeds: list[int] = []

        def record(options: str, actor: str) -> RunEvents:
            seeds.append(int(options.split()[1]))
            return conversation(seeds[-1] % 1000)

        made = exercise(PLANS["resend"], KEY, "student-1", record)
        data = page("resend", "student-1", "1.json", made)
        held = recording(data)
        self.assertEqual(held["hello"]["seed"], None)
        numbers = {each.kind: each.n for each in made.questions}
        events = {each["n"]: each for each in held["events"] if each["event"] == "sent"}
        arrivals = {each["n"] for each in held["events"] if each["event"] == "arrived"}
        for question in made.questions:
            if question.kind == "fate":
                self.assertLessEqual({"fates", "delay_ms"} & events[question.n].keys(), set())
                self.assertNotIn(question.n, arrivals)
        self.assertNotIn("ack", events[numbers["ack"]])
        self.assertEqual(max(events), max(n for n in events if n >= numbers["again"]))
        [task] = [held["task"]]
        self.assertEqual(
            {name for each in task["questions"] for name in each},
            {"name", "text", "n", "kind", "choices", "unit"},
        )
        records = [json.dumps(each.record()).encode() for each in made.questions]
        secrets = [str(seeds[-1]).encode(), KEY.encode(), b'"truth":', b'"accepted":', *records]
        for text in decoded(data):
            for secret in secrets:
                self.assertFalse(secret in text, secret)

    def test_student(self) -> None:
        """
        A name that looks like markup stays a name.
        """
        _, exercise_ = made(1)
        data = page("resend", "</script><script>alert(1)//", "1.json", exercise_)
        self.assertEqual(recording(data)["task"]["student"], "</script><script>alert(1)//")
        self.assertNotIn(b"<script>alert", data)


def replace_(exercise_: Any, events: list[str]) -> Any:
    """
    The same exercise with other events.
    """
    return replace(exercise_, events=events)


class TruthTests(SynchronousTestCase):
    """
    What is asked has an answer, which is the run's.
    """

    @settings(max_examples=50)
    @given(st.integers(0, 10_000))
    def test_true(self, seed: int) -> None:
        """
        Each question's truth is what the run says, and it is right as an answer.
        """
        events, exercise_ = made(seed)
        sent = {event.n: event for event in events if isinstance(event, Sent)}
        arrived = {event.n for event in events if isinstance(event, Arrived)}
        self.assertEqual([each.name for each in exercise_.questions], ["q1", "q2", "q3", "q4"])
        self.assertEqual(len({each.n for each in exercise_.questions}), 4)
        for question in exercise_.questions:
            packet = sent[question.n]
            self.assertIn(
                f"acket {question.n} " if question.kind == "again" else f" {question.n}",
                question.text,
            )
            self.assertTrue(question.isRight(question.truth))
            self.assertTrue(question.isRight(f" {question.truth.upper()} "))
            for wrong in ("", "?", "nan", "inf", "-1", "1e9", "99999999", "lost!"):
                self.assertFalse(question.isRight(wrong), wrong)
            if question.kind == "fate":
                self.assertEqual(question.truth == "arrived", packet.n in arrived)
                other = "lost" if question.truth == "arrived" else "arrived"
                self.assertFalse(question.isRight(other))
            elif question.kind == "ack":
                self.assertEqual(question.truth, str(packet.ack))
                later = [each for each in sent.values() if each.direction == "down"]
                self.assertTrue(any((each.ack or 0) > (packet.ack or 0) for each in later))
            else:
                self.assertEqual(packet.fates, ("lost",))
                after = float(question.truth)
                self.assertTrue(question.isRight(f"{after * 1.1:.1f} ms"))
                self.assertTrue(question.isRight(f"{after * 0.9:.1f}".replace(".", ",")))
                self.assertFalse(question.isRight(f"{after * 1.5:.0f}"))
        self.assertEqual(
            [ExerciseQuestion.load(each.record()) for each in exercise_.questions],
            exercise_.questions,
        )

    @settings(max_examples=50)
    @given(st.integers(0, 10_000))
    def test_told(self, seed: int) -> None:
        """
        That a packet arrived is told by an acknowledgement that is not hidden itself: at the end of
        a run there may be one alone.
        """
        events, exercise_ = made(seed, ("fate", "ack", "ack"))
        hidden = {each.n for each in exercise_.questions}
        sent = {event.n: event for event in events if isinstance(event, Sent)}
        for question in exercise_.questions:
            if question.truth == "arrived":
                packet = sent[question.n]
                told = [
                    each.n
                    for each in sent.values()
                    if each.direction == "down" and (each.ack or 0) > packet.seq
                ]
                self.assertGreater(set(told), set(told) & hidden)

    def test_released(self) -> None:
        """
        Of a segment that was overtaken it is asked how many bytes it released; the page does not
        have the number.
        """
        events = conversation(3)
        segments = [each for each in events if isinstance(each, Arrived) and not each.released]
        late = replace(segments[2], released=1448)
        events[events.index(segments[2])] = late
        exercise_ = make(events, ("released",), random.Random(1))
        [question] = exercise_.questions
        self.assertEqual((question.kind, question.n, question.truth), ("released", late.n, "1448"))
        for answer in ("1448 bytes", "1,448", "1.448 bytes"):  # as the page writes it
            self.assertTrue(question.isRight(answer), answer)
        for answer in ("1449", "1,449", "14,48", "1448,", "1,4,4,8"):
            self.assertFalse(question.isRight(answer), answer)
        told = [json.loads(each) for each in exercise_.events]
        [arrival] = [each for each in told if each["event"] == "arrived" and each["n"] == late.n]
        self.assertNotIn("released", arrival)
        events[events.index(late)] = replace(late, released=9)
        self.assertEqual(hide(events, exercise_.questions), exercise_.events)

    def test_unsuitable(self) -> None:
        """
        A run without losses has no such questions, and one that is empty has none.
        """
        for events in ([], [each for each in conversation(1) if isinstance(each, Arrived)]):
            for kind in ("fate", "ack", "released", "again"):
                self.assertRaises(Unsuitable, make, events, (kind,), random.Random(1))

    def test_seeds(self) -> None:
        """
        Each student has a seed of their own, which follows from the key alone.
        """
        seeds = {seedOf(KEY, f"student {number}", 0) for number in range(200)}
        self.assertEqual(len(seeds), 200)
        self.assertEqual(seedOf(KEY, "student-1", 0), seedOf(KEY, "student-1", 0))
        self.assertNotEqual(seedOf(KEY, "student-1", 0), seedOf(KEY + "!", "student-1", 0))
        self.assertNotEqual(seedOf(KEY, "student-1", 0), seedOf(KEY, "student-1", 1))

    def test_seal(self) -> None:
        """
        The truth is read with its key alone, and as it was written.
        """
        _, exercise_ = made(1)
        truth = SealedTruth("resend", {"student-1": exercise_.questions})
        text = truth.seal(KEY)
        self.assertEqual(SealedTruth.open(text, KEY), truth)
        self.assertRaises(NoTruth, SealedTruth.open, text, KEY + "x")
        self.assertRaises(NoTruth, SealedTruth.open, text.replace("lost", "arrived"), KEY)
        for other in ("", "[]", "{}", '{"truth": 1, "seal": 2}', "[" * 60_000, text[:-10]):
            self.assertRaises(NoTruth, SealedTruth.open, other, KEY)
