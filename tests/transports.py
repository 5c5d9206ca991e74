"""
Connections in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

HERE = IPv4Address("TCP", "127.0.0.1", 51423)
PEER = IPv4Address("TCP", "127.0.0.1", 62460)


class MemoryTransport(StringTransport):
    """
    A server's connection, with half-close, that shows how it was ended.

    @ivar ended: C{""}, C{"half"} (our output), C{"closed"} or C{"aborted"}.
    """

    def __init__(self, protocol: Any, peer: Any = PEER, here: Any = HERE) -> None:
        super().__init__(hostAddress=here, peerAddress=peer)
        self.protocol = protocol
        self.ended = ""

    def loseWriteConnection(self) -> None:
        self.ended = "half"
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is not None:
            half.writeConnectionLost()

    def loseConnection(self) -> None:
        self._end("closed", ConnectionDone())

    def abortConnection(self) -> None:
        self._end("aborted", ConnectionAborted())

    def _end(self, how: str, why: Exception) -> None:
        if self.ended not in ("closed", "aborted"):
            self.ended = how
            self.disconnecting = True
            self.protocol.connectionLost(Failure(why))

    def peerEnds(self) -> None:
        """
        The peer has sent all that it will.
        """
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is None:
            self._end("closed", ConnectionDone())
        else:
            half.readConnectionLost()


def connect(factory: Any, peer: Any = PEER, here: Any = HERE) -> MemoryTransport:
    """
    A new connection to a factory's protocol.
    """
    protocol = factory.buildProtocol(peer)
    transport = MemoryTransport(protocol, peer, here)
    protocol.makeConnection(transport)
    return transport
