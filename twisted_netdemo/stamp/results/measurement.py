"""
The result of a run. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate
from twisted_netdemo.stamp.results.directions import Directions, Fate, Kind
from twisted_netdemo.stamp.results.quantiles import Quantiles, quantile


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
