"""
The ladder as a drawing: an arrow a packet, slanting as time goes down, in Scalable Vector Graphics.

Pure. Words stand outside the two lines that the arrows run between, each event on a height of its
own, so that no label meets another; colour goes with a shape or a dash pattern, never alone.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from twisted_netdemo.badwire.events import Arrived
from twisted_netdemo.badwire.ladder import Flow, Row, rows
from twisted_netdemo.badwire.words import clock, details, shorten

WIDTH = 960

_LEFT, _RIGHT = 340, 668
_TIME = 62
_GAP = 12
#: Characters of a monospace face beside each line; one takes 8 units at most.
_LABEL, _NOTE = 32, 34
_LINE, _SLANT, _SPACE = 16, 10, 8
_HEAD = 62
#: Between two flows.
_APART = 24
#: Rows of a panel at least, if more follow.
_BLOCK = 400

STYLE = """\
svg { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; color: #222; }
svg text { fill: currentColor; white-space: pre; }
svg .title { font-weight: bold; font-size: 15px; }
svg .time, svg .note, svg .pause { fill: #666; }
svg .sender, svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 5px; }
svg .side { stroke: #888; }
svg .gap { stroke: #888; stroke-dasharray: 1 5; }
svg .arrow { stroke: #335; fill: none; stroke-width: 1.5; }
svg .point { fill: #335; }
svg .late .arrow { stroke: #06c; stroke-dasharray: 9 4; }
svg .late .point { fill: #06c; }
svg .copy .arrow { stroke: #087; stroke-dasharray: 2 4; }
svg .copy .point { fill: #087; }
svg .lost .arrow { stroke: #c11; stroke-dasharray: 6 4; }
svg .bad .arrow { stroke: #b50; }
svg .bad .point { fill: #b50; }
svg .mark { stroke: #c11; stroke-width: 2.5; fill: none; stroke-dasharray: none; }
svg .bad .mark { stroke: #b50; }
svg .hit { fill: transparent; }
"""


def document(flows: Sequence[Flow], remark: str = "") -> Iterator[str]:
    """
    An SVG file, in parts: the flows one below the other.

    @param remark: a last line, such as what was left out.
    """
    drawn = [each for flow in flows for each in [*panels(flow), ("", _APART)]]
    height = sum(size for _, size in drawn) + (40 if remark else 16)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">\n<style>\n{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
    )
    top = 8
    for parts, size in drawn:
        yield f'<g transform="translate(0 {top})">\n{parts}</g>\n'
        top += size
    if remark:
        yield f'<text x="{_TIME}" y="{height - 14}">{escape(remark)}</text>\n'
    yield "</svg>\n"


def panels(flow: Flow) -> Iterator[tuple[str, int]]:
    """
    A flow's drawing, in panels that belong one below the other, and how high each one is.

    A long flow has several, so that a browser can leave out those that are out of sight; no arrow
    crosses from one to the next.
    """
    arrivals = flow.arrivals()
    parts = [_heading(flow)]
    top = _HEAD
    for block in _blocks(rows(flow)):
        departures: dict[int, float] = {}
        start = top - 6
        for row in block:
            if row.sent is None:
                parts.append(_pause(row, top))
            else:
                if row.kind != "arrives":
                    departures[row.sent.n] = top + _LINE / 2
                parts.append(_packet(row, top, departures, arrivals.get(row.sent.n, [])))
            top += _height(row)
        sides = f"M{_LEFT} {start}V{top}M{_RIGHT} {start}V{top}"
        # the sides lie under the words and the arrows
        yield f'<path class="side" d="{sides}"/>\n{"".join(parts)}', top
        parts = []
        top = 6


def _heading(flow: Flow) -> str:
    near, far = flow.ends
    return (
        f'<text class="title" x="8" y="22">{escape(flow.title)}</text>\n'
        f'<text class="time end" x="{_TIME}" y="48">seconds</text>\n'
        f'<text class="middle" x="{_LEFT}" y="48">{escape(near)}</text>\n'
        f'<text class="middle" x="{_RIGHT}" y="48">{escape(far)}</text>\n'
    )


def _blocks(made: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """
    Rows in blocks that end where nothing is on its way.
    """
    last = {row.sent.n: place for place, row in enumerate(made) if row.sent is not None}
    start = landed = 0
    for place, row in enumerate(made):
        if row.sent is not None:
            landed = max(landed, last[row.sent.n])
        if place - start >= _BLOCK and landed <= place:
            yield made[start : place + 1]
            start = place + 1
    if start < len(made):
        yield made[start:]


def _labels(row: Row) -> tuple[list[str], list[str]]:
    """
    What stands at the sender's side and at the receiver's.
    """
    assert row.sent is not None
    isUp = row.sent.direction == "up"
    senderRoom, receiverRoom = (_LABEL, _NOTE) if isUp else (_NOTE, _LABEL)
    sender = [] if row.kind == "arrives" else [shorten(row.what, senderRoom)]
    sender += textwrap.wrap(row.sender, senderRoom)
    return sender, textwrap.wrap(row.receiver, receiverRoom)


def _height(row: Row) -> int:
    if row.sent is None:
        return 2 * _LINE + _SPACE
    sender, receiver = _labels(row)
    return max(len(sender) * _LINE, _SLANT + max(1, len(receiver)) * _LINE) + _SPACE


def _pause(row: Row, top: int) -> str:
    middle = top + _LINE
    breaks = "".join(
        f'<path class="middle" d="M{x} {top + 4}V{middle + 12}"/>'
        f'<path class="gap" d="M{x} {top + 4}V{middle + 12}"/>'
        for x in (_LEFT, _RIGHT)
    )
    return (
        f'{breaks}<text class="pause middle" x="{(_LEFT + _RIGHT) // 2}" y="{middle + 4}">'
        f"{escape(row.what)}</text>\n"
    )


def _packet(row: Row, top: int, departures: dict[int, float], arrivals: Sequence[Arrived]) -> str:
    sent = row.sent
    assert sent is not None
    isUp = sent.direction == "up"
    start, end = (_LEFT, _RIGHT) if isUp else (_RIGHT, _LEFT)
    y = top + _LINE / 2
    sender, receiver = _labels(row)
    words = "\n".join(escape(line) for line in details(sent, arrivals))
    height = _height(row)
    when = y + _SLANT if row.kind == "arrives" else y
    drawn = [
        f'<g class="packet {_kind(row)}" data-n="{sent.n}"><title>{words}</title>'
        f'<rect class="hit" x="0" y="{top}" width="{WIDTH}" height="{height}"/>'
        f'<text class="time end" x="{_TIME}" y="{when + 4:g}">{clock(row.t)}</text>'
    ]
    drawn += _texts(sender, y + 4, isUp, "what")
    drawn += _texts(receiver, y + _SLANT + 4, not isUp, "note")
    if row.isLost or row.kind == "leaves":
        if row.isLost or not arrivals:
            drawn.append(_arrow(start, y, end, y + _SLANT, row, part=0.6))
    else:
        drawn.append(_arrow(start, departures[sent.n], end, y + _SLANT, row))
    drawn.append("</g>\n")
    return "".join(drawn)


def _texts(lines: Sequence[str], y: float, isLeft: bool, kind: str) -> Iterator[str]:
    x = _LEFT - _GAP if isLeft else _RIGHT + _GAP
    side = " sender" if isLeft else ""
    for place, line in enumerate(lines):
        shade = kind if place == 0 else "note"
        yield f'<text class="{shade}{side}" x="{x}" y="{y + place * _LINE:g}">{escape(line)}</text>'


def _kind(row: Row) -> str:
    assert row.sent is not None
    if row.isLost:
        return "lost"
    if row.kind == "arrives":
        isCopy = row.arrived is not None and row.arrived.copy
        kind = "copy" if isCopy else "late"
    else:
        kind = "passed"
    isBad = not {"corrupted", "undetectable"}.isdisjoint(row.sent.fates)
    return f"{kind} bad" if isBad else kind


def _arrow(x1: float, y1: float, x2: float, y2: float, row: Row, part: float = 1) -> str:
    """
    @param part: how much of the way it goes.
    """
    assert row.sent is not None
    x2, y2 = x1 + (x2 - x1) * part, y1 + (y2 - y1) * part
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    drawn = f'<path class="arrow" d="M{x1:g} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
    if row.isLost:
        return f'{drawn}<path class="mark" d="M{x2 - 6:.1f} {y2 - 6:.1f}l12 12m0 -12l-12 12"/>'
    if part < 1:
        return drawn
    back, wide = 11, 4.5
    left = f"{x2 - dx * back - dy * wide:.1f} {y2 - dy * back + dx * wide:.1f}"
    right = f"{x2 - dx * back + dy * wide:.1f} {y2 - dy * back - dx * wide:.1f}"
    drawn += f'<path class="point" d="M{x2:.1f} {y2:.1f}L{left}L{right}z"/>'
    middle = (x1 + x2) / 2, (y1 + y2) / 2
    if "corrupted" in row.sent.fates:
        steps = "l4 -12l4 12" * 3
        drawn += f'<path class="mark" d="M{middle[0] - 12:.1f} {middle[1] + 6:.1f}{steps}"/>'
    if "undetectable" in row.sent.fates:
        wave = "q4 -9 8 0t8 0t8 0t8 0"
        x = middle[0] - 16 + (30 if "corrupted" in row.sent.fates else 0)
        drawn += f'<path class="mark" d="M{x:.1f} {middle[1]:.1f}{wave}"/>'
    return drawn
