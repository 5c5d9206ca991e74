"""
The lessons on how fast TCP sends: limited by its reader and by the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, amount, exactly, times
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun, Run
from twisted_netdemo.badwire.lessons.reliable import again
from twisted_netdemo.badwire.lessons.round_trips import Trips, trips

_REST = 1.2
_SIZE = 80_000
_BAR = 26

#: The number of round trips that are looked at together: a busy machine may cut one short.
_FEW = 5


def window(lesson: LessonRun) -> None:
    """
    A slow reader stops a fast writer, and nothing is lost.
    """
    lesson.ask(
        f"A program writes {_SIZE:,} bytes as fast as it can; the reader takes none for {_REST} s. "
        "Where are the bytes meanwhile?",
        "how many are on the way, how many lost, how many not yet written?",
    )
    run = lesson.run("--delay 5ms", f"window far4.wire {_SIZE} {_REST}")
    lesson.ladder(run, 24)
    found = run.first
    lesson.claim(
        stopped(found.get("buffers"), found.get("before"), found.get("stopped"), found.get("pause"))
    )
    lesson.claim(probed(_probes(run), sum(sent.window == 0 for sent in run.sent(direction="down"))))
    lesson.claim(
        lossless(
            run.fates()["lost"],
            again(run),
            found.get("arrived") if found.get("same") else 0,
        )
    )
    lesson.rule(
        "each acknowledgement says for how many more bytes the receiver has room, its window; a "
        "sender that is told 0 asks now and then, since both would wait for ever if 'room again' "
        "were lost",
        "RFC 9293 3.8.6, 3.8.6.1",
    )
    lesson.next(
        "badwire run --delay 5ms --down-loss @9-12 --ladder -- badwire-actor window far4.wire "
        f"{_SIZE} {_REST}"
    )


def _probes(run: Run) -> int:
    """
    The number of window probes: empty segments whose number lies before the next one.
    """
    end, count = 1, 0
    for sent in run.sent(direction="up"):
        end = max(end, sent.seq + sent.length)
        count += sent.flags == "A" and not sent.length and sent.seq < end
    return count


def stopped(
    buffers: int | None, before: int | None, at: float | None, pause: float | None
) -> Claim:
    """
    @param buffers: the size of the buffers of both sockets, in bytes, as the kernel says it.
    @param before: the bytes that the writer had written before its longest pause.
    @param at: the start of that pause, in seconds.
    @param pause: its length in seconds.
    """
    return Claim(
        "The writer wrote {before:,} bytes in {at:.2f} s: they were in the buffers of both "
        "kernels, which hold {buffers:,} at most. Then it could write nothing for {pause:.1f} s.",
        buffers=CheckedFigure("bytes that the buffers hold", buffers, 1, _SIZE - 1),
        before=CheckedFigure("bytes written before the pause", before, 1, buffers or 0),
        at=CheckedFigure("seconds until the pause", at, 0.0, _REST),
        pause=CheckedFigure("seconds of the pause", pause, 0.5 * _REST, _REST + 1.0),
    )


def probed(probes: int, full: int) -> Claim:
    """
    @param probes: the window probes of the writer's kernel.
    @param full: the windows of 0 that the reader's kernel announced.
    """
    return Claim(
        "The reader's kernel said {full} that it had no room (window 0), and the writer's kernel "
        "asked {probes} whether it had room again.",
        full=CheckedFigure("windows of 0", full, 1, 12, times(full)),
        probes=CheckedFigure("questions for room", probes, 1, 12, times(probes)),
    )


def lossless(lost: int, again: int, arrived: int | None) -> Claim:
    """
    @param lost: segments lost on the wire.
    @param again: segments that were sent again.
    @param arrived: bytes that were read as they were sent.
    """
    return Claim(
        "In the end the reader read all {arrived:,} bytes as they were sent. The wire lost {lost}, "
        "and the sender sent {again} again.",
        arrived=exactly("bytes read as sent", arrived, _SIZE),
        lost=exactly("segments lost", lost, 0, "nothing"),
        again=CheckedFigure("segments sent again", again, 0, 3, amount(again, "segment")),
    )


def congestion(lesson: LessonRun) -> None:
    """
    TCP takes a loss for a sign of a full network: reno slows down.
    """
    lesson.ask(
        "The wire loses one segment of hundreds, and TCP repairs it. What changes for the segments "
        "after it?",
        "how many segments does a round trip have before and after?",
    )
    run = lesson.run("--delay 20ms --up-loss @50", "congestion far4.wire 900000")
    controls = [found["control"] for found in run.found]
    both = [trips(flow) for flow in run.flows]
    _chart(lesson, controls, both)
    mine = both[0] if both else Trips([], [], 0, None, 0)
    lesson.claim(doubled(controls[:1], mine.counts[: mine.before + 1]))
    lesson.claim(halved(mine.flight, mine.counts[mine.after : mine.after + _FEW]))
    lesson.claim(creeping(mine.counts[mine.after : -2]))
    if len(both) > 1:
        other = both[1]
        lesson.claim(
            otherWay(
                controls[1],
                [found["same"] for found in run.found],
                [sum(bool(sent.fates) for sent in flow.packets.values()) for flow in run.flows],
                _share(mine),
                _share(other),
                [found["seconds"] for found in run.found],
            )
        )
    else:
        lesson.note(
            "This user may choose no other congestion control here "
            "(net.ipv4.tcp_available_congestion_control)."
        )
    lesson.rule(
        "in slow start each round trip has twice as many segments as the one before; at a loss "
        "reno halves them, and then adds one segment each round trip; cubic keeps 0.7 of them and "
        "grows by the clock; bbr goes by the rate that it measures",
        "RFC 5681 3.1 and 3.2, RFC 9438 4.6, draft-ietf-ccwg-bbr",
    )
    lesson.next("badwire run --delay 20ms --loss 2% -- badwire-actor congestion far4.wire 900000")


def _chart(lesson: LessonRun, controls: Sequence[str], both: Sequence[Trips]) -> None:
    most = max((max(each.counts, default=1) for each in both), default=1)
    headings = ["trip"]
    for control in controls:
        headings += [f"{control}: at (s)", "segments"]
    rows: list[list[object]] = []
    for place in range(max((len(each.counts) for each in both), default=0)):
        row: list[object] = [place + 1]
        for each in both:
            if place < len(each.counts):
                count = each.counts[place]
                row += [each.started[place], f"{'#' * -(-count * _BAR // most)} {count}"]
            else:
                row += [None, ""]
        rows.append(row)
    lesson.table(headings, rows)


def _share(found: Trips) -> float | None:
    """
    The bytes of the first round trips after the repair, as a share of those under way at the loss.
    """
    counts = found.counts[found.after : found.after + _FEW]
    return median(counts) / found.flight if counts and found.flight else None


def doubled(controls: Sequence[str], counts: Sequence[int]) -> Claim:
    """
    @param controls: the congestion control, as the connection says it.
    @param counts: segments in each round trip up to the one with the loss.
    """
    growth = [after / before for before, after in pairwise(counts) if before]
    return Claim(
        "With {control} the round trips up to the loss had {counts} segments, each about twice as "
        "many as the one before.",
        control=exactly("congestion control", [*controls], ["reno"], "".join(controls)),
        counts=CheckedFigure("round trips", len(counts), 2, 6, ", ".join(map(str, counts))),
        least=CheckedFigure("the least growth", min(growth, default=None), 1.4, 2.2),
        most=CheckedFigure("the most growth", max(growth, default=None), 1.4, 2.2),
    )


def halved(flight: int | None, after: Sequence[int]) -> Claim:
    """
    @param flight: segments under way when the loss was noticed.
    @param after: segments in the first round trips after its repair.
    """
    wanted = flight or 0
    return Claim(
        "{flight} segments were under way when the sender noticed the loss. After the repair a "
        "round trip had {count}, about half of that.",
        flight=CheckedFigure("segments under way", flight, 20, 90),
        count=CheckedFigure(
            "segments after the repair",
            median(after) if after else None,
            0.35 * wanted,
            0.65 * wanted,
        ),
    )


def creeping(counts: Sequence[int]) -> Claim:
    """
    @param counts: segments in each whole round trip after the repair.
    """
    steps = len(counts) - _FEW
    few = [median(counts[:_FEW]), median(counts[-_FEW:])] if steps > 0 else []
    return Claim(
        "From there on each round trip had about one segment more than the one before: "
        "{slope:.1f} on average, over {trips} round trips.",
        trips=CheckedFigure("round trips after the repair", len(counts), 6, 40),
        slope=CheckedFigure(
            "segments more, each round trip",
            (few[1] - few[0]) / steps if few else None,
            0.5,
            1.5,
        ),
    )


def otherWay(
    control: str,
    same: Sequence[bool],
    lost: Sequence[int],
    reno: float | None,
    other: float | None,
    seconds: Sequence[float],
) -> Claim:
    """
    @param control: the other congestion control. Of cubic and bbr it is known that they give way
        less than reno; of others nothing is.
    @param same: whether all arrived as sent, by both.
    @param lost: how many segments each lost.
    @param reno: what the first round trips after the repair have of what was under way.
    @param other: the same, by the other congestion control.
    @param seconds: until all had arrived, by both.
    """
    least = (reno or 0.0) * 1.1 if control in ("cubic", "bbr") else 0.01
    return Claim(
        f"After the same loss {control} went on with {{other:.0%}} of what was under way, and reno "
        "with {reno:.0%}. Both carried all bytes: {seconds}.",
        same=exactly("carried as sent", [*same], [True, True]),
        lost=exactly("segments lost", [*lost], [1, 1]),
        reno=CheckedFigure("reno's part", reno, 0.35, 0.65),
        other=CheckedFigure("the other one's part", other, least, 10.0),
        seconds=exactly(
            "times",
            len(seconds),
            2,
            ", ".join(
                f"{name} in {each:.2f} s"
                for name, each in zip(("reno", control), seconds, strict=False)
            ),
        ),
    )
