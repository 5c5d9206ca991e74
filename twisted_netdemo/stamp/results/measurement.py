"""
The result of a run. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate
from twisted_netdemo.stamp.results.directions import Directions, Fate, Kind, directions
from twisted_netdemo.stamp.results.quantiles import Quantiles, jitter, quantile, quantiles
from twisted_netdemo.stamp.session.arrivals import Arrivals
from twisted_netdemo.stamp.session.ledger import Answer, Ledger


@dataclass(frozen=True)
class Reordering:
    """
    RFC 4737, over first copies.

    @ivar count: how many were reordered (3.3), and C{ratio}: of those that arrived.
    @ivar maxExtent: the largest extent (4.2.2), 0 if none was.
    @ivar n: the largest n of n-reordering (5), 0 if none was.
    """

    count: int
    ratio: float
    maxExtent: int
    n: int


@dataclass(frozen=True)
class TTL:
    """
    The TTL or Hop Limit that packets came with.

    @ivar first: of the first packet, and C{last}: of the last.
    @ivar changes: how often it differed from that of the packet before.
    """

    first: int
    last: int
    changes: int


@dataclass(frozen=True, slots=True)
class Packet:
    """
    The fate of one request. Times are in microseconds.

    @ivar rtt: the round trip, less the reflector's own time; C{None} but for those received, as
        are C{delayUp}: the way there, by both clocks, and C{delayDown}: the way back; these two
        also where the sender's clock was set in the run.
    @ivar duplicated: whether a copy of it was seen, or of its answer.
    @ivar reordered: whether its answer came after one that had left later.
    """

    seq: int
    fate: Fate
    rtt: float | None
    delayUp: float | None
    delayDown: float | None
    duplicated: bool
    reordered: bool


@dataclass(frozen=True)
class Sending:
    """
    The sender's punctuality.

    @ivar errors: how late each request was, in nanoseconds.
    @ivar late: how many were more than a millisecond late.
    @ivar skipped: ticks at which nothing was sent, since they were over when they could be seen to.
    @ivar failed: requests that the system did not take.
    @ivar waited: for how many seconds the last replies were waited for, where the run was ended
        early; C{None} where it was not.
    """

    errors: Sequence[int] = ()
    late: int = 0
    skipped: int = 0
    failed: int = 0
    waited: float | None = None


@dataclass(frozen=True)
class Rejected:
    """
    Packets that came and were not counted.

    @ivar unauthentic: not made with the key.
    @ivar malformed: no reply to anything that was sent.
    @ivar stray: from elsewhere than the reflector.
    @ivar excess: further replies to what was answered already, beyond those that are kept account
        of: 1000, and four for each packet sent.
    """

    unauthentic: int = 0
    malformed: int = 0
    stray: int = 0
    excess: int = 0


@dataclass(frozen=True)
class Measurement:
    """
    The figures of a run. Delays are of the requests that were received; those up and down rest
    on both clocks, and may be negative where these do not agree.

    @ivar target: where it was sent: an address and a port.
    @ivar sent: how many requests.
    @ivar received: those answered within the timeout, and C{late}: those answered after it.
    @ivar lost: those never answered.
    @ivar reflector: its kind; C{None} where nothing came back.
    @ivar rtt: the round trip less the reflector's own time (RFC 2681).
    @ivar delayUp: from the sender to the reflector (RFC 7679), and C{delayDown}: back.
    @ivar lossRunsUp: how many requests were lost in a row, for each such row in order (RFC 3357),
        and C{lossRunsDown}: so for the answers; C{None} where it is not known of all.
    @ivar ipdv: the difference of the round trip to the one before, where both are known (RFC 5481),
        and C{pdv}: that to the least one. C{ipdvUp} and so on are those of one way.
    @ivar jitterUp: of the requests as the reflector saw them, in microseconds (RFC 3550), and
        C{jitterDown}: of the answers.
    @ivar clockStep: by how many nanoseconds the sender's clock was set forward in the run; C{None}
        where it was not. Where it was, no figure of one way is given, since they rest on it.
    """

    target: tuple[str, int]
    timeout: float
    sent: int
    received: int
    late: int
    lost: int
    reflector: Kind | None
    directions: Directions
    reorderedUp: Reordering | None
    reorderedDown: Reordering | None
    lossRunsUp: tuple[int, ...] | None
    lossRunsDown: tuple[int, ...] | None
    rtt: Quantiles | None
    delayUp: Quantiles | None
    delayDown: Quantiles | None
    ipdv: Quantiles | None
    ipdvUp: Quantiles | None
    ipdvDown: Quantiles | None
    pdv: Quantiles | None
    pdvUp: Quantiles | None
    pdvDown: Quantiles | None
    jitterUp: float | None
    jitterDown: float | None
    ttlUp: TTL | None
    ttlDown: TTL | None
    senderError: ErrorEstimate
    reflectorError: ErrorEstimate | None
    sending: Sending
    rejected: Rejected
    clockStep: int | None
    packets: tuple[Packet, ...]

    @property
    def sendError(self) -> tuple[float, float] | None:
        """
        The lateness of the requests in microseconds: the median and the 99th percentile.
        """
        ordered = sorted(self.sending.errors)
        if not ordered:
            return None
        return quantile(ordered, 500) / 1000, quantile(ordered, 990) / 1000


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
        if ways.kind == "stateless" or ledger.countsAnew or ledger.excess
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
        elif ways.kind == "ours" and ledger.hasArrived(n):
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
