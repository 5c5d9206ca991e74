"""
An endpoint that connects through a SOCKS 5 proxy.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.tcp.socks_wire import Negotiation, SocksError


@implementer(IStreamClientEndpoint)
class SocksEndpoint:
    """
    Connects to a host that the proxy finds, by name too.

    The transport is that of the connection to the proxy, whose address is its peer.
    """

    def __init__(self, proxy: IStreamClientEndpoint, host: str, port: int) -> None:
        """
        @param proxy: connects to the proxy.
        @param host: a name in ASCII, or an address without brackets.
        """
        self._proxy = proxy
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        @return: fires with the protocol once the proxy has connected. Fails with L{SocksError}
            where it does not, or as the proxy's own endpoint does. Cancelling it closes the
            connection.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        negotiation = Negotiation(self._host, self._port)
        connected: Any = await self._proxy.connect(_ToProxy(negotiation, factory))
        protocol: IProtocol = await connected.done
        return protocol


class _ToProxy(Factory):
    noisy = False

    def __init__(self, negotiation: Negotiation, inner: IProtocolFactory) -> None:
        self._negotiation = negotiation
        self._inner = inner

    def doStart(self) -> None:
        self._inner.doStart()

    def doStop(self) -> None:
        self._inner.doStop()

    def buildProtocol(self, address: Any) -> _Negotiating:
        return _Negotiating(self._negotiation, self._inner, address)


class _Negotiating(Protocol):
    """
    Talks with the proxy, then passes everything on to the protocol that was meant.

    @ivar done: fires with that protocol.
    """

    transport: ITCPTransport
    _inner: IProtocol | None = None

    def __init__(
        self, negotiation: Negotiation, factory: IProtocolFactory, address: IAddress
    ) -> None:
        self.done: Deferred[IProtocol] = Deferred(self._cancel)
        self._negotiation = negotiation
        self._factory = factory
        self._address = address

    def connectionMade(self) -> None:
        self.transport.write(self._negotiation.begin())

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif not self.done.called:
            try:
                self._negotiate(data)
            except Exception:
                self._fail(Failure())

    def _negotiate(self, data: bytes) -> None:
        answer = self._negotiation.received(data)
        if answer:
            self.transport.write(answer)
        if not self._negotiation.isOver:
            return
        protocol = self._factory.buildProtocol(self._address)
        if protocol is None:
            raise NoProtocol()
        self._inner = protocol
        protocol.makeConnection(self.transport)
        self.done.callback(protocol)
        if self._negotiation.rest:
            protocol.dataReceived(self._negotiation.rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)
        if not self.done.called:
            self.done.errback(SocksError("the proxy closed the connection"))

    def _fail(self, reason: Failure) -> None:
        if not self.done.called:
            self.done.errback(reason)
        self.transport.abortConnection()

    def _cancel(self, done: Deferred[IProtocol]) -> None:
        self._fail(Failure(CancelledError()))
