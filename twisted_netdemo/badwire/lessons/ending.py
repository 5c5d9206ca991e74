"""
The lessons on how a connection fails: with an error, or silently.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, amount, exactly
from twisted_netdemo.badwire.lessons.lesson_run import Findings, LessonRun, Run
from twisted_netdemo.badwire.lessons.programs.kernel_settings import (
    PATIENCE,
    SHORTEST_WAIT,
    longestWait,
    patience,
    said,
    settings,
    unanswered,
)
from twisted_netdemo.badwire.render.labels import LOSSES

#: The delay that a busy machine may add to any time, in seconds.
LATE = 1.0

#: The user timeout of the program in the lesson on giving up, in seconds: it ends after the third
#: retransmission, since the pauses are 0.2, 0.2 and 0.4 s.
_PATIENCE = 0.9

_DEAD = "--up-loss @3-99 --down-loss @2-99 --drain 0s"


def giveup(lesson: LessonRun) -> None:
    """
    TCP reports what it cannot deliver, to a program that is still there.
    """
    lesson.ask(
        "First nobody listens, then the line dies in mid-sentence, then nobody answers at all. "
        "Which error does the client get each time, and after how long?",
        "an error and a time for each.",
    )
    run = lesson.run(_DEAD, f"speak far4.wire {_PATIENCE}")
    lesson.ladder(run, 20)
    nobody, dead = [*run.found, {}, {}][:2]
    downs = run.sent(direction="down")
    resets = sum(sent.flow == 0 and "R" in sent.flags for sent in downs)
    fins = [sent for sent in downs if "F" in sent.flags]
    lesson.claim(refused(nobody.get("error"), resets, nobody.get("seconds")))
    lesson.claim(cutOff(dead.get("connected"), dead.get("error"), dead.get("seconds")))
    lesson.claim(goodbye(len(fins), sum(bool(LOSSES.keys() & {*sent.fates}) for sent in fins)))
    outside = settings(*PATIENCE)
    if "tcp_retries2" in outside:
        tries = patience(outside["tcp_retries2"], SHORTEST_WAIT, longestWait(outside))
        lesson.note(
            f"A program that sets no timeout waits at least {tries:,.0f} s on this machine, where "
            f"tcp_retries2 is {outside['tcp_retries2']}."
        )
    lesson.say()
    run = lesson.run("--blackout 0s-60s --drain 0s", "call far4.wire 51423 --attempts 1")
    lesson.ladder(run, 6)
    inForce = _only(run.first)
    lesson.claim(
        unheard(
            len(run.sent(direction="up")),
            run.first.get("error"),
            run.first.get("seconds"),
            unanswered(inForce, 1),
        )
    )
    if "tcp_syn_retries" in outside:
        syns, seconds = unanswered(outside)
        lesson.note(
            f"This program allowed one repeat. The settings in force in the wire's network were "
            f"{said(inForce)}. With the settings of this machine outside of it ({said(outside)}) "
            f"a client would send {syns} SYNs in {seconds:.0f} s."
        )
    lesson.rule(
        "after some repeats TCP tells the program, but neither a program that only reads nor one "
        "that has closed: see the lesson 'silence'",
        "RFC 9293 3.8.3, RFC 1122 4.2.3.5",
    )


def refused(error: str | None, resets: int, seconds: float | None) -> Claim:
    """
    @param error: the error of the program.
    @param resets: RSTs from the far end.
    @param seconds: the time until the error.
    """
    return Claim(
        "Where nobody listens the client got {error} after {seconds:.3f} s. The far computer "
        "itself said so, with {resets} RST.",
        error=exactly("the error", error, "Connection refused", repr(error)),
        resets=exactly("RSTs", resets, 1),
        seconds=CheckedFigure("seconds until the error", seconds, 0.0, LATE),
    )


def unheard(
    syns: int, error: str | None, seconds: float | None, expected: tuple[int, float]
) -> Claim:
    """
    @param syns: the number of SYNs that left.
    @param error: the error of the program.
    @param seconds: the time until the error.
    @param expected: the number of SYNs and the seconds that follow from the kernel's settings.
    """
    return Claim(
        "Where nobody answers the client sent {syns} SYNs, and got {error} after {seconds:.1f} s, "
        "as follows from the settings in force.",
        syns=exactly("SYNs", syns, expected[0]),
        error=exactly("the error", error, "Connection timed out", repr(error)),
        seconds=CheckedFigure(
            "seconds until the error", seconds, expected[1], expected[1] * 1.2 + LATE
        ),
    )


def cutOff(connected: bool | None, error: str | None, seconds: float | None) -> Claim:
    """
    @param connected: whether the program was connected before.
    @param error: its error.
    @param seconds: the time from its last words to the error; its user timeout is L{_PATIENCE}.
    """
    return Claim(
        "Where the line died in mid-sentence the program got {error}. It had asked for an error "
        f"after {_PATIENCE} s without an answer (TCP_USER_TIMEOUT, RFC 5482), and got it "
        "{seconds:.1f} s after its last words.",
        connected=exactly("connected", connected, True),
        error=exactly("the error", error, "Connection timed out", repr(error)),
        seconds=CheckedFigure(
            "seconds until the error", seconds, _PATIENCE, _PATIENCE + 1.0 + LATE
        ),
    )


def goodbye(fins: int, lost: int) -> Claim:
    """
    @param fins: FINs from the far end, which closes last.
    @param lost: the lost ones among them.
    """
    return Claim(
        "In the end the far program closes, too. It sent {fins}, of which {lost} arrived: neither "
        "end hears the other.",
        fins=CheckedFigure("FINs from the far end", fins, 1, 2, amount(fins, "FIN")),
        lost=exactly("those lost", lost, fins, "none"),
    )


def silence(lesson: LessonRun) -> None:
    """
    A dead line says nothing: a program learns of it only if it asks.
    """
    lesson.ask(
        "Six programs are connected, and the line dies. Which of them learn of it, and when?",
        "a time for each, or 'never'.",
    )
    run = lesson.run(_DEAD, "silence far4.wire 1.5")
    lesson.table(
        ("program", "learns after (s)", "result"),
        [
            (found["program"], found.get("seconds") if "error" in found else None, _how(found))
            for found in run.found
        ],
    )
    lesson.ladder(run, 14, flow=1)
    by: dict[str, Findings] = {found["program"]: found for found in run.found}

    def of(program: str, name: str) -> object:
        return by.get(program, {}).get(name)

    first = run.first
    waited = first.get("waited")
    lesson.claim(ownTimer(of("reads, own timer", "error"), of("reads, own timer", "seconds")))
    lesson.claim(
        keptAlive(
            _probes(run, 1), of("reads, keep-alive", "error"), of("reads, keep-alive", "seconds")
        )
    )
    lesson.claim(
        userTimeout(of("writes, user timeout", "error"), of("writes, user timeout", "seconds"))
    )
    lesson.claim(
        stillWaiting(
            sum("seconds" in by.get(name, {}) for name in ("reads", "writes, waits")), waited
        )
    )
    lesson.claim(
        neverTold(
            "error" in by.get("writes, closes", {}),
            of("writes, closes", "seconds"),
            sum(
                sent.length
                for sent, event in run.arrived()
                if sent.flow == 5 and sent.direction == "up"
            ),
        )
    )
    outside = settings(*PATIENCE, *_KEEPALIVE)
    if {"tcp_keepalive_time", "tcp_retries2"} <= outside.keys():
        probes, every = outside["tcp_keepalive_probes"], outside["tcp_keepalive_intvl"]
        patiently = patience(outside["tcp_retries2"], SHORTEST_WAIT, longestWait(outside))
        lesson.note(
            "With this machine's settings keep-alive begins after "
            f"{outside['tcp_keepalive_time']:,} s of silence, and gives up after "
            f"{outside['tcp_keepalive_time'] + probes * every:,} s. A writer without a user "
            f"timeout waits at least {patiently:,.0f} s."
        )
    lesson.rule(
        "a connection on which nothing is sent may be dead for ever; keep-alive is off unless a "
        "program asks for it, and begins after two hours or more unless the program says so",
        "RFC 1122 4.2.3.6",
    )
    lesson.next(
        "badwire run --blackout 3s-60s --ladder -- COMMAND, with any client of yours: what does it "
        "say, and when?"
    )


_KEEPALIVE = tuple(f"net.ipv4.tcp_keepalive_{each}" for each in ("time", "intvl", "probes"))


def _only(found: Mapping[str, object]) -> dict[str, int]:
    """
    The kernel settings among the findings of a program.
    """
    names = {key.rpartition(".")[2] for key in PATIENCE}
    return {
        name: value for name, value in found.items() if name in names and isinstance(value, int)
    }


def _how(found: Findings) -> str:
    if "error" in found:
        return str(found["error"])
    return "never: it has closed" if "seconds" in found else "still waiting"


def _probes(run: Run, flow: int) -> int:
    """
    The number of keep-alive probes of a flow's opener, after the hand-shake.
    """
    return sum(
        sent.flow == flow and sent.flags == "A" and not sent.length and bool(sent.fates)
        for sent in run.sent(direction="up")
    )


def ownTimer(error: object, seconds: object) -> Claim:
    """
    @param error: the error of the program.
    @param seconds: the time until the error; the program set 1.5.
    """
    return Claim(
        "The reader with its own timer, set to 1.5 s, got {error} after {seconds:.1f} s.",
        error=exactly("the error", error, "timed out", repr(error)),
        seconds=CheckedFigure("seconds by its own timer", seconds, 1.5, 1.5 + LATE),
    )


def keptAlive(probes: int, error: object, seconds: object) -> Claim:
    """
    @param probes: the kernel's keep-alive probes; two were allowed, one each second.
    @param error: the error of the program.
    @param seconds: the time until the error.
    """
    return Claim(
        "The reader with keep-alive had its kernel ask twice, one second apart, after a second of "
        "silence. The kernel sent {probes} probes, and the reader got {error} after "
        "{seconds:.1f} s.",
        probes=exactly("questions", probes, 2),
        error=exactly("the error", error, "Connection timed out", repr(error)),
        seconds=CheckedFigure("seconds by keep-alive", seconds, 3.0, 3.0 + LATE),
    )


def userTimeout(error: object, seconds: object) -> Claim:
    """
    @param error: the error of the program.
    @param seconds: the time until the error; the program set 1.5.
    """
    return Claim(
        "The writer with a user timeout of 1.5 s got {error} after {seconds:.1f} s.",
        error=exactly("the error", error, "Connection timed out", repr(error)),
        seconds=CheckedFigure("seconds by the user timeout", seconds, 1.5, 1.5 + 1.0 + LATE),
    )


def stillWaiting(told: int, waited: object) -> Claim:
    """
    @param told: how many of the two programs without a timer had an error.
    @param waited: how long all programs waited, in seconds.
    """
    return Claim(
        "The reader and the writer that set nothing were still waiting after {waited:.1f} s: "
        "{told} had got an error.",
        told=exactly("programs told", told, 0, "neither"),
        waited=CheckedFigure("seconds waited", waited, 3.0, 9.0),
    )


def neverTold(isTold: bool, seconds: object, arrived: int) -> Claim:
    """
    @param isTold: whether the program that wrote and closed had an error.
    @param seconds: the time until it had closed.
    @param arrived: how many of its bytes arrived.
    """
    return Claim(
        "The writer that closed was done after {seconds:.2f} s, without an error. {arrived} of its "
        "21 bytes arrived, and it never learns of that.",
        isTold=exactly("told of an error", isTold, False),
        seconds=CheckedFigure("seconds until it had closed", seconds, 0.0, LATE),
        arrived=exactly("bytes arrived", arrived, 0, "None"),
    )
