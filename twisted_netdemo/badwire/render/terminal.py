"""
The ladder as text: an arrow for each row with its fate on it, and captions beside it.

Pure. The arrow of a lost packet ends in C{X}, C{####} marks damage, C{~~~~} damage that no checksum
finds, dots a copy or a late packet. Lines are drawn in ASCII; payload comes through
L{twisted_netdemo.badwire.render.payload_text}.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from twisted_netdemo.badwire.render.captions import MARK
from twisted_netdemo.badwire.render.labels import clock
from twisted_netdemo.badwire.render.ladder import RecordedFlow, Row, fold, rows
from twisted_netdemo.badwire.render.payload_text import shorten
from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.service.cli.columns import columns

#: The width of the narrowest ladder. A narrower terminal wraps its lines.
NARROWEST = 60

_TIME = 9
#: On the arrow of a packet with these fates.
MARKS = {fault.word: fault.mark for fault in FAULTS if fault.mark}
_HEADING, _SHORT_HEADING = f"what happens ({MARK} by rule)", f"({MARK} by rule)"


def draw(flows: Sequence[RecordedFlow], width: int = 80, most: int | None = None) -> Iterator[str]:
    """
    The lines of a ladder, without their line feeds.

    @param width: the width in columns.
    @param most: the number of rows of each flow at most; the others are folded.
    """
    width = max(width, NARROWEST)
    lane = min(48, (width - _TIME) // 2)
    note = width - _TIME - lane - 5
    for place, flow in enumerate(flows):
        if place:
            yield ""
        near, far = flow.ends
        yield flow.title
        heading = _HEADING if len(_HEADING) <= note else _SHORT_HEADING
        yield f"{'seconds':>{_TIME - 2}}  {near}{far:>{lane + 2 - len(near)}}  {heading}"
        made = rows(flow)
        for row in made if most is None else fold(made, most):
            yield from _row(row, lane, note)


def _row(row: Row, lane: int, note: int) -> Iterator[str]:
    if row.changed is not None:
        time, words = clock(row.t), textwrap.wrap(row.what, note)
        yield f"{time:>{_TIME - 2}}  |{('= ' * lane)[:lane]}|  {words[0]}"
        for more in words[1:]:
            yield f"{'':{_TIME}}|{'':{lane}}|  {more}"
        return
    if row.sent is None:
        time, middle = (" " * _TIME, f"({row.what})" if row.kind == "folded" else row.what)
        yield f"{time}:{middle:^{lane}}:"
        return
    arrow = _arrow(row, lane)
    words = textwrap.wrap(row.note, note) or [""]
    yield f"{clock(row.t):>{_TIME - 2}}  |{arrow}|  {words[0]}".rstrip()
    for more in words[1:]:
        yield f"{'':{_TIME}}|{'':{lane}}|  {more}"


def _arrow(row: Row, lane: int) -> str:
    """
    The arrow, drawn to the right, and reversed for a packet that goes down.
    """
    assert row.sent is not None
    marks = [MARKS[fate] for fate in row.sent.fates if fate in MARKS]
    isDotted = row.kind == "arrives"
    line = "." if isDotted else "-"
    tail = [line]
    if row.isLost:
        end = "--X"
    elif row.kind == "leaves":
        end = "".join([line, *marks, " . . "])
    else:
        end = "".join([line, *marks, line, ">"])
    text = shorten(row.what, lane - len(end) - 3)
    rest = lane - columns(text) - len(end) - 1
    if row.isLost or row.kind == "leaves":
        # It ends on the way: the rest stays empty.
        after = max(0, min(rest, lane // 2 - columns(text)))
        parts = [*tail, text, line * after, end, " " * (rest - after)]
    else:
        parts = [*tail, text, line * rest, end]
    if row.sent.direction == "down":
        turn = str.maketrans(">", "<")
        parts = [part if part is text else part[::-1].translate(turn) for part in reversed(parts)]
    return "".join(parts)
