"""
The lessons on UDP, and on the choice between both.
"""

from __future__ import annotations

from typing import Any

from twisted_netdemo.badwire.lessons.stage import UNAVAILABLE, Figures, Run, Stage, Unable

_BAD = "--loss 5% --duplicate 5% --reorder 5% --corrupt 2% --seed 7"


def datagrams(stage: Stage) -> None:
    """
    UDP delivers whole or not at all; not surely, not once, not in order.
    """
    run = stage.run(f"{_BAD} --serve udpcount", "datagrams far4.wire 51423 100")
    found = run.found[0]
    stage.ladder(run, 22)
    fates = run.fates("udp")
    stage.conclude(
        found["unanswered"] > 0,
        f"Not surely: of {found['asked']} questions {found['unanswered']} were never answered; "
        f"{fates['lost']} packets were lost and {fates['corrupted']} corrupted, and nobody sent "
        "them again.",
    )
    stage.conclude(
        found["twice"] > 0 and found["late"] > 0,
        f"Not once: {found['twice']} were answered twice. Not in order: {found['late']} answers "
        "came after a later one's.",
    )
    stage.conclude(
        found["wrong"] == 0,
        f"Whole: each of the {found['answers']} answers counts as many letters as its question "
        "had.",
    )


def size(stage: Stage) -> None:
    """
    A datagram has 65,507 bytes at most, and large ones are fragile.
    """
    run = stage.run("--loss 5% --seed 5", "sizes far4.wire 40 1000 8000 65507 65508")
    rows = [
        (found["size"], found["sent"], found["arrived"], found["whole"], found.get("error", ""))
        for found in run.found
    ]
    stage.table(("bytes", "sent", "arrived", "of them whole", "error"), rows)
    parts = sum(sent.fragment is not None for sent in run.sent("udp"))
    small, _, large, over = run.found
    stage.conclude(
        large["sent"] > 0 and over.get("error") == "Message too long" and not over["arrived"],
        f"65,507 bytes can be sent; one more: {over.get('error')!r}.",
    )
    stage.conclude(
        small["arrived"] > large["arrived"] and all(row[2] == row[3] for row in rows),
        f"What does not fit a packet travels in fragments ({parts:,} here), and one lost loses "
        f"them all: of {small['sent']} datagrams of 1,000 bytes {small['arrived']} arrived, of "
        f"{large['sent']} of 65,507 only {large['arrived']}; never a part.",
    )


def setup(stage: Stage) -> None:
    """
    TCP asks before it talks, and that costs a journey there and back.
    """
    note = ""
    try:
        run = stage.run("--delay 50ms --sysctl net.ipv4.tcp_fastopen=3", "setup far4.wire")
    except Unable as error:
        if error.status != UNAVAILABLE or "--sysctl" not in str(error):
            raise
        note = f" ({error}: without TCP Fast Open, then.)"
        run = stage.run("--delay 50ms", "setup far4.wire")
    stage.table(
        ("by", "first answer after (s)"),
        [(found["how"], found.get("seconds")) for found in run.found],
    )
    by = {found["how"]: found.get("seconds", 0.0) for found in run.found}
    stage.conclude(
        0.1 <= by["UDP"] < by["TCP"] and by["TCP"] >= 0.2,
        f"Each way takes 50 ms. By UDP the answer came after {by['UDP']:.2f} s, one journey there "
        f"and back; by TCP after {by['TCP']:.2f} s, two: the first is the hand-shake.{note}",
    )
    if not note:
        stage.conclude(
            by["Fast Open, 2nd"] < by["Fast Open, 1st"],
            f"With TCP Fast Open the question travels in the SYN, once the server knows the "
            f"client: {by['Fast Open, 1st']:.2f} s, then {by['Fast Open, 2nd']:.2f} s.",
        )


_RULES = """\
  UDP where question and answer fit a packet, and asking again is cheap or
  pointless: names, time, sound. TCP where all must arrive, and in order:
  pages, files, mail. Who builds on UDP and needs both builds TCP again."""


def choose(stage: Stage) -> None:
    """
    When to use which: three tasks, by UDP and by TCP.
    """
    good = stage.run("--delay 1ms", "choose far4.wire 1000000")
    bad = stage.run("--delay 1ms --loss 3% --seed 3", "choose far4.wire 1000000")
    rows: list[list[Any]] = []
    for place, found in enumerate(good.found):
        rows.append([_task(found), found["by"], *_outcome(found), *_outcome(bad.found[place])])
    tasks = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: tasks.index(row[0]))
    stage.table(("task", "by", "good (s)", "outcome", "bad (s)", "outcome"), rows)
    for line in _RULES.splitlines():
        stage.say(line)
    stage.say()
    many, stream = _by(bad, "TCP")[1:]
    manyUDP, streamUDP = _by(bad, "UDP")[1:]
    stage.conclude(
        many["answered"] == 200 and stream["same"],
        "By TCP all was answered and all arrived, on the bad wire too; what it cost was time.",
    )
    stage.conclude(
        manyUDP["answered"] < 200 and streamUDP["arrived"] < streamUDP["sent"],
        f"By UDP {200 - manyUDP['answered']} of 200 questions stayed unanswered and "
        f"{streamUDP['sent'] - streamUDP['arrived']:,} of {streamUDP['sent']:,} bytes were lost, "
        "unless the program does what TCP does.",
    )


def _task(found: Figures) -> str:
    if found["what"] == "bytes":
        return f"{found['sent']:,} bytes"
    return "1 question" if found["asked"] == 1 else f"{found['asked']} questions"


def _outcome(found: Figures) -> tuple[float, str]:
    names = ("arrived", "sent") if found["what"] == "bytes" else ("answered", "asked")
    done, of = (found[name] for name in names)
    return found["seconds"], "all" if done == of else f"{done / of:.1%}"


def _by(run: Run, protocol: str) -> list[Figures]:
    return [found for found in run.found if found["by"] == protocol]
