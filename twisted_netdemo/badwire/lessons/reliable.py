"""
The lessons on what TCP promises: whole, again, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, amount, exactly
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun, Run
from twisted_netdemo.badwire.lessons.programs.kernel_settings import SHORTEST_WAIT, longestWait
from twisted_netdemo.badwire.model.events import Sent


def again(run: Run) -> int:
    """
    The number of segments with data that the opener sent again.
    """
    return sum(sent.attempt > 1 and sent.length > 0 for sent in run.sent(direction="up"))


def pauses(run: Run) -> list[float]:
    """
    The pauses between the attempts of the segment that was sent most often, in seconds.
    """
    attempts: dict[tuple[int, str, int], list[Sent]] = {}
    for sent in run.sent():
        if sent.length or "S" in sent.flags or "F" in sent.flags:
            attempts.setdefault((sent.flow, sent.direction, sent.seq), []).append(sent)
    most = max(attempts.values(), key=len, default=[])
    return [after.t - before.t for before, after in pairwise(most)]


def _counted(run: Run, name: str) -> int | None:
    """
    A counter that the program has read from the kernel.
    """
    count: int | None = run.first.get("counted", {}).get(name)
    return count


def checksum(lesson: LessonRun) -> None:
    """
    TCP sends damaged data again, if the checksum sees the damage.
    """
    lesson.ask(
        "The wire damages two of four segments. What does the program at the far end read?",
        "everything, a part, or wrong letters?",
    )
    run = lesson.run("--up-corrupt @3,5", "carry far4.wire 5000")
    lesson.ladder(run, 18)
    lesson.claim(
        repaired(
            _counted(run, "InCsumErrors"),
            again(run),
            run.first.get("arrived"),
            run.first.get("same"),
        )
    )
    lesson.say()
    run = lesson.run("--up-undetectable @3 --seed 12", "carry far4.wire 500")
    found = run.first
    lesson.claim(
        unnoticed(
            found.get("first"),
            found.get("last"),
            found.get("was"),
            found.get("became"),
            found.get("arrived"),
            _counted(run, "InCsumErrors"),
            again(run),
        )
    )
    lesson.rule("a sum stays the same when two of its terms are exchanged", "RFC 1071 2")


def repaired(discarded: int | None, again: int, arrived: int | None, same: bool | None) -> Claim:
    """
    @param discarded: segments that the kernel discarded for their checksum: two were damaged.
    @param again: segments with data that were sent again.
    @param arrived: bytes that the program read, of 5,000.
    @param same: whether they are those that were sent.
    """
    return Claim(
        "The kernel counted {discarded} segments with a wrong checksum, and discarded them. The "
        "sender sent {again} segments again, and all {arrived:,} bytes arrived as they were sent.",
        discarded=exactly("segments discarded", discarded, 2),
        again=CheckedFigure("segments sent again", again, 2, 5),
        arrived=exactly("bytes read", arrived, 5000),
        same=exactly("bytes read as sent", same, True),
    )


def unnoticed(
    first: int | None,
    last: int | None,
    was: str | None,
    became: str | None,
    arrived: int | None,
    discarded: int | None,
    again: int,
) -> Claim:
    """
    @param first: the number of the first changed byte, of 500.
    @param last: the number of the last one.
    @param was: the bytes that were sent there.
    @param became: the bytes that were read there.
    @param arrived: how many bytes were read.
    @param discarded: segments that were discarded.
    @param again: segments that were sent again.
    """
    return Claim(
        "The wire exchanged two 16-bit words, which leaves their sum as it was: bytes {first} to "
        "{last} were {was} and became {became}. The receiver discarded {discarded}, and the sender "
        "sent {again} again: the checksum did not see this error.",
        first=CheckedFigure("the first byte changed", first, 1, 500),
        last=CheckedFigure("the last byte changed", last, first or 1, 500),
        was=exactly("letters before", sorted(was or ""), sorted(became or "?"), repr(was)),
        became=exactly("a change", was != became, True, repr(became)),
        arrived=exactly("bytes read", arrived, 500),
        discarded=exactly("segments discarded", discarded, 0, "nothing"),
        again=exactly("segments sent again", again, 0, "nothing"),
    )


def resend(lesson: LessonRun) -> None:
    """
    TCP sends again what is not acknowledged, after pauses that grow.
    """
    lesson.ask(
        "The wire loses the same line four times in a row. When does TCP send it again?",
        "after four pauses: are all of them equally long?",
    )
    run = lesson.run("--up-loss @4-7 --serve linecount", "ask far4.wire 51423 hello")
    lesson.ladder(run, 24)
    waits, found = pauses(run), run.first
    longest = longestWait(found)
    lesson.claim(repeated(len(waits) + 1, waits, found.get("answer")))
    others = sum(sent.attempt > 1 for sent in run.sent(direction="down"))
    lesson.claim(probed(found.get("probes"), waits[0] if waits else None, others))
    lesson.claim(growing(waits[1:], longest))
    shortest = found.get("tcp_rto_min_us", SHORTEST_WAIT * 1e6) / 1e6
    least, most = (
        name if name in found else "fixed in this kernel"
        for name in ("tcp_rto_min_us", "tcp_rto_max_ms")
    )
    lesson.note(
        f"In this network a pause lasts at least {shortest:g} s ({least}) and at most "
        f"{longest:g} s ({most})."
    )
    lesson.rule(
        "the first wait for an acknowledgement is 1 s, no wait is shorter, and each is twice as "
        "long as the one before; a system may set a longest wait, of 60 s at least. Linux waits "
        "less",
        "RFC 6298 2.1, 2.4, 2.5, 5.5",
    )
    lesson.say()
    run = lesson.run("--down-loss @3,4", "carry far4.wire 20000")
    lost = [sent for sent in run.sent(direction="down") if sent.fates and not sent.length]
    lesson.claim(
        covered(
            len(lost),
            again(run),
            run.effects()["ignored"],
            run.first.get("arrived"),
            run.first.get("same"),
        )
    )
    lesson.rule("'all before byte 9000' includes all before byte 3000", "RFC 9293 3.4")


def repeated(times: int, waits: Sequence[float], answer: str | None) -> Claim:
    """
    @param times: how often the same bytes left: four times they were lost.
    @param waits: the pauses in between, in seconds.
    @param answer: the server's answer.
    """
    shown = ", ".join(f"{wait:.2f}" for wait in waits)
    return Claim(
        "The client sent the same bytes {times} times, after pauses of {waits} s. Then the answer "
        "came: {answer}",
        times=exactly("times that the bytes left", times, 5),
        waits=exactly("pauses", len(waits), 4, shown),
        answer=exactly("the answer", answer, "You entered 5 characters."),
    )


def probed(probes: int | None, first: float | None, others: int) -> Claim:
    """
    @param probes: the tail loss probes that the kernel has counted.
    @param first: the first pause, in seconds.
    @param others: segments that the server sent again: on a busy machine it may probe as well.
    """
    return Claim(
        "The first repeat, after {first:.2f} s, asks whether the last segment was lost: it is a "
        "tail loss probe (RFC 8985 7). The kernel's counter TCPLossProbes says {probes}.",
        probes=CheckedFigure("probes counted", probes, 1, 1 + others),
        first=CheckedFigure("the first pause, in seconds", first, 0.1, 1.0),
    )


def growing(waits: Sequence[float], longest: float) -> Claim:
    """
    @param waits: the pauses before the later attempts, in seconds.
    @param longest: the longest pause that the kernel allows, in seconds.
    """
    growth = [after / before for before, after in pairwise(waits) if after < 0.95 * longest]
    return Claim(
        "After that each pause is about twice as long as the one before: {least:.1f} to {most:.1f} "
        "times. The shortest is {first:.2f} s.",
        waits=exactly("pauses", len(waits), 3),
        least=CheckedFigure("the least growth", min(growth, default=None), 1.5, 2.8),
        most=CheckedFigure("the most growth", max(growth, default=None), 1.5, 2.8),
        first=CheckedFigure("the shortest pause, in seconds", min(waits, default=None), 0.19, 0.6),
        last=CheckedFigure(
            "the longest pause, in seconds", max(waits, default=None), 0.42, longest + 0.5
        ),
    )


def covered(lost: int, again: int, ignored: int, arrived: int | None, same: bool | None) -> Claim:
    """
    @param lost: acknowledgements that were lost.
    @param again: segments that were sent again.
    @param ignored: segments that had arrived before.
    @param arrived: bytes that the program read, of 20,000.
    @param same: whether they are those that were sent.
    """
    return Claim(
        "The wire lost {lost} acknowledgements. The sender sent {again} again that had arrived, "
        "and the program read all {arrived:,} bytes as they were sent: a later acknowledgement "
        "says all that a lost one said.",
        lost=exactly("acknowledgements lost", lost, 2),
        again=CheckedFigure("segments sent again", again, 0, 2, amount(again, "segment")),
        ignored=CheckedFigure("segments that came in vain", ignored, again, again + 1),
        arrived=exactly("bytes read", arrived, 20_000),
        same=exactly("bytes read as sent", same, True),
    )


def order(lesson: LessonRun) -> None:
    """
    TCP puts segments in order: early ones wait, and copies are dropped.
    """
    lesson.ask(
        "The second of five segments arrives fourth, and the last one arrives twice. What does the "
        "program read?",
        "which segments must wait, and what does the program read twice?",
    )
    run = lesson.run("--up-reorder @4 --up-reorder-gap 2 --up-duplicate @7", "carry far4.wire 6000")
    lesson.ladder(run, 24)
    found = run.first
    lesson.claim(
        early(
            _counted(run, "TCPOFOQueue"),
            sum(sent.length for sent, event in run.arrived() if event.effect == "held"),
            sum(event.released for _, event in run.arrived()),
        )
    )
    # not those that the kernel sent again too early, as it does on a busy machine
    copies = sum(event.effect == "ignored" and event.copy > 0 for _, event in run.arrived())
    lesson.claim(once(copies, found.get("arrived"), found.get("same")))


def early(held: int | None, waiting: int, released: int) -> Claim:
    """
    @param held: early segments, as the kernel counts them: two overtook one.
    @param waiting: the bytes in them.
    @param released: the bytes that were released by the segment that was overtaken.
    """
    return Claim(
        "The kernel counted {held} segments that came early, and held them back. The segment that "
        "they waited for released their {released:,} bytes.",
        held=exactly("segments held back", held, 2),
        waiting=CheckedFigure("bytes held back", waiting, 2, 6000),
        released=exactly("bytes released", released, waiting),
    )


def once(ignored: int, arrived: int | None, same: bool | None) -> Claim:
    """
    @param ignored: copies of segments that had come before: one was duplicated.
    @param arrived: bytes that the program read, of 6,000.
    @param same: whether they were as sent.
    """
    return Claim(
        "The receiver ignored {ignored} that it already had. The program read {arrived:,} bytes, "
        "each once and in order.",
        ignored=CheckedFigure(
            "segments ignored", ignored, 1, 3, "1 copy" if ignored == 1 else f"{ignored} copies"
        ),
        arrived=exactly("bytes read", arrived, 6000),
        same=exactly("bytes read as sent", same, True),
    )
