"""
The pictures of a run or of a log: which events they hold, and the forms that they take.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from twisted_netdemo.badwire import page, scaled, svg, terminal
from twisted_netdemo.badwire.events import Arrived, Sent
from twisted_netdemo.badwire.ladder import Flow, Row, flows, rows

#: How many events a picture holds.
MOST = 100_000


class Pictures:
    """
    Keeps the first events that it is told of, and draws them.

    @ivar leftOut: how many more there were.
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
        self.leftOut = 0
        self._draw: svg.Draw = scaled.panels if toScale else svg.panels
        self._flow = flow
        self._since = since
        self._until = until
        self._events: list[Sent | Arrived] = []

    def sent(self, event: Sent, data: bytes = b"") -> None:
        """
        A packet has left.
        """
        if self._flow in (None, event.flow) and self._since <= event.t <= self._until:
            self._keep(event)

    def arrived(self, event: Arrived, data: bytes = b"") -> None:
        """
        A copy has arrived. It is drawn if its departure is.
        """
        if self._flow in (None, event.flow) and event.t >= self._since:
            self._keep(event)

    def _keep(self, event: Sent | Arrived) -> None:
        if len(self._events) < MOST:
            self._events.append(event)
        else:
            self.leftOut += 1

    @property
    def flows(self) -> list[Flow]:
        """
        What is kept, flow by flow.
        """
        return flows(self._events)

    @property
    def remark(self) -> str:
        """
        What a picture says of what it does not show; empty where it shows all.
        """
        if not self.leftOut:
            return ""
        return f"Only the first {MOST:,} events are drawn; {self.leftOut:,} more are left out."

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
        return svg.document(self.flows, [about, self.remark], self._draw)

    def html(self, title: str, about: str = "") -> Iterator[str]:
        """
        An HTML file, in parts.

        @param about: how it came to be.
        """
        chapter = page.Chapter("", [self.remark, self.flows])
        return page.document(title, [chapter], about, self._draw)

    def json(self) -> str:
        """
        The ladder for programs: C{flows} with their C{rows}, and C{left_out}.
        """
        found = [_flow(flow) for flow in self.flows]
        return json.dumps({"flows": found, "left_out": self.leftOut}, indent=1)


def _flow(flow: Flow) -> dict[str, Any]:
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
