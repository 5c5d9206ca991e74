"""
The PROXY protocol before any other: the client behind the proxy becomes the connection's peer.

Twisted's own wrapper (C{haproxy:}) connects the protocol before the header has come, cannot
half-close and loses a short first segment; this one waits for the header, then passes everything
through.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolFactory,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, directlyProvides, implementer, providedBy

from twisted_netdemo.service.addresses import plainHost
from twisted_netdemo.service.networks import LOOPBACK, Network
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.tcp.listening_reactor import ListeningReactor, OpenPort
from twisted_netdemo.service.tcp.proxy_header import BadHeader, HeaderReader
from twisted_netdemo.service.time.deadlines import Deadlines

_WITH_HOST = (IPv4Address, IPv6Address)

if TYPE_CHECKING:
    _WrappingFactory = WrappingFactory[Any]
else:  # it is no generic class in the oldest Twisted that we run on
    _WrappingFactory = WrappingFactory

_log = Logger()

# How many connections may be without their header at one time; a proxy sends it at once.
_MOST_WAITING = 1000


class IProxied(Interface):
    """
    A transport whose connection began with a PROXY header. One that wraps it (TLS) is one too.
    """

    isLocal = Attribute("Whether the proxy speaks for itself, as in a health check.")

    def takeDeadline(due: Callable[[], object]) -> Callable[[], None]:
        """
        For a protocol with a deadline of its own, when its connection is made: the header's goes
        on, counted from the connection's beginning.

        @param due: called when the time is up.
        @return: cancels it.
        """


def _named(peer: IAddress) -> tuple[str, int] | None:
    """
    An address as the header's source has it, C{None} for one without a host.
    """
    return (plainHost(peer.host), peer.port) if isinstance(peer, _WITH_HOST) else None


@implementer(IHalfCloseableProtocol, IProxied)
class ProxiedConnection(ProtocolWrapper):
    """
    One connection from a proxy: its header, then everything to and from the wrapped protocol.
    """

    factory: ProxiedFactory
    transport: ITCPTransport
    _reader: HeaderReader | None = None
    _source: IAddress | None = None
    isLocal = False
    _begun = False
    _isWaiting = False  # counted by the factory
    _due: Callable[[], object] | None = None

    def makeConnection(self, transport: ITCPTransport) -> None:
        # Not the wrapper's own: it would connect the wrapped protocol at once.
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        factory = self.factory
        factory.registerProtocol(self)
        if not factory.believes(transport.getPeer()):
            factory.refused("not in --proxy-from", transport.getPeer())
            transport.abortConnection()
        elif factory.waiting >= _MOST_WAITING:
            factory.refused("too many without a header", transport.getPeer())
            transport.abortConnection()
        else:
            factory.waiting += 1
            self._isWaiting = True
            self._reader = HeaderReader()
            factory.deadlines.begin(self)

    def timeIsUp(self) -> None:
        """
        The header is late, or the protocol that took its deadline over.
        """
        if self._due is not None:
            self._due()
        else:
            self.transport.abortConnection()

    def takeDeadline(self, due: Callable[[], object]) -> Callable[[], None]:
        self._due = due
        return self._cancelDeadline

    def _cancelDeadline(self) -> None:
        self._due = None
        self.factory.deadlines.cancel(self)

    def getPeer(self) -> IAddress:
        peer: IAddress = self._source or self.transport.getPeer()
        return peer

    def dataReceived(self, data: bytes) -> None:
        if self._begun:
            self.wrappedProtocol.dataReceived(data)
            return
        if self._reader is None:
            return
        try:
            header = self._reader.feed(data)
        except BadHeader as error:
            self._reader = None
            self.factory.refused(str(error), self.transport.getPeer())
            self.transport.abortConnection()
            return
        if header is None:
            return
        if header.source is not None:
            host, port = header.source
            kind = IPv6Address if ":" in host else IPv4Address
            self._source = kind("TCP", host, port)
        # Version 1 has no LOCAL: a proxy's health check names the connection that it comes on.
        self.isLocal = header.isLocal or (
            header.destination is not None
            and header.source == _named(self.transport.getPeer())
            and header.destination == _named(self.transport.getHost())
        )
        self._begun = True
        self.factory.waiting -= 1
        transport: Any = self
        self.wrappedProtocol.makeConnection(transport)
        if self._due is None:
            self.factory.deadlines.cancel(self)
        if header.rest:
            self.wrappedProtocol.dataReceived(header.rest)

    def readConnectionLost(self) -> None:
        protocol = self._halfCloseable()
        if protocol is None:
            self.transport.loseConnection()
        else:
            protocol.readConnectionLost()

    def writeConnectionLost(self) -> None:
        protocol = self._halfCloseable()
        if protocol is not None:
            protocol.writeConnectionLost()

    def _halfCloseable(self) -> Any:
        # Its class is asked: an instance of TLS, which cannot half-close, provides all interfaces
        # of its transport, and that is this object.
        able = self._begun and IHalfCloseableProtocol.implementedBy(type(self.wrappedProtocol))
        return self.wrappedProtocol if able else None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._begun:
            ProtocolWrapper.connectionLost(self, reason)
            return
        self.factory.unregisterProtocol(self)
        if self._isWaiting:
            self.factory.waiting -= 1
            self.factory.deadlines.cancel(self)


class ProxiedFactory(_WrappingFactory):
    """
    Puts the PROXY protocol before a factory's.

    @ivar waiting: how many connections are without their header yet.
    """

    protocol: type[ProxiedConnection] = ProxiedConnection
    noisy = False

    def __init__(
        self,
        wrappedFactory: IProtocolFactory | None,
        clock: IReactorTime,
        timeout: float,
        networks: Sequence[Network] = LOOPBACK,
    ) -> None:
        """
        @param timeout: seconds until the header has to be there.
        @param networks: the networks whose headers are believed. Headers over a UNIX socket are
            believed too, since the socket's mode says which users may connect.
        """
        WrappingFactory.__init__(self, wrappedFactory)
        self.deadlines = Deadlines(clock, timeout, ProxiedConnection.timeIsUp)
        self.networks = networks
        self.waiting = 0
        self._lastRefusal: tuple[str, object] = ("", None)
        self._refusalLog = RateLimitedLog(clock, self._logRefused)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        made = self.wrappedFactory.buildProtocol(addr)
        return None if made is None else self.protocol(self, made)  # None refuses it

    def stopFactory(self) -> None:
        """
        The last port has closed; the deadlines hold for the connections that there are.
        """
        self._stopTimer()

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:
        WrappingFactory.unregisterProtocol(self, p)
        if not self.numPorts:
            self._stopTimer()

    def _stopTimer(self) -> None:
        if not self.protocols:
            self.deadlines.stop()
            self._refusalLog.stop()

    def believes(self, peer: IAddress) -> bool:
        """
        Whether this peer's headers are believed.
        """
        if isinstance(peer, UNIXAddress):
            return True
        if not isinstance(peer, _WITH_HOST):
            return False
        address = ipaddress.ip_address(plainHost(peer.host))
        return any(address in network for network in self.networks)

    def refused(self, why: str, peer: object) -> None:
        """
        A connection is closed because it has no header that is believed.
        """
        self._lastRefusal = (why, peer)
        self._refusalLog.happened()

    def _logRefused(self, times: int) -> None:
        why, peer = self._lastRefusal
        _log.warn(
            "Closed {times} connection(s) where a PROXY header is asked for; the last: {why}, "
            "from {peer}.",
            times=times,
            why=why,
            peer=peer.host if isinstance(peer, _WITH_HOST) else "a UNIX socket",
        )


class ProxiedListeningReactor(ListeningReactor):
    """
    A stand-in for the reactor, for endpoints behind C{haproxy:}; the header comes before any TLS.
    """

    def __init__(
        self,
        reactor: IServiceReactor,
        timeout: float,
        networks: Sequence[Network] = LOOPBACK,
        openPort: OpenPort | None = None,
    ) -> None:
        ListeningReactor.__init__(self, reactor, openPort)
        self._timeout = timeout
        self._networks = networks

    def wrap(self, factory: IProtocolFactory | None) -> ProxiedFactory:
        return ProxiedFactory(factory, self._reactor, self._timeout, self._networks)
