"""
A map of the house: C{python -m tests.house.map} draws it into the page on architecture.

Rooms are boxes on floors, each below all that stand on it; an arrow goes from a room to one that it
imports from, and is left out where others imply it. Arrows pass the floors between in a gap of
their own: the layered layout of K. Sugiyama, S. Tagawa and M. Toda (1981), with each floor's order
by the mean place of the neighbours and its places by isotonic regression.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from itertools import pairwise
from statistics import fmean

from tests.house.rooms import PACKAGE, ROOT, House, read

FILE = ROOT / "docs/explanation/rooms.svg"

_LETTER = 16
_BOX = 40
_FLOOR = 92
_GAP = 18
_EDGE = 24
_PASSES = 24

_STYLE = f"""
text {{ font-size: {_LETTER}px; font-family: system-ui, sans-serif; fill: #1b1f24; }}
.name {{ font-weight: 600; }}
rect {{ fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5; }}
.service rect {{ fill: #e6f0fb; }}
.faults rect, .top rect {{ fill: #f3ecdb; }}
path {{ fill: none; stroke: #57606a; stroke-width: 1.5; }}
marker path {{ fill: #57606a; stroke: none; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
rect {{ fill: #161b22; stroke: #8b949e; }}
.service rect {{ fill: #14283f; }}
.faults rect, .top rect {{ fill: #3a3120; }}
path {{ stroke: #8b949e; }}
marker path {{ fill: #8b949e; }}
}}
"""

#: A place on a floor: a room, or the gap where an arrow passes (upper room, lower room, floor).
Spot = str | tuple[str, str, int]


class _Layout:
    """
    @ivar floors: from the top, the spots on each, from the left.
    @ivar middle: where across the map each spot is.
    """

    def __init__(self, house: House) -> None:
        depths = house.depths()
        self.floors: list[list[Spot]] = [[] for _ in range(max(depths.values()) + 1)]
        self.above: dict[Spot, list[Spot]] = defaultdict(list)
        self.below: dict[Spot, list[Spot]] = defaultdict(list)
        self.arrows: list[list[Spot]] = []
        for room in sorted(depths):
            self.floors[depths[room]].append(room)
        for upper, lowers in sorted(house.directly().items()):
            for lower in sorted(lowers):
                gaps = [(upper, lower, n) for n in range(depths[upper] + 1, depths[lower])]
                for gap in gaps:
                    self.floors[gap[2]].append(gap)
                arrow: list[Spot] = [upper, *gaps, lower]
                self.arrows.append(arrow)
                for one, next in pairwise(arrow):
                    self.below[one].append(next)
                    self.above[next].append(one)
        self._order()
        self._place()

    def _order(self) -> None:
        best, order = self._crossings(), [list(floor) for floor in self.floors]
        for number in range(_PASSES):
            downwards = number % 2 == 0
            neighbours = self.above if downwards else self.below
            for floor in self.floors if downwards else reversed(self.floors):
                index = {spot: n for each in self.floors for n, spot in enumerate(each)}
                wish = {
                    spot: fmean(map(index.__getitem__, neighbours[spot] or [spot]))
                    for spot in floor
                }
                floor.sort(key=wish.__getitem__)
            if (crossings := self._crossings()) < best:
                best, order = crossings, [list(floor) for floor in self.floors]
        self.floors = order

    def _crossings(self) -> int:
        count = 0
        for upper, lower in pairwise(self.floors):
            index = {spot: n for n, spot in enumerate(lower)}
            ends = [sorted(index[each] for each in self.below[spot]) for spot in upper]
            for n, right in enumerate(ends):
                count += sum(a > b for left in ends[:n] for a in left for b in right)
        return count

    def _place(self) -> None:
        self.middle: dict[Spot, float] = {}
        for floor in self.floors:
            self._spread(floor, dict.fromkeys(floor, 0.0))
        for number in range(_PASSES):
            for floor in self.floors if number % 2 == 0 else reversed(self.floors):
                wish = {}
                for spot in floor:
                    near = [*self.above[spot], *self.below[spot]] or [spot]
                    wish[spot] = fmean(map(self.middle.__getitem__, near))
                self._spread(floor, wish)
        left = min(self.middle[spot] - width(spot) / 2 for floor in self.floors for spot in floor)
        self.middle = {spot: middle - left + _EDGE for spot, middle in self.middle.items()}
        self.width = _EDGE + max(
            self.middle[spot] + width(spot) / 2 for floor in self.floors for spot in floor
        )

    def _spread(self, floor: list[Spot], wish: dict[Spot, float]) -> None:
        """
        Put each spot as near to its wish as its neighbours' widths let it.
        """
        offsets, offset = [], 0.0
        for before, spot in zip([floor[0], *floor], floor, strict=False):
            offset += (width(before) + width(spot)) / 2 + _GAP
            offsets.append(offset)
        # Blocks of spots that touch: the sum of what they wish, and how many they are.
        blocks: list[list[float]] = []
        for spot, offset in zip(floor, offsets, strict=True):
            blocks.append([wish[spot] - offset, 1])
            while (
                len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]
            ):
                total, count = blocks.pop()
                blocks[-1][0] += total
                blocks[-1][1] += count
        places = [total / count for total, count in blocks for _ in range(int(count))]
        for spot, offset, place in zip(floor, offsets, places, strict=True):
            self.middle[spot] = place + offset


def _mean(block: list[float]) -> float:
    total, count = block
    return total / count


def drawing(house: House) -> str:
    """
    The map as SVG.
    """
    layout = _Layout(house)
    height = (len(layout.floors) - 1) * _FLOOR + _BOX + 2 * _EDGE
    top = {spot: _EDGE + n * _FLOOR for n, floor in enumerate(layout.floors) for spot in floor}
    size = f'width="{layout.width:.0f}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} '
        f'viewBox="0 0 {layout.width:.0f} {height}">',
        f"<title>The rooms of {PACKAGE}, each above those that it imports from</title>",
        f"<style>{_STYLE}</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8Z"/></marker>',
    ]
    for arrow in layout.arrows:
        first, *passed, last = arrow
        x, y = layout.middle[first], top[first] + _BOX
        path = f"M{x:.0f} {y}"
        for spot in [*passed, last]:
            next, down = layout.middle[spot], top[spot]
            half = (down - y) / 2
            path += f"C{x:.0f} {y + half:.0f} {next:.0f} {down - half:.0f} {next:.0f} {down}"
            if spot != last:
                path += f"V{down + _BOX}"
            x, y = next, down + _BOX
        lines.append(f'<path d="{path}" marker-end="url(#tip)"/>')
    for floor in layout.floors:
        for room in floor:
            if isinstance(room, str):
                lines += _box(house, room, layout.middle[room], top[room])
    return "\n".join([*lines, "</svg>", ""])


def _box(house: House, room: str, middle: float, top: int) -> list[str]:
    stands = ", ".join(sorted(each or PACKAGE for each in house.below[room])) or "nothing of ours"
    *_, part = ["top", *room.split(".")[:1]] if room else ["top"]
    wide = width(room)
    return [
        f'<g class="{part}"><title>{room or PACKAGE}: stands on {escape(stands)}</title>',
        f'<rect x="{middle - wide / 2:.0f}" y="{top}" width="{wide}" height="{_BOX}" rx="6"/>',
        f'<text class="name" x="{middle:.0f}" y="{top + 25}" text-anchor="middle">'
        f"{room or PACKAGE}</text></g>",
    ]


def width(spot: Spot) -> int:
    """
    How wide a spot is, in pixels.
    """
    return max(112, 10 * len(spot or PACKAGE) + 24) if isinstance(spot, str) else 4


if __name__ == "__main__":
    FILE.write_text(drawing(read()))
