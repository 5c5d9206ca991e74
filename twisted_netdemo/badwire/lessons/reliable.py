"""
The lessons on what TCP promises: whole, again, in order, or an error.
"""

from __future__ import annotations

from itertools import pairwise

from twisted_netdemo.badwire.events import Sent
from twisted_netdemo.badwire.lessons.stage import Figures, Run, Stage


def _pauses(run: Run) -> list[float]:
    """
    The pauses between the repeats of what was sent most often.
    """
    attempts: dict[tuple[int, str, int], list[Sent]] = {}
    for sent in run.sent():
        if sent.length or "S" in sent.flags or "F" in sent.flags:
            attempts.setdefault((sent.flow, sent.direction, sent.seq), []).append(sent)
    most = max(attempts.values(), key=len, default=[])
    return [after.t - before.t for before, after in pairwise(most)]


def _as(found: Figures) -> str:
    return "as they were sent" if found["same"] else "changed"


def _seconds(pauses: list[float]) -> str:
    return ", ".join(f"{pause:.2f}" for pause in pauses) + " s"


def checksum(stage: Stage) -> None:
    """
    What is corrupt is discarded and sent again, if the checksum sees it.
    """
    run = stage.run("--up-corrupt @3,5", "carry far4.wire 5000")
    stage.ladder(run, 18)
    bad, found = run.effects()["discarded"], run.found[0]
    again = sum(sent.attempt > 1 and sent.length > 0 for sent in run.sent())
    stage.conclude(
        bad > 0 and again > 0 and found["same"],
        f"Discarded for a wrong checksum: {bad}; sent again: {again}. All "
        f"{found['arrived']:,} bytes arrived {_as(found)}.",
    )
    stage.say()
    run = stage.run("--up-undetectable @3 --seed 2", "carry far4.wire 500")
    found = run.found[0]
    isWrong = not found["same"] and found["arrived"] == found["sent"]
    what = (
        f"byte {found['first']} to {found['last']} was {found['was']!r} and became "
        f"{found['became']!r}"
        if isWrong
        else "nothing was changed"
    )
    stage.conclude(
        isWrong and not run.effects()["discarded"],
        f"Two 16-bit words exchanged leave their sum as it was: {what}, nothing was discarded, "
        "and nobody was told. The checksum sees most errors, not all.",
    )


def resend(stage: Stage) -> None:
    """
    What is not acknowledged is sent again, after pauses that grow.
    """
    run = stage.run("--up-loss @4-7 --serve linecount", "ask far4.wire 51423 hello")
    stage.ladder(run, 24)
    pauses = _pauses(run)
    # the first pause may be a probe's, sent before the timer of the repeats ran out (RFC 8985)
    isGrowing = len(pauses) > 1 and pauses[-1] > 1.5 * pauses[-2]
    stage.conclude(
        isGrowing and "You entered 5 characters." in run.found[0]["answer"],
        f"The same bytes left {len(pauses) + 1} times, after pauses of {_seconds(pauses)}, and the "
        f"answer came: {run.found[0]['answer']}",
    )
    stage.say()
    run = stage.run("--down-loss @3,4", "carry far4.wire 20000")
    lost = [sent for sent in run.sent(direction="down") if sent.fates and not sent.length]
    again = sum(sent.attempt > 1 and sent.length > 0 for sent in run.sent(direction="up"))
    stage.conclude(
        bool(lost) and run.found[0]["same"],
        f"Acknowledgements lost: {len(lost)}. Segments sent again for that: {again}, of all "
        f"{run.found[0]['arrived']:,} bytes. Each later one says all that they said.",
    )


def order(stage: Stage) -> None:
    """
    What is numbered is put in order: the early wait, copies go.
    """
    run = stage.run("--up-reorder @4 --up-reorder-gap 2 --up-duplicate @6", "carry far4.wire 6000")
    stage.ladder(run, 24)
    effects, found = run.effects(), run.found[0]
    released = sum(event.released for _, event in run.arrived())
    stage.conclude(
        effects["held"] > 0 and released > 0,
        f"Early and held back: {effects['held']}. The one that they waited for let {released:,} "
        "bytes through.",
    )
    stage.conclude(
        effects["ignored"] > 0 and found["same"],
        f"Come once too often and ignored: {effects['ignored']}. The program read "
        f"{found['arrived']:,} bytes, "
        f"{'each once and in order' if found['same'] else 'not as they were sent'}.",
    )


def giveup(stage: Stage) -> None:
    """
    TCP gives up with an error, never in silence.
    """
    run = stage.run("--drain 0s", "call far4.wire 51423")
    refused = run.found[0]
    stage.ladder(run, 4)
    stage.conclude(
        refused.get("error") == "Connection refused",
        f"Nobody listens: {refused.get('error')!r}, after {refused['seconds'] * 1000:.0f} ms. "
        "The far computer itself has said so.",
    )
    stage.say()
    run = stage.run("--blackout 0s-60s --drain 0s", "call far4.wire 51423 --attempts 1")
    silent = run.found[0]
    stage.ladder(run, 6)
    syns = len(run.sent(direction="up"))
    stage.conclude(
        silent.get("error") == "Connection timed out" and syns == 2,
        f"Nobody answers: {syns} SYNs, then {silent.get('error')!r}, after "
        f"{silent['seconds']:.1f} s. (Linux sends 7, for two minutes; this program allowed one "
        "repeat.)",
    )
    stage.say()
    run = stage.run(
        "--blackout 1.5s-60s --drain 0s",
        "speak far4.wire --after 1.5 --patience 1.5",
    )
    dead = run.found[0]
    stage.ladder(run, 20)
    stage.conclude(
        dead.get("error") == "Connection timed out" and bool(dead.get("welcome")),
        f"The line went dead in mid-sentence: {dead.get('error')!r}, {dead['seconds']:.1f} s after "
        "the last words. (This program allowed 1.5 s; Linux itself tries for a quarter of an "
        "hour.)",
    )


def sockets(stage: Stage) -> None:
    """
    A program reads bytes as they come, whatever the wire did to them.
    """
    run = stage.run("--down-loss @4 --delay 10ms", "gopher far4.wire")
    stage.table(
        ("seconds", "type", "title"),
        [(found["seconds"], found["kind"], found["title"]) for found in run.found],
    )
    titles = [found["title"] for found in run.found]
    lost = run.fates()["lost"]
    stage.conclude(
        lost > 0 and titles[:1] == ["A page about rivers"] and titles[-1:] == ["Lakes"],
        f"A Gopher page of {len(titles)} lines was read whole and in order. Segments lost: {lost}; "
        f"the lines after it waited until {run.found[-1]['seconds']:.2f} s.",
    )
    stage.say()
    run = stage.run("--loss @3 --serve linecount", "ask far4.wire 51423 'To be, or not to be'")
    found = run.found[0]
    stage.say(f"  {found['welcome']}")
    stage.say(f"  {found['answer']}")
    stage.say()
    stage.conclude(
        found["answer"] == "You entered 19 characters." and run.fates()["lost"] > 0,
        f"A line was sent and counted. Packets lost on the way: {run.fates()['lost']}; the "
        "programs noticed nothing but time.",
    )
