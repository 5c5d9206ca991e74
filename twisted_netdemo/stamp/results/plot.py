"""
A measurement as a picture, by matplotlib (an extra): round trips over the run, their histogram, and
what befell which packet.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.stamp.results.measurement import Measurement, Packet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a file's name may end in.
FORMATS = (".png", ".svg")

_LIGHT = {"ink": "#1f2328", "paper": "#ffffff", "line": "#d0d7de", "dots": "#0969da"}
_DARK = {"ink": "#e6edf3", "paper": "#0d1117", "line": "#30363d", "dots": "#58a6ff"}

# The rows under the round trips, with colours that the colour-blind tell apart (Okabe and Ito) and
# that show on either paper.
_ROWS: tuple[tuple[str, str, Callable[[Packet], bool]], ...] = (
    ("lost there", "#d55e00", lambda packet: packet.fate == "lost_up"),
    ("lost back", "#cc79a7", lambda packet: packet.fate == "lost_down"),
    ("lost, undecided", "#999999", lambda packet: packet.fate == "undecided"),
    ("late", "#e69f00", lambda packet: packet.fate == "late"),
    ("copied", "#009e73", lambda packet: packet.duplicated),
    ("reordered", "#56b4e9", lambda packet: packet.reordered),
)


def missing() -> str | None:
    """
    A message that names the missing library; C{None} if matplotlib is installed.
    """
    if find_spec("matplotlib") is None:
        return "needs matplotlib: pip install 'twisted-netdemo[plot]'"
    return None


def darkName(path: str) -> str:
    """
    The name of the dark picture beside a light one.
    """
    stem, extension = os.path.splitext(path)
    return f"{stem}-dark{extension}"


def pictures(measurement: Measurement, extension: str) -> tuple[bytes, bytes]:
    """
    The same picture for a light page and for a dark one.

    @param extension: one of L{FORMATS}.
    """
    import matplotlib

    matplotlib.use("Agg")
    kind = extension.lower().removeprefix(".")
    return _drawn(measurement, kind, _LIGHT), _drawn(measurement, kind, _DARK)


def _drawn(m: Measurement, kind: str, colours: Mapping[str, str]) -> bytes:
    from matplotlib import pyplot

    style: dict[Any, Any] = {
        "figure.facecolor": colours["paper"],
        "axes.facecolor": colours["paper"],
        "axes.edgecolor": colours["line"],
        "text.color": colours["ink"],
        "axes.labelcolor": colours["ink"],
        "xtick.color": colours["ink"],
        "ytick.color": colours["ink"],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "netdemo",
    }
    with pyplot.rc_context(style):
        figure = pyplot.figure(figsize=(9, 5), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=(3, 1.4), width_ratios=(4, 1))
        trips = figure.add_subplot(grid[0, 0])
        spread = figure.add_subplot(grid[0, 1], sharey=trips)
        events = figure.add_subplot(grid[1, 0], sharex=trips)
        _trips(m, trips, spread, colours["dots"])
        _events(m, events)
        where = hostPort(*m.target)
        figure.suptitle(f"STAMP to {where}: {m.sent} sent, {m.received} answered in time")
        made = io.BytesIO()
        # without a date, the same run is the same file
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(made, format=kind, dpi=150, metadata=metadata)
        pyplot.close(figure)
    return made.getvalue()


def _trips(m: Measurement, trips: Axes, spread: Axes, colour: str) -> None:
    answered = [(each.seq, each.rtt / 1000) for each in m.packets if each.rtt is not None]
    numbers = [number for number, _ in answered]
    times = [time for _, time in answered]
    # as part of a picture of lines, thousands of dots would make a huge file
    trips.plot(numbers, times, ".", color=colour, markersize=3, rasterized=True)
    trips.set_ylabel("round trip, ms")
    trips.tick_params(labelbottom=False)
    if times:
        spread.hist(times, bins=40, orientation="horizontal", color=colour)
    spread.set_xlabel("packets")
    spread.tick_params(labelleft=False)


def _events(m: Measurement, events: Axes) -> None:
    rows = [[each.seq for each in m.packets if befell(each)] for _, _, befell in _ROWS]
    events.eventplot(
        rows,
        colors=[colour for _, colour, _ in _ROWS],
        lineoffsets=range(len(_ROWS)),
        linelengths=0.8,
        rasterized=True,
    )
    events.set_yticks(range(len(_ROWS)), [name for name, _, _ in _ROWS])
    events.invert_yaxis()
    events.set_xlim(-0.5, max(0.5, m.sent - 0.5))
    events.set_xlabel("packet")
