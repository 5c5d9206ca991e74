"""
How fast a connection sends: its segments by round trips.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_netdemo.badwire.model.events import Sent
from twisted_netdemo.badwire.render.ladder import RecordedFlow


@dataclass(frozen=True, slots=True)
class Trips:
    """
    The segments that a connection sent in each round trip.

    @ivar started: the start of each round trip, in seconds from the first.
    @ivar counts: the number of segments of each.
    @ivar before: the number of round trips that were over before the one with the loss.
    @ivar flight: the number of segments in flight when the lost one was sent again; L{None} if none
        was.
    @ivar after: the index of the first round trip that began after the loss was repaired.
    """

    started: list[float]
    counts: list[int]
    before: int
    flight: int | None
    after: int


def trips(flow: RecordedFlow) -> Trips:
    """
    Count by round trips. A round trip ends when the first of its bytes is acknowledged: no clock is
    needed.
    """
    started: list[float] = []
    counts: list[int] = []
    mark = end = acked = 1
    count, began, largest = 0, 0.0, 1
    flight: int | None = None
    before = after = recovery = 0
    for event in flow.events:
        sent = flow.packets[event.n]
        if isinstance(event, Sent):
            if sent.direction == "up" and sent.length:
                if not count:
                    began = sent.t
                count += 1
                largest = max(largest, sent.length)
                if sent.attempt > 1 and flight is None:
                    flight, recovery = round((end - acked) / largest), end
                end = max(end, sent.seq + sent.length)
                if sent.fates and not before:
                    before = len(counts)
        elif sent.direction == "down" and sent.ack is not None:
            acked = max(acked, sent.ack)
            if acked > mark and count:
                started.append(began)
                counts.append(count)
                count = 0
                if flight is not None and not after and mark >= recovery:
                    after = len(counts) - 1
                mark = end
    first = started[0] if started else 0.0
    return Trips([each - first for each in started], counts, before, flight, after or len(counts))
