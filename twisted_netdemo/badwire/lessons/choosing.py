"""
The lessons on the cost of TCP, and on the choice between TCP and UDP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, exactly
from twisted_netdemo.badwire.lessons.lesson_run import Findings, LessonRun, Run

#: The round-trip time in the lesson on the hand-shake, in seconds.
JOURNEY = 0.2

_QUESTIONS = 30
_SIZE = 500_000


def setup(lesson: LessonRun) -> None:
    """
    TCP shakes hands before it carries data, which costs a round trip.
    """
    lesson.ask(
        f"A round trip takes {JOURNEY:g} s. After how long does the first answer come, by UDP and "
        "by TCP?",
        "how many round trips for each?",
    )
    run, isFast = lesson.runTuned(
        f"--delay {JOURNEY * 500:.0f}ms", "--sysctl net.ipv4.tcp_fastopen=3", "setup far4.wire"
    )
    lesson.table(
        ("by", "first answer after (s)", "bytes in the SYN"),
        [
            (found["how"], found.get("seconds"), syn)
            for found, syn in zip(run.found, [None, *_syns(run), None, None, None], strict=False)
        ],
    )
    by = {found["how"]: found.get("seconds") for found in run.found}
    lesson.claim(journeys(by.get("UDP"), by.get("TCP")))
    if isFast:
        lesson.claim(fastOpen(by.get("Fast Open, 1st"), by.get("Fast Open, 2nd"), _syns(run)))
    lesson.rule(
        "on the first connection the server gives the client a cookie, by which it knows the "
        "client the next time",
        "RFC 7413 3",
    )


def _syns(run: Run) -> list[int]:
    """
    The bytes of data in the first SYN of each connection.
    """
    return [
        next(sent.length for sent in flow.packets.values() if "S" in sent.flags)
        for flow in run.flows
        if flow.first.protocol == "tcp"
    ]


def journeys(udp: float | None, tcp: float | None) -> Claim:
    """
    @param udp: the seconds to the first answer over UDP.
    @param tcp: the seconds to the first answer over TCP.
    """
    return Claim(
        f"A round trip takes {JOURNEY:g} s. By UDP the answer came after {{udp:.2f}} s, one round "
        "trip; by TCP after {tcp:.2f} s, two round trips, of which the hand-shake is the first.",
        udp=CheckedFigure("seconds by UDP", udp, JOURNEY, 1.9 * JOURNEY),
        tcp=CheckedFigure("seconds by TCP", tcp, 2 * JOURNEY, 2.9 * JOURNEY),
    )


def fastOpen(first: float | None, second: float | None, syns: Sequence[int]) -> Claim:
    """
    @param first: the seconds to the first answer, for a client that the server does not know.
    @param second: the seconds for a client that it knows.
    @param syns: the bytes in the SYN of each connection: with plain TCP, and of these two.
    """
    return Claim(
        "With TCP Fast Open the question travels in the SYN once the server knows the client: the "
        "first answer came after {first:.2f} s, the second after {second:.2f} s. The three SYNs "
        "carried {syns} bytes.",
        first=CheckedFigure("seconds, 1st", first, 2 * JOURNEY, 2.9 * JOURNEY),
        second=CheckedFigure("seconds, 2nd", second, JOURNEY, 1.9 * JOURNEY),
        syns=exactly("bytes in the SYNs", [*syns], [0, 0, 9], ", ".join(map(str, syns))),
    )


def choose(lesson: LessonRun) -> None:
    """
    When to use UDP, and when TCP: three tasks, done by both.
    """
    lesson.ask(
        "A program asks one question, asks thirty questions, and sends half a million bytes, on a "
        "wire that loses packets. Should it use UDP or TCP?",
        "which is quicker, and which carries everything?",
    )
    tasks = f"choose far4.wire {_QUESTIONS} {_SIZE}"
    good = lesson.run("--delay 5ms", tasks)
    bad = lesson.run("--delay 5ms --loss 5% --seed 13", tasks)
    rows: list[list[Any]] = []
    for one, other in zip(good.found, bad.found, strict=False):
        rows.append([_task(one), one["by"], *_outcome(one), *_outcome(other)])
    order = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: order.index(row[0]))
    lesson.table(("task", "by", "good (s)", "outcome", "bad (s)", "outcome"), rows)
    goodBytes, badBytes = _bytes(good, "TCP"), _bytes(bad, "TCP")
    lesson.claim(
        allByTCP(
            _answered(bad, "TCP"),
            badBytes.get("arrived") if badBytes.get("same") else 0,
            goodBytes.get("seconds"),
            badBytes.get("seconds"),
            badBytes.get("control"),
            _lost(bad),
        )
    )
    byUDP = _bytes(bad, "UDP")
    lesson.claim(lessByUDP(_answered(bad, "UDP"), byUDP.get("arrived")))
    lesson.rule(
        "use UDP where question and answer fit a packet, and asking again is cheap or pointless: "
        "names, time, sound; use TCP where everything must arrive, and in order: pages, files, "
        "mail; a protocol over UDP that needs this has to do TCP's work itself, as QUIC does",
        "RFC 8085 3, RFC 9000",
    )
    lesson.rule(
        "its congestion control decides how fast TCP is in spite of loss: reno halves its rate at "
        "a loss, others do not; a program that sends much by UDP needs one, too",
        "RFC 5681 3.1, RFC 8085 3.1",
    )


def _task(found: Findings) -> str:
    if found["what"] == "bytes":
        return f"{found['sent']:,} bytes"
    return "1 question" if found["asked"] == 1 else f"{found['asked']} questions"


def _outcome(found: Findings) -> tuple[float, str]:
    names = ("arrived", "sent") if found["what"] == "bytes" else ("answered", "asked")
    done, of = (found[name] for name in names)
    return found["seconds"], "all" if done == of else f"{done / of:.1%}"


def _bytes(run: Run, protocol: str) -> Mapping[str, Any]:
    for found in run.found:
        if found["by"] == protocol and found["what"] == "bytes":
            return found
    return {}


def _answered(run: Run, protocol: str) -> int | None:
    """
    The number of answers, of the many questions.
    """
    for found in run.found:
        if found["by"] == protocol and found.get("asked") == _QUESTIONS:
            return int(found["answered"])
    return None


def _lost(run: Run) -> list[int]:
    """
    The lost packets of each connection: for one question, for many, and for the bytes.
    """
    return [
        sum(bool(sent.fates) for sent in flow.packets.values())
        for flow in run.flows
        if flow.first.protocol == "tcp"
    ]


def allByTCP(
    answered: int | None,
    arrived: int | None,
    good: float | None,
    bad: float | None,
    control: str | None,
    lost: Sequence[int],
) -> Claim:
    """
    On the bad wire:

    @param answered: questions that were answered.
    @param arrived: bytes that arrived as they were sent.
    @param good: the seconds for the bytes on the good wire.
    @param bad: the seconds for them on the bad wire.
    @param control: the congestion control of the connection.
    @param lost: the lost packets of each of the three connections.
    """
    _, ofQuestions, ofBytes = lost if len(lost) == 3 else (None, None, None)
    times = bad / good if good and bad else None
    return Claim(
        f"By TCP ({{control}}) {{answered}} of {_QUESTIONS} questions got an answer and "
        "{arrived:,} bytes arrived on the bad wire too, although it lost {ofQuestions} and "
        "{ofBytes} of their packets. That cost time: {bad:.2f} s for the bytes instead of "
        "{good:.2f} s, {times:.1f} times as long.",
        control=exactly("congestion control", control, "reno"),
        answered=exactly("questions answered by TCP", answered, _QUESTIONS),
        arrived=exactly("bytes that arrived by TCP as sent", arrived, _SIZE),
        ofQuestions=CheckedFigure("packets of the questions lost", ofQuestions, 1, _QUESTIONS),
        ofBytes=CheckedFigure("packets of the bytes lost", ofBytes, 5, 200),
        good=CheckedFigure("seconds on the good wire", good, 0.01, 3.6),
        bad=CheckedFigure("seconds on the bad wire", bad, 0.025, 9.0),
        times=CheckedFigure("how many times as long", times, 1.5, 200.0),
    )


def lessByUDP(answered: int | None, arrived: int | None) -> Claim:
    """
    On the bad wire:

    @param answered: questions that were answered, of 30.
    @param arrived: bytes that arrived.
    """
    unanswered = None if answered is None else _QUESTIONS - answered
    lost = None if arrived is None else _SIZE - arrived
    return Claim(
        f"By UDP {{unanswered}} of {_QUESTIONS} questions got no answer, and {{lost:,}} of "
        f"{_SIZE:,} bytes did not arrive.",
        unanswered=CheckedFigure("questions unanswered", unanswered, 1, _QUESTIONS // 3),
        lost=CheckedFigure("bytes that did not arrive", lost, _SIZE // 100, _SIZE // 10),
    )
