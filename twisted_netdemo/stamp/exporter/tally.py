"""
Measurements added up, as Prometheus has them. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from twisted_netdemo.service.observe.metrics import Histogram, Metric
from twisted_netdemo.stamp.results.directions import Count
from twisted_netdemo.stamp.results.measurement import Measurement

#: Upper bounds of the buckets, in seconds: from a switch away to round the world and a queue.
BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
)

_UP, _DOWN, _UNDECIDED = "up", "down", "undecided"


class Tally:
    """
    The sums of one target. A range adds its least, an unknown count nothing; losses without a
    certain direction are undecided.
    """

    def __init__(self) -> None:
        self.rtt = Histogram(BOUNDS)
        self.delay = {direction: Histogram(BOUNDS) for direction in (_UP, _DOWN)}
        self.sent = 0
        self.received = 0
        self.lost: Counter[str] = Counter({_UP: 0, _DOWN: 0, _UNDECIDED: 0})
        self.duplicates: Counter[str] = Counter({_UP: 0, _DOWN: 0})
        self.reordered: Counter[str] = Counter({_UP: 0, _DOWN: 0})

    def add(self, m: Measurement) -> None:
        """
        A run is over.
        """
        for packet in m.packets:
            for histogram, delay in (
                (self.rtt, packet.rtt),
                (self.delay[_UP], packet.delayUp),
                (self.delay[_DOWN], packet.delayDown),
            ):
                if delay is not None:
                    histogram.add(delay / 1e6)
        self.sent += m.sent
        self.received += m.received
        ways = m.directions
        up, down = _least(ways.lossUp), _least(ways.lossDown)
        self.lost.update({_UP: up, _DOWN: down, _UNDECIDED: m.lost - up - down})
        self.duplicates.update({_UP: _least(ways.duplicatesUp), _DOWN: _least(ways.duplicatesDown)})
        for direction, reordering in ((_UP, m.reorderedUp), (_DOWN, m.reorderedDown)):
            if reordering is not None:
                self.reordered[direction] += reordering.count


def _least(count: Count) -> int:
    if count is None:
        return 0
    return count[0] if isinstance(count, tuple) else count


def metrics(tallies: Mapping[str, Tally]) -> list[Metric]:
    """
    For L{twisted_netdemo.service.exporter.prometheus}.

    @param tallies: by the targets' names.
    """

    def both(name: str, about: str, what: dict[tuple[str, ...], Histogram | float]) -> Metric:
        return Metric(name, about, what, labels=("target", "direction"))

    def each(name: str, about: str, what: dict[tuple[str, ...], Histogram | float]) -> Metric:
        return Metric(name, about, what, labels=("target",))

    every = tallies.items()
    return [
        each(
            "stamp_rtt_seconds",
            "Round trips, less the reflector's own time.",
            {(name,): tally.rtt for name, tally in every},
        ),
        both(
            "stamp_delay_seconds",
            "One-way delays, by both clocks.",
            {(name, way): hist for name, tally in every for way, hist in tally.delay.items()},
        ),
        each("stamp_sent", "Requests sent.", {(name,): tally.sent for name, tally in every}),
        each(
            "stamp_received",
            "Requests answered within the timeout.",
            {(name,): tally.received for name, tally in every},
        ),
        both(
            "stamp_lost",
            "Requests lost, by direction where that is certain.",
            {(name, way): count for name, tally in every for way, count in tally.lost.items()},
        ),
        both(
            "stamp_duplicates",
            "Further copies, of requests (up) and of answers (down).",
            {
                (name, way): count
                for name, tally in every
                for way, count in tally.duplicates.items()
            },
        ),
        both(
            "stamp_reordered",
            "Reordered requests (up) and answers (down).",
            {(name, way): count for name, tally in every for way, count in tally.reordered.items()},
        ),
    ]
