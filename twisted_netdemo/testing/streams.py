"""
Connections in memory.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IPullProducer,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

HERE = IPv4Address("TCP", "127.0.0.1", 51423)
PEER = IPv4Address("TCP", "127.0.0.1", 62460)


@implementer(ITCPTransport)
class MemoryTransport(StringTransport):
    """
    A TCP connection in memory: Twisted's L{StringTransport}, whose C{value()} returns the bytes
    that the protocol has written, with half-close, and with C{connectionLost} at the end. The
    protocol is called at once, before the method that causes the call returns.

    @ivar ended: how the protocol has ended the connection so far: C{""} (not at all), C{"half"}
        (its output), C{"closed"} or C{"aborted"}.
    """

    def __init__(self, protocol: IProtocol, peer: IAddress = PEER, here: IAddress = HERE) -> None:
        """
        @param protocol: the protocol of this connection; the caller calls its C{makeConnection}, as
            L{connect} does.
        @param peer: the address that C{getPeer} returns.
        @param here: the address that C{getHost} returns.
        """
        # lenient: to read on or not, after the end, is no error over TCP either
        super().__init__(hostAddress=here, peerAddress=peer, lenient=True)
        self.protocol = protocol
        self.ended = ""
        self._noDelay = self._keepAlive = False

    def write(self, data: bytes) -> None:
        if not self.ended:  # TCP takes later data, and sends none of it
            super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseWriteConnection(self) -> None:
        if self.ended:
            return
        self.ended = "half"
        if IHalfCloseableProtocol.providedBy(self.protocol):
            IHalfCloseableProtocol(self.protocol).writeConnectionLost()

    def loseConnection(self) -> None:
        self.disconnecting = True
        if self.producer is None:  # else unregisterProducer ends it
            self._end("closed", ConnectionDone())

    def abortConnection(self) -> None:
        self.disconnecting = True
        self._end("aborted", ConnectionAborted())

    def _end(self, how: str, why: Exception) -> None:
        if self.disconnected:
            return
        self.ended = how
        self.disconnected = True
        self.connected = False
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(why))

    def peerEnds(self) -> None:
        """
        The peer ends its output.
        """
        if self.disconnected:
            return
        if IHalfCloseableProtocol.providedBy(self.protocol):
            IHalfCloseableProtocol(self.protocol).readConnectionLost()
        else:
            self._end("closed", ConnectionDone())

    def registerProducer(self, producer: IPushProducer | IPullProducer, streaming: bool) -> None:
        if self.disconnected:
            producer.stopProducing()
        else:
            super().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        # StringTransport raises where there is none; TCP does not.
        self.producer = None
        self.streaming = None
        if self.disconnecting:
            self._end("closed", ConnectionDone())

    def getTcpNoDelay(self) -> bool:
        return self._noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        self._noDelay = enabled

    def getTcpKeepAlive(self) -> bool:
        return self._keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._keepAlive = enabled


def connect(
    factory: IProtocolFactory, peer: IAddress = PEER, here: IAddress = HERE
) -> MemoryTransport:
    """
    Connect a new protocol of a factory to a L{MemoryTransport}. It does not call the factory's
    C{doStart}.

    @raise NoProtocol: the factory has no protocol for this peer: a port would disconnect it.
    """
    protocol = factory.buildProtocol(peer)
    if protocol is None:
        raise NoProtocol()
    transport = MemoryTransport(protocol, peer, here)
    protocol.makeConnection(transport)
    return transport
