"""
The figures of a run, from the sender's record of it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate
from twisted_netdemo.stamp.results.directions import Directions, Fate, directions
from twisted_netdemo.stamp.results.measurement import (
    TTL,
    Measurement,
    Packet,
    Rejected,
    Reordering,
    Sending,
)
from twisted_netdemo.stamp.results.quantiles import jitter, quantiles
from twisted_netdemo.stamp.session.arrivals import Arrivals
from twisted_netdemo.stamp.session.ledger import Answer, Ledger


def measured(
    ledger: Ledger,
    target: tuple[str, int],
    timeout: float,
    senderError: ErrorEstimate,
    sending: Sending,
    rejected: Rejected,
    clockStep: int | None = None,
) -> Measurement:
    """
    The figures of a finished run.

    @param timeout: in seconds.
    @param clockStep: as L{Measurement} has it.
    """
    limit = round(timeout * 1e9)
    ways = directions(ledger)
    inTime: dict[int, Answer] = {}
    late = 0
    for n, answer in enumerate(ledger.answers):
        if answer is None:
            continue
        if answer.arrived - ledger.sent[n] <= limit:
            inTime[n] = answer
        else:
            late += 1
    up = {n: answer.received - ledger.sent[n] for n, answer in inTime.items()}
    down = {n: answer.arrived - answer.replied for n, answer in inTime.items()}
    both = {n: up[n] + down[n] for n in inTime}
    if clockStep is not None:
        up, down = {}, {}
    fates = _fates(ledger, inTime, ways)
    byArrivalUp = sorted(inTime, key=lambda n: (inTime[n].received, inTime[n].number))
    byArrivalDown = sorted(inTime, key=lambda n: inTime[n].arrived)
    report = ledger.report
    isReported = ways.kind == "ours" and report is not None and ledger.isDecided
    return Measurement(
        target=target,
        timeout=timeout,
        sent=ledger.requests,
        received=len(inTime),
        late=late,
        lost=ledger.unanswered,
        reflector=ways.kind if ledger.answered or ledger.closingReplies else None,
        directions=ways,
        reorderedUp=None
        if not isReported or report is None
        else _reordering(report.reordered, report.first, report.extent, report.n),
        reorderedDown=None
        if ways.kind == "stateless" or ledger.countsAnew or ledger.excess or ledger.unordered
        else _together([*ledger.arrivals.values()]),
        lossRunsUp=_runs(fates, "lost_up", ()) if ways.lostUp is not None else None,
        lossRunsDown=_runs(fates, "lost_down", ("lost_up",)) if ways.lostUp is not None else None,
        rtt=quantiles([*both.values()]),
        delayUp=quantiles([*up.values()]),
        delayDown=quantiles([*down.values()]),
        ipdv=quantiles(_differences(both)),
        ipdvUp=quantiles(_differences(up)),
        ipdvDown=quantiles(_differences(down)),
        pdv=quantiles(_above(both)),
        pdvUp=quantiles(_above(up)),
        pdvDown=quantiles(_above(down)),
        jitterUp=jitter([up[n] for n in byArrivalUp if n in up]),
        jitterDown=jitter([down[n] for n in byArrivalDown if n in down]),
        ttlUp=_ttl(inTime[n].ttlUp for n in byArrivalUp),
        ttlDown=_ttl(inTime[n].ttlDown for n in byArrivalDown),
        senderError=senderError,
        reflectorError=ledger.reflector,
        sending=sending,
        rejected=rejected,
        clockStep=clockStep,
        packets=_packets(ledger, fates, both, up, down),
    )


def _fates(ledger: Ledger, inTime: dict[int, Answer], ways: Directions) -> list[Fate]:
    fates: list[Fate] = []
    for n, answer in enumerate(ledger.answers):
        if answer is not None:
            fates.append("received" if n in inTime else "late")
        elif ways.lostUp is not None:
            fates.append("lost_up" if n in ways.lostUp else "lost_down")
        elif ways.kind == "ours" and ledger.stretches.hasArrived(n):
            fates.append("lost_down")
        else:
            fates.append("undecided")
    return fates


def _packets(
    ledger: Ledger,
    fates: Sequence[Fate],
    both: dict[int, int],
    up: dict[int, int],
    down: dict[int, int],
) -> tuple[Packet, ...]:
    duplicated = {*ledger.copies, *ledger.repeated}
    reordered = {*ledger.reorderedDown}

    def delay(delays: dict[int, int], n: int) -> float | None:
        return delays[n] / 1000 if n in delays else None

    return tuple(
        Packet(
            n,
            fate,
            delay(both, n),
            delay(up, n),
            delay(down, n),
            n in duplicated,
            n in reordered,
        )
        for n, fate in enumerate(fates)
    )


def _reordering(count: int, first: int, extent: int, n: int) -> Reordering:
    return Reordering(count, count / first if first else 0.0, extent, n)


def _together(arrivals: Sequence[Arrivals]) -> Reordering | None:
    """
    The reordering of a reflector's sessions, of which there is one but where it has forgotten the
    run.
    """
    if not arrivals:
        return None
    return _reordering(
        sum(each.reordered for each in arrivals),
        sum(each.first for each in arrivals),
        max(each.extent for each in arrivals),
        max(each.n for each in arrivals),
    )


def _runs(fates: Sequence[Fate], lost: Fate, without: Sequence[Fate]) -> tuple[int, ...]:
    """
    The lengths of the runs of a loss, among the packets that were on that way at all.
    """
    there = (fate == lost for fate in fates if fate not in without)
    return tuple(sum(1 for _ in run) for isLost, run in groupby(there) if isLost)


def _differences(delays: dict[int, int]) -> list[int]:
    return [delay - delays[n - 1] for n, delay in delays.items() if n - 1 in delays]


def _above(delays: dict[int, int]) -> list[int]:
    least = min(delays.values(), default=0)
    return [delay - least for delay in delays.values()]


def _ttl(came: Iterable[int | None]) -> TTL | None:
    known = [ttl for ttl in came if ttl is not None]
    if not known:
        return None
    changes = sum(a != b for a, b in pairwise(known))
    return TTL(known[0], known[-1], changes)
