"""
A stand-in for the reactor that endpoints are given, so that they make the ports of this package.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IOpenSSLContextFactory,
    IProtocolFactory,
)
from zope.interface import implementer

from twisted_netdemo.service.binding import BACKLOG
from twisted_netdemo.service.reactors import IServiceReactor, hasTwistedsSockets
from twisted_netdemo.service.tcp.fast.port_mixin import FastPortMixin
from twisted_netdemo.service.tcp.fast.private_names import adoptPort, isAvailable
from twisted_netdemo.service.tcp.ports import TCPPort

if TYPE_CHECKING:
    from OpenSSL import SSL

if sys.platform != "win32":
    from twisted_netdemo.service.tcp.ports import UNIXPort

# Twisted's endpoints ask for it where the user has not said otherwise; L{BACKLOG} takes its place.
_TWISTED_BACKLOG = 50


#: Opens a TCP port: number, factory, backlog, interface.
OpenPort = Callable[[int, IProtocolFactory | None, int, str], IListeningPort]


@implementer(IOpenSSLContextFactory)
class TLSKeys:
    """
    The key and certificates of a port, which can be replaced while it is open: Twisted asks for a
    context for each new connection.
    """

    def __init__(self, factory: IOpenSSLContextFactory) -> None:
        """
        @raise Exception: OpenSSL cannot use them.
        """
        self.renew(factory)

    def renew(self, factory: IOpenSSLContextFactory) -> None:
        """
        @raise Exception: OpenSSL cannot use them; the ones in use are kept.
        """
        factory.getContext()
        self._factory = factory

    def getContext(self) -> SSL.Context:
        context: SSL.Context = self._factory.getContext()
        return context


class FastTCPPort(FastPortMixin, TCPPort):
    """
    A TCP port with fast connections.
    """


def _tcpPortClass() -> type[TCPPort]:
    return FastTCPPort if isAvailable() else TCPPort


class ListeningReactor:
    """
    A stand-in for the reactor, whose listening methods make these ports; its other methods are the
    reactor's own. With a reactor that is not built on Twisted's sockets, its own ports are used.
    """

    def __init__(self, reactor: IServiceReactor, openPort: OpenPort | None = None) -> None:
        """
        @param openPort: opens TCP ports in place of this, where processes share them.
        """
        self._reactor = reactor
        self._stock: Any = reactor  # whose methods' types ask for more than its interfaces do
        self._openPort = openPort
        self.keys: TLSKeys | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def wrap(self, factory: IProtocolFactory | None) -> IProtocolFactory | None:
        """
        Wrap a factory in the protocol that comes first on the connection, before TLS: none here.
        """
        return factory

    def listenTCP(
        self, port: int, factory: IProtocolFactory | None, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        factory = self.wrap(factory)
        if backlog == _TWISTED_BACKLOG:
            backlog = BACKLOG
        if self._openPort is not None:
            return self._openPort(port, factory, backlog, interface)
        if not hasTwistedsSockets(self._reactor):
            stock: IListeningPort = self._stock.listenTCP(port, factory, backlog, interface)
            return stock
        assert factory is not None, "only a parent's ports, which workers serve, have none"
        return _started(_tcpPortClass()(port, factory, backlog, interface, self._reactor))

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: IOpenSSLContextFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        from twisted.protocols.tls import TLSMemoryBIOFactory

        class Secured(TLSMemoryBIOFactory):
            def buildProtocol(self, addr: IAddress | None) -> Any:
                made = self.wrappedFactory.buildProtocol(addr)
                return None if made is None else self.protocol(self, made)  # None refuses it

        self.keys = TLSKeys(contextFactory)
        secured = Secured(self.keys, False, factory)
        return self.listenTCP(port, secured, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory | None,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> IListeningPort:
        factory = self.wrap(factory)
        if backlog == _TWISTED_BACKLOG:
            backlog = BACKLOG
        if not hasTwistedsSockets(self._reactor):
            stock: IListeningPort = self._stock.listenUNIX(address, factory, backlog, mode, wantPID)
            return stock
        return _started(UNIXPort(address, factory, backlog, mode, self._reactor, wantPID))

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory | None
    ) -> IListeningPort:
        factory = self.wrap(factory)
        if not hasTwistedsSockets(self._reactor):
            return self._adoptStock(fileDescriptor, addressFamily, factory)
        kind: type[UNIXPort] | type[TCPPort]
        kind = UNIXPort if addressFamily == socket.AF_UNIX else _tcpPortClass()
        port = adoptPort(kind, self._reactor, fileDescriptor, addressFamily, factory)
        if port is None:
            return self._adoptStock(fileDescriptor, addressFamily, factory)
        port.shared = True
        return _started(port)

    def _adoptStock(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory | None
    ) -> IListeningPort:
        port: IListeningPort = self._stock.adoptStreamPort(fileDescriptor, addressFamily, factory)
        return port


Started = TypeVar("Started", bound=IListeningPort)


def adopting(reactor: IServiceReactor, take: Callable[[], socket.socket]) -> OpenPort:
    """
    Has ports use sockets that listen already, in place of new ones.

    @param take: returns the next of them.
    """

    def adopt(
        port: int, factory: IProtocolFactory | None, backlog: int, interface: str
    ) -> IListeningPort:
        with take() as given:  # closed, for the port makes a copy
            return ListeningReactor(reactor).adoptStreamPort(given.fileno(), given.family, factory)

    return adopt


def _started(port: Started) -> Started:
    port.startListening()
    return port
