"""
Connections in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

HERE = IPv4Address("TCP", "127.0.0.1", 51423)
PEER = IPv4Address("TCP", "127.0.0.1", 62460)


@implementer(ITCPTransport)
class MemoryTransport(StringTransport):
    """
    A TCP connection as a protocol has it: Twisted's L{StringTransport}, whose C{value()} is what
    the protocol has written, with half-close, and with an end of which the protocol is told. All of
    that happens at once, within the call.

    @ivar ended: how the protocol has ended it so far: C{""}, C{"half"} (its output), C{"closed"} or
        C{"aborted"}.
    """

    def __init__(self, protocol: Any, peer: Any = PEER, here: Any = HERE) -> None:
        """
        @param protocol: is told what becomes of the connection; its C{makeConnection} is the
            caller's to call, as L{connect} does.
        @param peer: what C{getPeer} returns.
        @param here: what C{getHost} returns.
        """
        super().__init__(hostAddress=here, peerAddress=peer)
        self.protocol = protocol
        self.ended = ""
        self._noDelay = self._keepAlive = False

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

    def unregisterProducer(self) -> None:
        # StringTransport raises where there is none; TCP does not.
        self.producer = None
        self.streaming = None

    def getTcpNoDelay(self) -> bool:
        return self._noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        self._noDelay = enabled

    def getTcpKeepAlive(self) -> bool:
        return self._keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._keepAlive = enabled


def connect(factory: Any, peer: Any = PEER, here: Any = HERE) -> MemoryTransport:
    """
    A new connection to a factory's protocol.
    """
    protocol = factory.buildProtocol(peer)
    transport = MemoryTransport(protocol, peer, here)
    protocol.makeConnection(transport)
    return transport
