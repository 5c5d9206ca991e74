"""
Records the events of a run or a log, and draws their ladder in several forms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from twisted_netdemo.badwire.model.events import Arrived, Changed, Event, Sent, Taken
from twisted_netdemo.badwire.render import page, scaled_svg, svg, terminal
from twisted_netdemo.badwire.render.ladder import RecordedFlow, Row, flows, rows

#: The number of events that are recorded, and the number that a drawing or a page shows, since a
#: browser is slow with more. Arrivals of the packets among them come on top, up to as many again.
MOST = 100_000
DRAWN = 10_000


class _FirstEvents:
    """
    The first events of many.

    @ivar events: the events.
    @ivar leftOut: the number of events that were left out.
    """

    def __init__(self, most: int, events: Iterable[Event] = ()) -> None:
        """
        @param most: the number of events to keep, not counting arrivals of the packets among them.
        """
        self.events: list[Event] = []
        self.leftOut = 0
        self._most = most
        self._newest = -1
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        # Without its end a packet would look as if it was still on its way.
        belongs = isinstance(event, (Arrived, Taken)) and event.n <= self._newest
        if len(self.events) >= (2 * self._most if belongs else self._most):
            self.leftOut += 1
            return
        self.events.append(event)
        if isinstance(event, Sent):
            self._newest = max(self._newest, event.n)


class Recorder:
    """
    Keeps the first events that it receives, and draws them.
    """

    def __init__(
        self,
        flow: int | None = None,
        since: float = 0.0,
        until: float = math.inf,
        toScale: bool = False,
        most: int = MOST,
    ) -> None:
        """
        @param flow: keep only this flow.
        @param since: keep packets that left at this C{t} or later.
        @param until: keep packets that left up to this C{t}.
        @param toScale: whether drawings are to scale in time.
        @param most: how many events to keep, not counting arrivals of the packets among them.
        """
        self._draw: svg.Draw = scaled_svg.panels if toScale else svg.panels
        self._flow = flow
        self._since = since
        self._until = until
        self._first = _FirstEvents(most)

    def sent(self, event: Sent, data: bytes = b"") -> None:
        """
        A packet has left.
        """
        if self._flow in (None, event.flow) and self._since <= event.t <= self._until:
            self._first.add(event)

    def arrived(self, event: Arrived, data: bytes = b"") -> None:
        """
        A copy has arrived. It is drawn if its departure is drawn.
        """
        if self._flow in (None, event.flow) and event.t >= self._since:
            self._first.add(event)

    def taken(self, event: Taken, data: bytes = b"") -> None:
        """
        A packet was lost by hand on its way. It is drawn if its departure is drawn.
        """
        if self._flow in (None, event.flow) and event.t >= self._since:
            self._first.add(event)

    def changed(self, event: Changed) -> None:
        """
        The wire has changed.
        """
        if self._since <= event.t <= self._until:
            self._first.add(event)

    def add(self, event: Event) -> None:
        """
        Take an event of a log.
        """
        match event:
            case Sent():
                self.sent(event)
            case Arrived():
                self.arrived(event)
            case Taken():
                self.taken(event)
            case Changed():
                self.changed(event)

    @property
    def flows(self) -> list[RecordedFlow]:
        """
        The recorded events, flow by flow.
        """
        return flows(self._first.events)

    def leaveOut(self) -> None:
        """
        Count an event that is not recorded. After one that was left out, no packet that leaves is.
        """
        self._first.leftOut += 1

    @property
    def leftOut(self) -> int:
        """
        The number of events that were not recorded.
        """
        return self._first.leftOut

    @property
    def remark(self) -> str:
        """
        The line on events that the ladder does not show; empty if it shows all.
        """
        return _remark(self.leftOut)

    def _drawn(self) -> tuple[list[RecordedFlow], str]:
        """
        The flows in drawings, and the line on events that those do not show.
        """
        first = _FirstEvents(DRAWN, self._first.events)
        return flows(first.events), _remark(self.leftOut + first.leftOut)

    def text(self, width: int = 80, most: int | None = None) -> Iterator[str]:
        """
        The ladder's lines, for a terminal.

        @param most: the number of rows of each flow at most.
        """
        yield from terminal.draw(self.flows, width, most)
        if self.remark:
            yield self.remark

    def svg(self, about: str = "") -> Iterator[str]:
        """
        An SVG file, in parts.

        @param about: how to repeat the run.
        """
        shown, remark = self._drawn()
        return svg.document(shown, [about, remark], self._draw)

    def html(self, title: str, about: str = "") -> Iterator[str]:
        """
        An HTML file, in parts.

        @param about: how to repeat the run.
        """
        shown, remark = self._drawn()
        chapter = page.Chapter("", [remark, shown])
        return page.document(title, [chapter], about, self._draw)

    def json(self) -> str:
        """
        The ladder for programs: C{flows} with their C{rows}, and C{left_out}.
        """
        found = [_flow(flow) for flow in self.flows]
        return json.dumps({"flows": found, "left_out": self.leftOut}, indent=1)


def _remark(leftOut: int) -> str:
    if not leftOut:
        return ""
    return (
        f"{leftOut:,} later events are left out. 'badwire show' draws those of a log that are "
        "chosen by --from, --to and --flow."
    )


def _flow(flow: RecordedFlow) -> dict[str, Any]:
    opener, other = flow.ports
    return {
        "flow": flow.number,
        "protocol": flow.first.protocol,
        "version": flow.first.version,
        "opener": opener,
        "other": other,
        "rows": [_row(row) for row in rows(flow)],
    }


def _row(row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {"t": row.t, "kind": row.kind, "what": row.what}
    if row.sent is not None:
        shown |= {
            "n": row.sent.n,
            "direction": row.sent.direction,
            "fates": list(row.sent.fates),
            "sender": row.sender,
            "receiver": row.receiver,
        }
    if row.taken is not None:
        shown |= {"taken": row.taken.t}
    if row.changed is not None:
        shown |= {
            "n": row.changed.n,
            "direction": row.changed.direction,
            "figures": dict(row.changed.figures),
        }
    if row.arrived is not None:
        shown |= {"copy": row.arrived.copy, "effect": row.arrived.effect}
    return shown
