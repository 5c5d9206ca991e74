"""
Bodies of bytes that matter to the parsers, cut in every way that a network might.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.splits import everySplit, pieces

__all__ = ["BODIES", "chunks", "everySplit"]


@st.composite
def chunks(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """
    A body and one way to cut it.
    """
    data = draw(bodies)
    return data, draw(pieces(data))


#: Bodies of bytes that matter to line ends, dots, menus and error answers.
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
