"""
The numbers that a service counts while it runs.

L{twisted_netdemo.service.exporter.prometheus} serves them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import Deferred

#: Upper bounds, in seconds, for how long something took that a person or a program waits for.
SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


#: Reads a service's metrics, at once, or soon where they are of several processes.
MetricsReader = Callable[[], Iterable["Metric"]]
DeferredMetricsReader = Callable[[], Deferred[list["Metric"]]]


class Histogram:
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
class Metric:
    """
    One metric and its value.

    @ivar name: in Prometheus's manner, without the C{_total} of a counter.
    @ivar value: a L{Histogram}; a number, which only rises (C{rises}) or goes up and down; or
        several, by the values of one C{label}, or of several C{labels}.
    """

    name: str
    help: str
    value: Histogram | float | Mapping[str, float] | Mapping[tuple[str, ...], Histogram | float]
    label: str = ""
    rises: bool = field(default=True)
    labels: tuple[str, ...] = ()


def toPlain(metric: Metric) -> dict[str, Any]:
    """
    A metric for JSON.
    """
    value: Any = metric.value
    if isinstance(value, Histogram):
        value = {"bounds": value.bounds, "counts": value.counts, "sum": value.sum}
    elif isinstance(value, Mapping):
        value = {"each": dict(value)}
    return {
        "name": metric.name,
        "help": metric.help,
        "value": value,
        "label": metric.label,
        "rises": metric.rises,
    }


def fromPlain(plain: dict[str, Any]) -> Metric:
    """
    The inverse of L{toPlain}.
    """
    value = plain["value"]
    if isinstance(value, dict) and "bounds" in value:
        spread = Histogram(value["bounds"])
        spread.counts, spread.sum = value["counts"], value["sum"]
        value = spread
    elif isinstance(value, dict):
        value = value["each"]
    return Metric(**{**plain, "value": value})


def total(several: Iterable[Iterable[Metric]]) -> list[Metric]:
    """
    The metrics of several processes, added up.
    """
    sums: dict[str, Metric] = {}
    for metrics in several:
        for metric in metrics:
            before = sums.get(metric.name)
            value = metric.value if before is None else _sum(before.value, metric.value)
            sums[metric.name] = replace(metric, value=value)
    return list(sums.values())


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, Histogram):
        spread = Histogram(one.bounds)
        spread.counts = [a + b for a, b in zip(one.counts, other.counts, strict=True)]
        spread.sum = one.sum + other.sum
        return spread
    if isinstance(one, Mapping):
        return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
    return one + other
