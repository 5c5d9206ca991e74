"""
What a service counts about itself while it runs, as plain numbers.

Pure: nothing here knows who asks (L{twisted_netdemo.service.metrics} does).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Upper bounds, in seconds, for how long something took that a person or a program waits for.
SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Spread:
    """
    How many values fell where: a histogram.

    @ivar bounds: the upper bounds of the buckets, rising, each belonging to its bucket.
    @ivar counts: how many values each bucket has, the last one those above all bounds.
    @ivar sum: of all values.
    """

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


@dataclass(frozen=True)
class Figure:
    """
    One figure to be shown.

    @ivar name: in Prometheus's manner, without the C{_total} of a counter.
    @ivar value: a L{Spread}; a number that only rises (C{rises}) or goes up and down; or several,
        by the values of one label.
    """

    name: str
    help: str
    value: Spread | float | Mapping[str, float]
    label: str = ""
    rises: bool = field(default=True)
