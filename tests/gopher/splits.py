"""
Bytes cut into chunks in every way that a network might.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st


def everySplit(data: bytes) -> Iterator[list[bytes]]:
    """
    In one piece, byte by byte, and in two at each place.
    """
    yield [data]
    yield [data[index : index + 1] for index in range(len(data))]
    for index in range(1, len(data)):
        yield [data[:index], data[index:]]


@st.composite
def chunks(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """
    A body and one way to cut it.
    """
    data = draw(bodies)
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    ends = [0, *cuts, len(data)]
    return data, [data[a:b] for a, b in pairwise(ends)]


#: Bodies made of what matters to line ends, dots, menus and error answers.
BODIES = st.lists(
    st.sampled_from(
        [
            b".",
            b"..",
            b"\r\n",
            b"\n",
            b"\r",
            b"a",
            b"\t",
            b"3",
            b"Error: ",
            b"0x\ts\th\t70",
            b"\x1b",
        ]
    ),
    max_size=12,
).map(b"".join)
