"""
Which packets something happens to: a share of them at random, or those at given positions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeAlias

#: C{up} is from the client, or from the end that opened the flow; C{down} is the way back.
Direction: TypeAlias = Literal["up", "down"]

DIRECTIONS: tuple[Direction, Direction] = ("up", "down")


@dataclass(frozen=True)
class Probability:
    """
    It happens to each packet with this probability, independently of the others.

    @ivar ratio: 0.0 to 1.0.
    @ivar threshold: a random number of 64 bits is below it with this probability.
    """

    ratio: float
    threshold: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"{self.ratio!r} is not a ratio, 0 to 1")
        object.__setattr__(self, "threshold", int(self.ratio * 2.0**64))


@dataclass(frozen=True)
class Positions:
    """
    It happens to the packets at these positions, whatever the seed.

    @ivar ranges: the first and last position of each range, counted from 1. The ranges rise, and
        there is a gap between each and the next.
    """

    ranges: tuple[tuple[int, int], ...]
    _edges: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        edges = [edge for first, last in self.ranges for edge in (first, last + 1)]
        if not edges or edges[0] < 1 or any(a >= b for a, b in pairwise(edges)):
            raise ValueError(f"{self.ranges!r} are not rising ranges of positions from 1")
        object.__setattr__(self, "_edges", edges)

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Positions:
        """
        Make one from ranges in any order, which may touch and overlap.
        """
        merged: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    def hits(self, position: int) -> bool:
        """
        Whether it happens to the packet at this position.
        """
        return bisect_right(self._edges, position) % 2 == 1


Trigger: TypeAlias = Probability | Positions

NEVER = Probability(0.0)
