"""
The ladder as a drawing in SVG: an arrow for each packet, slanting as time goes down.

Pure. The words stand outside the two lines between which the arrows run. Each event has its own
height, so that no labels overlap. Colour always goes with a shape or a dash pattern. Departures and
arrivals have their time at their side.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import TypeAlias

from twisted_netdemo.badwire.model.events import Arrived
from twisted_netdemo.badwire.render.captions import MARK, takesNumbers
from twisted_netdemo.badwire.render.labels import clock, details
from twisted_netdemo.badwire.render.ladder import RecordedFlow, Row, rows
from twisted_netdemo.badwire.render.payload_text import shorten
from twisted_netdemo.faults.kinds import BY_WORD

WIDTH = 1216

LEFT, RIGHT = 425, 791
#: The positions of the times on either side.
_TIME, _FAR_TIME = 74, 1142
_GAP = 12
# From one mark on an arrow to the next.
_MARK_WIDTH = 30
#: Room for text on either side, in characters of a monospace font, which take 9.7 units at most.
_ROOM = 33
LINE, SLANT, SPACE = 20, 12, 10
HEAD, _TITLE = 40, 36
#: The space between two flows.
_APART = 28
#: The least number of rows of a panel that others follow.
BLOCK = 400

# Colours for light and dark paper, with a contrast of 4.5 to 1 at least.
_LIGHT = {
    "paper": "#fff",
    "ink": "#1b1b1b",
    "soft": "#595959",
    "line": "#767676",
    "point": "#eef3fb",
    "chosen": "#fdf0c4",
    "first": "#2f3f9e",
    "again": "#7a2fb8",
    "late": "#0a56b4",
    "copy": "#0b6b4f",
    "lost": "#b91c1c",
    "bad": "#9a4a00",
}
_DARK = {
    "paper": "#15171c",
    "ink": "#ececec",
    "soft": "#b3b3b3",
    "line": "#8d8d8d",
    "point": "#232a38",
    "chosen": "#3d3619",
    "first": "#a9b8ff",
    "again": "#d6a9ff",
    "late": "#74b6ff",
    "copy": "#5fd0a5",
    "lost": "#ff8f8a",
    "bad": "#ffb169",
}


#: Draws a flow from its rows, in panels from top to bottom, each with its height.
Draw: TypeAlias = Callable[[RecordedFlow, Sequence[Row]], Iterator[tuple[str, int]]]


def _variables(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


COLOURS = f"""\
:root {{ color-scheme: light dark; {_variables(_LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_variables(_DARK)} }} }}
"""

_STYLE = """\
svg { font: 16px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
svg text { fill: var(--ink); white-space: pre; }
svg .title { font-weight: bold; font-size: 19px; }
svg .time, svg .note, svg .pause { fill: var(--soft); }
svg .sender, svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; paint-order: stroke; stroke: var(--paper); stroke-width: 5px; }
svg .side { stroke: var(--line); }
svg .change { stroke: var(--soft); stroke-width: 3; stroke-dasharray: 3 6; }
svg .gap { stroke: var(--line); stroke-dasharray: 1 5; }
svg .arrow { stroke: var(--first); fill: none; stroke-width: 1.8; }
svg .point { fill: var(--first); }
svg .again .arrow { stroke: var(--again); stroke-width: 3; }
svg .again .point { fill: var(--again); }
svg .ring { fill: var(--paper); stroke: var(--again); stroke-width: 2.5; }
svg .late .arrow { stroke: var(--late); stroke-dasharray: 10 5; }
svg .late .point { fill: var(--late); }
svg .copy .arrow { stroke: var(--copy); stroke-dasharray: 2 5; }
svg .copy .point { fill: var(--copy); }
svg .lost .arrow { stroke: var(--lost); stroke-dasharray: 7 5; }
svg .bad .arrow { stroke: var(--bad); }
svg .bad .point { fill: var(--bad); }
svg .mark { stroke: var(--lost); stroke-width: 3; fill: none; stroke-dasharray: none; }
svg .bad .mark { stroke: var(--bad); }
svg .hit { fill: transparent; }
"""

#: The style with a light colour before each variable, for viewers without variables.
STYLE = re.sub(
    r"([a-z]+): var\(--([a-z]+)\);", lambda it: f"{it[1]}: {_LIGHT[it[2]]}; {it[0]}", _STYLE
)

# As wide as a large window, and never so narrow that its letters become small.
_FILE_STYLE = f"""\
svg:root {{ width: max({WIDTH}px, 100vw); height: auto; background: var(--paper); }}
svg .paper {{ fill: {_LIGHT["paper"]}; fill: var(--paper); }}
"""


def document(
    flows: Sequence[RecordedFlow], remarks: Sequence[str] = (), draw: Draw | None = None
) -> Iterator[str]:
    """
    An SVG file, in parts: the flows one below the other. The first ones are empty: a page's server
    has other things to do between two panels.

    @param draw: draws a flow; L{panels} by default.
    @param remarks: the last lines, for example on events that were left out.
    """
    drawn = []
    for flow in flows:
        for each in _whole(flow, draw or panels):
            drawn.append(each)
            yield ""
    rule = [f"{MARK} worked out by rule from what reached the receiver"] if flows else []
    wide = WIDTH // 10 - 2
    remarks = [line for remark in (*rule, *remarks) for line in textwrap.wrap(remark, wide)]
    height = sum(size for _, size in drawn) + 16 + LINE * len(remarks)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">\n<style>\n{COLOURS}{STYLE}{_FILE_STYLE}</style>\n'
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n'
    )
    top = 8
    for parts, size in drawn:
        yield f'<g transform="translate(0 {top})">\n{parts}</g>\n'
        top += size
    for remark in remarks:
        yield f'<text x="8" y="{top + 8}">{escape(remark)}</text>\n'
        top += LINE
    yield "</svg>\n"


def _whole(flow: RecordedFlow, draw: Draw) -> Iterator[tuple[str, int]]:
    yield f'<text class="title" x="8" y="24">{escape(flow.title)}</text>\n', _TITLE
    yield from draw(flow, rows(flow))
    yield "", _APART


def panels(flow: RecordedFlow, made: Sequence[Row]) -> Iterator[tuple[str, int]]:
    """
    The drawing of a flow, in panels from top to bottom, each with its height.

    A long flow has several panels, so that a browser can skip those that are out of sight. No arrow
    crosses from one to the next.

    @param made: the rows of the flow.
    """
    arrivals = flow.arrivals()
    parts = [heading(flow)]
    top = HEAD
    for block in _blocks(made):
        departures: dict[int, float] = {}
        start = top - 6
        for row in block:
            if row.changed is not None:
                parts.append(change(row, top + LINE / 2))
            elif row.sent is None:
                parts.append(pause(row, top))
            else:
                if row.kind != "arrives":
                    departures[row.sent.n] = top + LINE / 2
                parts.append(_packet(row, top, departures, arrivals.get(row.sent.n, [])))
            top += _height(row)
        sides = f"M{LEFT} {start}V{top}M{RIGHT} {start}V{top}"
        # The sides lie under the words and the arrows.
        yield f'<path class="side" d="{sides}"/>\n{"".join(parts)}', top
        parts = []
        top = 6


def heading(flow: RecordedFlow) -> str:
    """
    The headings of the two sides.
    """
    near, far = flow.ends
    return (
        f'<text class="time end" x="{_TIME}" y="24">seconds</text>\n'
        f'<text class="time" x="{_FAR_TIME}" y="24">seconds</text>\n'
        f'<text class="middle" x="{LEFT}" y="24">{escape(near)}</text>\n'
        f'<text class="middle" x="{RIGHT}" y="24">{escape(far)}</text>\n'
    )


def _blocks(made: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """
    Rows in blocks that end where no packet is on its way.
    """
    last = {row.sent.n: place for place, row in enumerate(made) if row.sent is not None}
    start = landed = 0
    for place, row in enumerate(made):
        if row.sent is not None:
            landed = max(landed, last[row.sent.n])
        if place - start >= BLOCK and landed <= place:
            yield made[start : place + 1]
            start = place + 1
    if start < len(made):
        yield made[start:]


def labels(row: Row) -> tuple[list[str], list[str]]:
    """
    The lines at the sender's side and at the receiver's side.
    """
    assert row.sent is not None
    sender = [] if row.kind == "arrives" else [shorten(row.what, _ROOM)]
    sender += textwrap.wrap(row.sender, _ROOM)
    return sender, textwrap.wrap(row.receiver, _ROOM)


def _height(row: Row) -> int:
    if row.changed is not None:
        return LINE * len(changeLines(row)) + SPACE
    if row.sent is None:
        return 2 * LINE + SPACE
    sender, receiver = labels(row)
    return max(len(sender) * LINE, SLANT + max(1, len(receiver)) * LINE) + SPACE


def pause(row: Row, top: int) -> str:
    """
    The drawing of a pause.
    """
    middle = top + LINE
    breaks = "".join(
        f'<path class="middle" d="M{x} {top + 4}V{middle + 12}"/>'
        f'<path class="gap" d="M{x} {top + 4}V{middle + 12}"/>'
        for x in (LEFT, RIGHT)
    )
    return (
        f'{breaks}<text class="pause middle" x="{(LEFT + RIGHT) // 2}" y="{middle + 4}">'
        f"{escape(row.what)}</text>\n"
    )


def changeLines(row: Row) -> list[str]:
    """
    The lines at the near side about a change of the wire.
    """
    return textwrap.wrap(row.what, _ROOM)


def change(row: Row, y: float) -> str:
    """
    The drawing of a change of the wire.
    """
    words = "".join(texts(changeLines(row), y + 5, True, "what"))
    return f"{changeLine(y)}{stamp(row.t, y + 5, True)}{words}\n"


def changeLine(y: float) -> str:
    """
    The line across the wire at which a change begins.
    """
    return f'<path class="change" d="M{LEFT} {y:.1f}H{RIGHT}"/>'


def _packet(row: Row, top: int, departures: dict[int, float], arrivals: Sequence[Arrived]) -> str:
    sent = row.sent
    assert sent is not None
    isUp = sent.direction == "up"
    start, end = (LEFT, RIGHT) if isUp else (RIGHT, LEFT)
    y = top + LINE / 2
    sender, receiver = labels(row)
    words = "\n".join(escape(line) for line in details(sent, arrivals, row.taken))
    height = _height(row)
    drawn = [
        f'<g class="packet {kind(row)}" data-n="{sent.n}"><title>{words}</title>'
        f'<rect class="hit" x="0" y="{top}" width="{WIDTH}" height="{height}"/>'
    ]
    if row.kind != "arrives":
        drawn.append(stamp(sent.t, y + 5, isUp))
    if row.arrived is not None:
        drawn.append(stamp(row.arrived.t, y + SLANT + 5, not isUp))
    drawn += texts(sender, y + 5, isUp, "what")
    drawn += texts(receiver, y + SLANT + 5, not isUp, "note")
    if row.isLost or row.kind == "leaves":
        if row.isLost or not arrivals:
            drawn.append(arrow(start, y, end, y + SLANT, row, part=0.6))
    else:
        drawn.append(arrow(start, departures[sent.n], end, y + SLANT, row))
    drawn.append("</g>\n")
    return "".join(drawn)


def stamp(t: float, y: float, isLeft: bool) -> str:
    """
    The time of an event at one side.
    """
    place = f'class="time end" x="{_TIME}"' if isLeft else f'class="time" x="{_FAR_TIME}"'
    return f'<text {place} y="{y:g}">{clock(t)}</text>'


def texts(lines: Sequence[str], y: float, isLeft: bool, kind: str) -> Iterator[str]:
    """
    Lines of text at one side.

    @param kind: the class of the first line; the others are notes.
    """
    x = LEFT - _GAP if isLeft else RIGHT + _GAP
    side = " sender" if isLeft else ""
    for place, line in enumerate(lines):
        shade = kind if place == 0 else "note"
        yield f'<text class="{shade}{side}" x="{x}" y="{y + place * LINE:g}">{escape(line)}</text>'


def kind(row: Row) -> str:
    """
    The classes of a packet's row, which style its arrow.
    """
    assert row.sent is not None
    if row.isLost:
        kinds = ["lost"]
    elif row.kind == "arrives":
        kinds = ["copy" if row.arrived is not None and row.arrived.copy else "late"]
    else:
        kinds = ["passed"]
    if any(BY_WORD[fate].damage is not None for fate in row.sent.fates if fate in BY_WORD):
        kinds.append("bad")
    if row.sent.attempt > 1 and takesNumbers(row.sent):
        kinds.append("again")
    return " ".join(kinds)


def arrow(x1: float, y1: float, x2: float, y2: float, row: Row, part: float = 1) -> str:
    """
    The drawing of an arrow.

    @param part: the part of the way that it goes.
    """
    assert row.sent is not None
    x2, y2 = x1 + (x2 - x1) * part, y1 + (y2 - y1) * part
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    drawn = f'<path class="arrow" d="M{x1:g} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
    if row.sent.attempt > 1 and takesNumbers(row.sent):
        drawn += f'<circle class="ring" cx="{x1 + dx * 7:.1f}" cy="{y1 + dy * 7:.1f}" r="5"/>'
    if row.isLost:
        return f'{drawn}<path class="mark" d="M{x2 - 6:.1f} {y2 - 6:.1f}l12 12m0 -12l-12 12"/>'
    if part < 1:
        return drawn
    back, wide = 13, 5.5
    left = f"{x2 - dx * back - dy * wide:.1f} {y2 - dy * back + dx * wide:.1f}"
    right = f"{x2 - dx * back + dy * wide:.1f} {y2 - dy * back - dx * wide:.1f}"
    drawn += f'<path class="point" d="M{x2:.1f} {y2:.1f}L{left}L{right}z"/>'
    x = (x1 + x2) / 2
    for fate in row.sent.fates:
        if fate in BY_WORD and (shape := BY_WORD[fate].drawing):
            drawn += f'<path class="mark" d="M{x:.1f} {(y1 + y2) / 2:.1f}{shape}"/>'
            x += _MARK_WIDTH
    return drawn
