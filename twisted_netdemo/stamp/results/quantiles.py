"""
Many times in few figures. Pure: nanoseconds in, microseconds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantiles:
    """
    All in microseconds. A quantile is one of the values: the least that so many of a hundred (or of
    a thousand) are not above.
    """

    min: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float
    mean: float


def quantile(ordered: Sequence[int], perMille: int) -> int:
    """
    @param ordered: rising, one at least.
    """
    return ordered[max(0, -(-len(ordered) * perMille // 1000) - 1)]


def quantiles(values: Sequence[int]) -> Quantiles | None:
    """
    @param values: in nanoseconds.
    @return: C{None} of none.
    """
    if not values:
        return None
    ordered = sorted(values)
    return Quantiles(
        min=ordered[0] / 1000,
        p50=quantile(ordered, 500) / 1000,
        p90=quantile(ordered, 900) / 1000,
        p99=quantile(ordered, 990) / 1000,
        p999=quantile(ordered, 999) / 1000,
        max=ordered[-1] / 1000,
        mean=sum(values) / len(values) / 1000,
    )


def jitter(transits: Sequence[int]) -> float | None:
    """
    The interarrival jitter of RFC 3550 6.4.1 at the end of a stream, in microseconds.

    @param transits: how long each packet took, in the order of arrival; the clocks need not agree.
    @return: C{None} of fewer than two.
    """
    if len(transits) < 2:
        return None
    value = 0.0
    last = transits[0]
    for transit in transits[1:]:
        value += (abs(transit - last) - value) / 16
        last = transit
    return value / 1000
