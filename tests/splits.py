"""
Every way to cut a stream into pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies


def everySplit(data: bytes) -> Iterator[list[bytes]]:
    """
    Whole, byte by byte, and in two pieces at each place.
    """
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]


@strategies.composite
def pieces(draw: strategies.DrawFn, data: bytes) -> list[bytes]:
    """
    The data in pieces of any number and size, none of them empty.
    """
    inner = range(1, len(data))
    places = sorted(draw(strategies.sets(strategies.sampled_from(inner)))) if len(inner) else []
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]
