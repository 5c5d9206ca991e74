"""
The drawing to scale in time: an arrow goes down as far as its packet was on its way.

Pure. A flow has one scale; only long pauses are cut short. Words that would overlap others move
down, and a line connects them with their event.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from statistics import median
from typing import NamedTuple

from twisted_netdemo.badwire.model.events import Arrived
from twisted_netdemo.badwire.render import svg
from twisted_netdemo.badwire.render.labels import details
from twisted_netdemo.badwire.render.ladder import RecordedFlow, Row
from twisted_netdemo.badwire.render.svg import (
    BLOCK,
    HEAD,
    LEFT,
    LINE,
    RIGHT,
    WIDTH,
    arrow,
    changeLine,
    changeLines,
    heading,
    kind,
    labels,
    pause,
    stamp,
    texts,
)

#: The number of rows that are drawn to scale at most.
MOST = 2000

# How far down a usual journey goes, and the height that a row has on average, at most.
_JOURNEY, _ROW = 60.0, 60.0
# The approximate height of the bar that shows the scale.
_BAR = 40.0
_BREAK = 40
# The shortest usual journey, in seconds: the resolution of a log.
_LEAST = 1e-6
# The part of the way after which a lost packet's cross stands.
_CROSS = 0.6
# Words that are further away than this get a connecting line.
_NEAR = 2.0


def panels(flow: RecordedFlow, made: Sequence[Row]) -> Iterator[tuple[str, int]]:
    """
    The drawing of a flow, in panels from top to bottom, each with its height. A panel ends only
    where no packet is on its way, and may get very long: a flow of more than L{MOST} rows is not
    drawn to scale, and says so.
    """
    if len(made) <= MOST:
        yield from _Drawing(flow, made).panels()
        return
    words = f"Not to scale, since there are more than {MOST:,} rows."
    yield f'<text class="note" x="8" y="20">{words}</text>\n', 28
    yield from svg.panels(flow, made)


def _panel(parts: Sequence[str], lines: Sequence[tuple[float, float]]) -> tuple[str, int]:
    """
    A panel and its height.

    @param lines: the starts and ends of the two sides.
    """
    path = "".join(f"M{x} {top:.1f}V{low:.1f}" for top, low in lines for x in (LEFT, RIGHT))
    bottom = lines[-1][1] if lines else HEAD
    return f'<path class="side" d="{path}"/>\n{"".join(parts)}', math.ceil(bottom)


class _Words(NamedTuple):
    """
    The words of a row at one side.
    """

    row: Row
    t: float
    isLeft: bool
    lines: Sequence[str]
    what: str


class _Drawing:
    """
    The drawing of one flow.
    """

    def __init__(self, flow: RecordedFlow, made: Sequence[Row]) -> None:
        self._flow = flow
        self._made = made
        self._arrivals = flow.arrivals()
        # The height at which each packet left.
        self._left: dict[int, float] = {}
        journeys = [
            row.arrived.t - row.sent.t
            for row in made
            if row.sent is not None and row.arrived is not None and row.arrived.t > row.sent.t
        ]
        self._usual = max(_LEAST, median(journeys)) if journeys else 0.001
        times = sorted(event.t for event in flow.events)
        # The pauses that are cut short: from, to.
        self._breaks = [
            (row.t, times[bisect_right(times, row.t)]) for row in made if row.kind == "silence"
        ]
        busy = times[-1] - times[0] - sum(end - start for start, end in self._breaks)
        self._scale = _JOURNEY / self._usual
        if busy > 0:
            self._scale = min(self._scale, _ROW * len(made) / busy)
        # A change may come after all packets, or in a pause that is cut short.
        self._last = times[-1]
        # The beginning of the span that is drawn now, and its height.
        self._since, self._top = times[0], HEAD + LINE / 2

    def _y(self, t: float) -> float:
        return self._top + (t - self._since) * self._scale

    def panels(self) -> Iterator[tuple[str, int]]:
        parts = [heading(self._flow), self._bar()]
        lines: list[tuple[float, float]] = []
        breaks = iter(self._breaks)
        count = 0
        start = end = float(HEAD - 6)
        for isPause, group in groupby(self._made, lambda row: row.kind == "silence"):
            if isPause:
                for row in group:
                    end = math.ceil(end)
                    parts.append(pause(row, end))
                    _, self._since = next(breaks)
                    start = end = end + _BREAK
                    self._top = start + LINE / 2
                continue
            stretch = list(group)
            drawn, end = self._stretch(stretch, start)
            parts.append(drawn)
            lines.append((start, end))
            count += len(stretch)
            if count >= BLOCK:
                yield _panel(parts, lines)
                parts, lines, count, end = [], [], 0, 0.0
        if parts:
            yield _panel(parts, lines)

    def _stretch(self, made: Sequence[Row], start: float) -> tuple[str, float]:
        """
        The drawing of rows without a pause between them, and its lower end.
        """
        free = {LEFT: start, RIGHT: start}
        words: list[_Words] = []
        end = start
        for row in made:
            if row.sent is None:
                words.append(_Words(row, row.t, True, changeLines(row), "what"))
                continue
            isUp = row.sent.direction == "up"
            sender, receiver = labels(row)
            if row.kind != "arrives":
                words.append(_Words(row, row.sent.t, isUp, sender, "what"))
            if row.arrived is not None:
                words.append(_Words(row, row.arrived.t, not isUp, receiver, "note"))
            elif row.taken is not None:
                end = max(end, self._y(row.taken.t))
            elif row.isLost:
                end = max(end, self._y(row.sent.t) + self._usual * self._scale)
        shown: dict[int, list[str]] = {}
        for each in sorted(words, key=lambda each: each.t):
            y = max(self._y(min(each.t, self._last)), start)
            end = max(end, y)
            shown.setdefault(id(each.row), []).append(self._words(each, y, free))
        drawn = "".join(self._packet(row, "".join(shown[id(row)]), start) for row in made)
        return drawn, max(end, *free.values())

    def _bar(self) -> str:
        """
        The bar that shows the scale.
        """
        longest = _BAR / self._scale
        span = 10 ** math.floor(math.log10(longest))
        # The logarithm may have been rounded up: the power of ten is the least in any case.
        span = max([span, *(step * span for step in (2, 5) if step * span <= longest)])
        height = span * self._scale
        words = f"{span:g} s" if span >= 1 else f"{span * 1000:g} ms"
        x = (LEFT + RIGHT) // 2
        return (
            f'<path class="side" d="M{x} 4v{height:.1f}m-4 0h8m-8 {-height:.1f}h8"/>'
            f'<text class="time" x="{x + 10}" y="24">{words}</text>\n'
        )

    def _packet(self, row: Row, words: str, low: float) -> str:
        """
        @param low: the height at which the stretch of the row begins.
        """
        sent = row.sent
        if sent is None:
            return f"<g>{changeLine(max(self._y(min(row.t, self._last)), low))}{words}</g>\n"
        start, end = (LEFT, RIGHT) if sent.direction == "up" else (RIGHT, LEFT)
        arrivals: Sequence[Arrived] = self._arrivals.get(sent.n, [])
        title = "\n".join(escape(line) for line in details(sent, arrivals, row.taken))
        if row.kind != "arrives":
            self._left[sent.n] = self._y(sent.t)
        left = self._left[sent.n]
        drawn = ""
        if row.arrived is not None:
            drawn = arrow(start, left, end, self._y(row.arrived.t), row)
        elif row.taken is not None:
            below = max(0.0, self._y(row.taken.t) - left)
            drawn = arrow(start, left, end, left + below / _CROSS, row, part=_CROSS)
        elif row.isLost or not arrivals:
            drawn = arrow(start, left, end, left + self._usual * self._scale, row, part=_CROSS)
        return (
            f'<g class="packet {kind(row)}" data-n="{sent.n}"><title>{title}</title>'
            f"{words}{drawn}</g>\n"
        )

    def _words(self, words: _Words, y: float, free: dict[int, float]) -> str:
        """
        The words at one side, at the height of their event or below earlier words.
        """
        side = LEFT if words.isLeft else RIGHT
        top = max(y - LINE / 2, free[side])
        middle = top + LINE / 2
        height = max(1, len(words.lines)) * LINE
        free[side] = top + height
        x, width = (0, LEFT) if words.isLeft else (RIGHT, WIDTH - RIGHT)
        parts = [f'<rect class="hit" x="{x}" y="{top:.1f}" width="{width}" height="{height}"/>']
        if middle - y > _NEAR:
            away = side - 8 if words.isLeft else side + 8
            parts.append(f'<path class="side" d="M{side} {y:.1f}L{away} {middle:.1f}"/>')
        parts.append(stamp(words.t, middle + 5, words.isLeft))
        parts += texts(words.lines, middle + 5, words.isLeft, words.what)
        return "".join(parts)
