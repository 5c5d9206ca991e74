"""
The lessons on the promises that UDP does not make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, exactly
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun, Run

_BAD = "--loss 5% --duplicate 5% --reorder 5% --corrupt 2% --seed 7"
_ASKED = 100

_LOSS = 0.05
_EACH = 40

#: The largest packet on this wire in bytes, including its IP header.
_MTU = 1500


def datagrams(lesson: LessonRun) -> None:
    """
    UDP delivers whole or never, perhaps twice, perhaps out of order.
    """
    lesson.ask(
        "A program asks a hundred questions by UDP over a bad wire. How many answers come?",
        "fewer than a hundred, or more? In order?",
    )
    run = lesson.run(f"{_BAD} --serve udpcount", f"datagrams far4.wire 51423 {_ASKED}")
    lesson.ladder(run, 22)
    found, fates = run.first, run.fates("udp")
    lesson.claim(
        notSurely(
            found.get("unanswered"),
            fates["lost"],
            fates["corrupted"],
            len(run.sent("udp", "up")) - _ASKED,
        )
    )
    lesson.claim(notOnce(found.get("twice"), found.get("late")))
    right, expected = matched(run, found.get("came", []))
    lesson.claim(wholly(right, len(found.get("came", [])), expected))
    lesson.rule(
        "the checksum finds almost every datagram that was damaged; UDP promises nothing else",
        "RFC 768, RFC 8085 3.4",
    )


def matched(run: Run, came: Sequence[int]) -> tuple[int, int]:
    """
    Hold each answer against its question. The server answers what arrives, one after the other: so
    its n-th answer is that to the n-th question that arrived.

    @param came: the letters that each answer counts, in the order in which they were read.
    @return: how many answers count their question's letters, and how many arrived.
    """
    questions = [
        sent.length
        for sent, event in run.arrived()
        if sent.direction == "up" and event.effect != "discarded"
    ]
    answers = [
        sent.seq
        for sent, event in run.arrived()
        if sent.direction == "down" and event.effect != "discarded"
    ]
    wanted = [questions[seq - 1] if seq <= len(questions) else None for seq in answers]
    return sum(one == other for one, other in zip(wanted, came, strict=False)), len(answers)


def notSurely(unanswered: int | None, lost: int, corrupted: int, again: int) -> Claim:
    """
    @param unanswered: questions without an answer.
    @param lost: packets lost.
    @param corrupted: packets damaged.
    @param again: questions that were sent again.
    """
    return Claim(
        f"Not all arrive: {{unanswered}} of {_ASKED} questions got no answer. The wire lost "
        "{lost} packets and corrupted {corrupted}, and {again} of the questions was sent again.",
        unanswered=CheckedFigure("questions unanswered", unanswered, 1, _ASKED // 2),
        lost=CheckedFigure("packets lost", lost, 1, _ASKED // 2),
        corrupted=CheckedFigure("packets corrupted", corrupted, 1, _ASKED // 4),
        again=exactly("questions sent again", again, 0, "none"),
    )


def notOnce(twice: int | None, late: int | None) -> Claim:
    """
    @param twice: questions that were answered more than once.
    @param late: answers that arrived after the answer to a later question.
    """
    return Claim(
        "Some arrive twice: {twice} questions got more than one answer. Some arrive late: {late} "
        "answers came after the answer to a later question.",
        twice=CheckedFigure("answered more than once", twice, 1, _ASKED // 2),
        late=CheckedFigure("answers out of order", late, 1, _ASKED // 2),
    )


def wholly(right: int, came: int, arrived: int) -> Claim:
    """
    @param right: answers with the number of letters of their own question.
    @param came: answers that the program read.
    @param arrived: answers that arrived.
    """
    return Claim(
        "Those that arrive are whole: {right} of the {came} answers count the letters of their own "
        "question.",
        right=exactly("answers that count rightly", right, came),
        came=CheckedFigure("answers", came, _ASKED // 2, 2 * _ASKED),
        arrived=exactly("answers that arrived", arrived, came),
    )


def size(lesson: LessonRun) -> None:
    """
    A datagram has a largest size, and a large datagram is fragile.
    """
    lesson.ask(
        "The wire loses one packet in twenty. How many of 40 datagrams of 1,200 bytes arrive, how "
        "many of 8,000, how many of 65,507?",
        "three numbers; each of the largest datagrams travels in 45 packets.",
    )
    wanted = "1200 8000 65507 65508"
    run = lesson.run(f"--loss {_LOSS:.0%} --seed 5", f"sizes far4.wire {_EACH} {wanted}")
    _sizes(lesson, run)
    lesson.claim(largest("4", 65507, *_last(run)))
    small, middle, large = ([*run.found, {}, {}, {}])[:3]
    arrived = [found.get("arrived") for found in (small, middle, large)]
    lesson.claim(
        fragile(
            arrived,
            cut(run)[:3],
            sum(found["arrived"] - found["whole"] for found in run.found)
            + run.first.get("strange", 0),
            sum(sent.fragment is not None for sent in run.sent("udp")),
        )
    )
    lesson.say()
    if run.first.get("hasIPv6"):
        run = lesson.run("", f"sizes far6.wire {_EACH // 8} 65527 65528")
        _sizes(lesson, run)
        lesson.claim(largest("6", 65527, *_last(run)))
    else:
        lesson.note("This kernel has no IPv6, whose largest datagram has 65,527 bytes.")
    lesson.rule(
        "a datagram that fits one packet on every path is safest: programs send 1,200 bytes or "
        "less, since every path of IPv6 carries packets of 1,280",
        "RFC 8200 5, RFC 8085 3.2, RFC 9000 14",
    )


def _sizes(lesson: LessonRun, run: Run) -> None:
    lesson.table(
        ("bytes", "packets each", "sent", "arrived", "of them whole", "error"),
        [
            (
                found["size"],
                each if found["sent"] else None,
                found["sent"],
                found["arrived"],
                found["whole"],
                found.get("error", ""),
            )
            for found, each in zip(run.found, cut(run), strict=True)
        ],
    )


def cut(run: Run) -> list[int]:
    """
    The number of packets of the first datagram of each size; 0 if none was sent.
    """
    parts = Counter(sent.seq for sent in run.sent("udp", "up"))
    found, first = [], 1
    for figures in run.found:
        found.append(parts[first] if figures["sent"] else 0)
        first += figures["sent"]
    return found


def _last(run: Run) -> tuple[int | None, str | None, int | None]:
    """
    The number of the largest datagrams that were sent, and the results with one byte more.
    """
    largest, over = [{}, {}, *run.found][-2:]
    return largest.get("sent"), over.get("error"), over.get("sent")


def packets(size: int) -> int:
    """
    The number of IPv4 packets that carry a datagram of C{size} bytes: each but the last carries a
    multiple of 8 bytes (RFC 791 3.2).
    """
    return -(-(size + 8) // ((_MTU - 20) // 8 * 8))


def largest(
    version: str, size: int, sent: int | None, error: str | None, over: int | None
) -> Claim:
    """
    @param version: the version of IP.
    @param size: the size of the largest datagram in bytes.
    @param sent: how many of these could be sent.
    @param error: the error with one byte more.
    @param over: how many datagrams with one byte more could be sent.
    """
    many = _EACH if version == "4" else _EACH // 8
    return Claim(
        f"Over IPv{version} the program sent {{sent}} of {many} datagrams of {size:,} bytes. With "
        "one byte more it got {error}.",
        sent=exactly(f"datagrams of {size} bytes sent", sent, many),
        error=exactly("one byte more", error, "Message too long", repr(error)),
        over=exactly("datagrams of one byte more sent", over, 0),
    )


def fragile(arrived: Sequence[int | None], cut: Sequence[int], parts: int, fragments: int) -> Claim:
    """
    @param arrived: the datagrams of 1,200, 8,000 and 65,507 bytes that arrived.
    @param cut: the number of packets of each of these.
    @param parts: the datagrams that arrived incomplete.
    @param fragments: the packets that were fragments.
    """
    wanted = [packets(size) for size in (1200, 8000, 65507)]
    bounds = [_bounds(count) for count in wanted]
    return Claim(
        "A datagram that does not fit a packet travels in fragments ({fragments:,} here), and is "
        f"lost when one of them is. Of {_EACH} datagrams of 1,200, 8,000 and 65,507 bytes, which "
        "take {cut} packets, {small}, {middle} and {large} arrived, {parts} of them in part.",
        cut=exactly("packets each", [*cut], wanted, ", ".join(map(str, cut))),
        small=CheckedFigure("of 1,200 bytes arrived", arrived[0], *bounds[0]),
        middle=CheckedFigure("of 8,000 bytes arrived", arrived[1], *bounds[1]),
        large=CheckedFigure("of 65,507 bytes arrived", arrived[2], *bounds[2]),
        parts=exactly("datagrams not whole", parts, 0, "none"),
        fragments=exactly("fragments", fragments, _EACH * (packets(8000) + packets(65507))),
    )


def _bounds(packets: int) -> tuple[int, int]:
    """
    The bounds of the number of datagrams that arrive, of L{_EACH} that have C{packets} packets each
    of which one in twenty is lost: four standard deviations from the mean.
    """
    share = (1 - _LOSS) ** packets
    spread = 4 * (_EACH * share * (1 - share)) ** 0.5
    return max(0, int(_EACH * share - spread)), min(_EACH, int(_EACH * share + spread) + 1)
