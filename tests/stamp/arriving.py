"""
What RFC 4737 says of a stream's packets, word by word and as slowly as it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Order(NamedTuple):
    """
    What L{Arrivals<twisted_netdemo.stamp.session.arrivals.Arrivals>} counts.
    """

    first: int
    extra: int
    reordered: int
    extent: int
    n: int


def order(numbers: Sequence[int]) -> Order:
    """
    @param numbers: of the packets, in the order of their arrival.
    """
    firsts: list[int] = []
    for number in numbers:
        if number not in firsts:
            firsts.append(number)
    reordered = extent = most = 0
    nextExp = 0
    for i, number in enumerate(firsts):
        if number >= nextExp:  # 3.3: in order, and it sets NextExp
            nextExp = number + 1
            continue
        reordered += 1
        j = next(j for j in range(i) if firsts[j] > number)  # 4.2.2: the earliest such
        extent = max(extent, i - j)
        n = 0
        while n < i and firsts[i - n - 1] > number:  # 5: all of the n before it
            n += 1
        most = max(most, n)
    return Order(len(firsts), len(numbers) - len(firsts), reordered, extent, most)
