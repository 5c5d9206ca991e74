"""
Which flow of the log a socket or a program's message belongs to.

Pure. Both ends live in one network: the near socket has the opener's port, the far one has it as
its peer's.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from twisted_netdemo.badwire.model.events import Sent

# How many flows are remembered, and how many connections of them may be open.
_MOST, _OPEN = 4096, 128


class TCPConnection(NamedTuple):
    """
    A TCP connection.

    @ivar version: of IP.
    @ivar opener: the port of the end that opened it.
    @ivar other: the other end's port.
    """

    version: int
    opener: int
    other: int


class FlowNumbers:
    """
    The numbers of the newest flows: of those with the same ports, the last one counts.

    @ivar open: the connections by their flows, of those that may still have a socket: one that has
        sent anything since it was L{closed<close>} may.
    """

    def __init__(self) -> None:
        self.open: OrderedDict[int, TCPConnection] = OrderedDict()
        self._flows: OrderedDict[tuple[str, int, int], int] = OrderedDict()
        self._sockets: OrderedDict[tuple[int, int, int], int] = OrderedDict()

    def sent(self, event: Sent) -> bool:
        """
        A packet leaves.

        @return: whether its flow was not known.
        """
        if event.source is None or event.destination is None:
            return False
        isUp = event.direction == "up"
        opener, other = (
            (event.source, event.destination) if isUp else (event.destination, event.source)
        )
        key = (event.protocol, opener, other)
        if event.protocol == "tcp" and event.flow not in self.open:
            self.open[event.flow] = TCPConnection(event.version, opener, other)
            if len(self.open) > _OPEN:
                self.open.popitem(last=False)
        if self._flows.get(key) == event.flow:
            return False
        self._flows[key] = event.flow
        if event.protocol == "tcp":
            self._sockets[event.version, opener, other] = event.flow
        for table in (self._flows, self._sockets):
            if len(table) > _MOST:
                table.popitem(last=False)
        return True

    def close(self, flow: int) -> None:
        """
        Neither end of a connection has a socket any more.
        """
        self.open.pop(flow, None)

    def of(self, protocol: str, opener: int, other: int) -> int | None:
        """
        The flow between two ports; L{None} if no packet of it has left yet.
        """
        return self._flows.get((protocol, opener, other))

    def ofSocket(self, version: int, port: int, peer: int) -> tuple[str | None, int | None]:
        """
        The side that a TCP socket is on and its flow; L{None} for both if it is not on the wire.
        """
        if (flow := self._sockets.get((version, port, peer))) is not None:
            return "near", flow
        if (flow := self._sockets.get((version, peer, port))) is not None:
            return "far", flow
        return None, None
