"""
The pictures of a run or of a log: which events they hold, and the forms that they take.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from twisted_netdemo.badwire.model.events import Arrived, Sent
from twisted_netdemo.badwire.render import page, scaled_svg, svg, terminal
from twisted_netdemo.badwire.render.ladder import RecordedFlow, Row, flows, rows

#: How many events are held, and how many a drawing or a page shows, for the browser's sake: so
#: many, and then the arrivals of the packets among them, up to as many again.
MOST = 100_000
DRAWN = 10_000


class _FirstEvents:
    """
    The first events of many.

    @ivar events: them.
    @ivar leftOut: how many more there were.
    """

    def __init__(self, most: int, events: Iterable[Sent | Arrived] = ()) -> None:
        """
        @param most: how many there may be, not counting arrivals of the packets among them.
        """
        self.events: list[Sent | Arrived] = []
        self.leftOut = 0
        self._most = most
        self._newest = -1
        for event in events:
            self.add(event)

    def add(self, event: Sent | Arrived) -> None:
        # else a packet would look as if it had never arrived
        belongs = isinstance(event, Arrived) and event.n <= self._newest
        if len(self.events) >= (2 * self._most if belongs else self._most):
            self.leftOut += 1
            return
        self.events.append(event)
        if isinstance(event, Sent):
            self._newest = max(self._newest, event.n)


class Recorder:
    """
    Keeps the first events that it is told of, and draws them.
    """

    def __init__(
        self,
        flow: int | None = None,
        since: float = 0.0,
        until: float = math.inf,
        toScale: bool = False,
    ) -> None:
        """
        @param flow: the only flow to be kept.
        @param since: keep what left at this C{t} or later.
        @param until: keep what left up to this C{t}.
        @param toScale: whether drawings show how long each packet was on the way.
        """
        self._draw: svg.Draw = scaled_svg.panels if toScale else svg.panels
        self._flow = flow
        self._since = since
        self._until = until
        self._first = _FirstEvents(MOST)

    def sent(self, event: Sent, data: bytes = b"") -> None:
        """
        A packet has left.
        """
        if self._flow in (None, event.flow) and self._since <= event.t <= self._until:
            self._first.add(event)

    def arrived(self, event: Arrived, data: bytes = b"") -> None:
        """
        A copy has arrived. It is drawn if its departure is.
        """
        if self._flow in (None, event.flow) and event.t >= self._since:
            self._first.add(event)

    @property
    def flows(self) -> list[RecordedFlow]:
        """
        What is kept, flow by flow.
        """
        return flows(self._first.events)

    @property
    def leftOut(self) -> int:
        """
        How many more there were.
        """
        return self._first.leftOut

    @property
    def remark(self) -> str:
        """
        What the ladder says of what it does not show; empty where it shows all.
        """
        return _remark(self.leftOut)

    def _drawn(self) -> tuple[list[RecordedFlow], str]:
        """
        What drawings show, and what they say of the rest.
        """
        first = _FirstEvents(DRAWN, self._first.events)
        return flows(first.events), _remark(self.leftOut + first.leftOut)

    def text(self, width: int = 80, most: int | None = None) -> Iterator[str]:
        """
        The ladder's lines, for a terminal.

        @param most: rows of each flow at most.
        """
        yield from terminal.draw(self.flows, width, most)
        if self.remark:
            yield self.remark

    def svg(self, about: str = "") -> Iterator[str]:
        """
        An SVG file, in parts.

        @param about: how it came to be.
        """
        shown, remark = self._drawn()
        return svg.document(shown, [about, remark], self._draw)

    def html(self, title: str, about: str = "") -> Iterator[str]:
        """
        An HTML file, in parts.

        @param about: how it came to be.
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
    if row.arrived is not None:
        shown |= {"copy": row.arrived.copy, "effect": row.arrived.effect}
    return shown
