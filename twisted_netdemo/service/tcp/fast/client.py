"""
Outgoing connections on the fast transport: an endpoint for an IP address.

It has no layers between the socket and the protocol, and makes far fewer system calls than
Twisted's L{TCP4ClientEndpoint}.
"""

from __future__ import annotations

import os
import socket
from errno import EALREADY, EINPROGRESS, EISCONN
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectBindError,
    ConnectError,
    ConnectingCancelledError,
    NoProtocol,
    TimeoutError,
    getConnectError,
)
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IOpenSSLClientConnectionCreator,
    IOpenSSLContextFactory,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.posixbase import PosixReactorBase
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.addresses import SocketAddress
from twisted_netdemo.service.tcp.fast.multiplexer import LOST, OUT, multiplexerOf
from twisted_netdemo.service.tcp.fast.private_names import isAvailable
from twisted_netdemo.service.tcp.fast.transport import FastConnection
from twisted_netdemo.service.time.clock import monotonic

_STREAM = int(socket.SOCK_STREAM) | int(getattr(socket, "SOCK_NONBLOCK", 0))


def addressEndpoint(
    reactor: Any, host: str, port: int, timeout: float | None = 30.0
) -> IStreamClientEndpoint:
    """
    An endpoint that connects to an IP address.

    @param host: an address in numbers, of either version.
    @param timeout: seconds until it gives up; C{None} if the caller cancels attempts itself.
    """
    isIPv6 = isIPv6Address(host)
    if isAvailable() and isinstance(reactor, PosixReactorBase) and "%" not in host:
        return _AddressEndpoint(reactor, host, port, timeout, isIPv6)
    from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint

    kind: Any = TCP6ClientEndpoint if isIPv6 else TCP4ClientEndpoint
    endpoint: IStreamClientEndpoint = kind(reactor, host, port, timeout)
    return endpoint


@implementer(IStreamClientEndpoint)
class _AddressEndpoint:
    def __init__(
        self, reactor: Any, host: str, port: int, timeout: float | None, isIPv6: bool
    ) -> None:
        self.reactor = reactor
        self.multiplexer = multiplexerOf(reactor)
        self.address = (host, port)
        self.timeout = timeout
        self.isIPv6 = isIPv6
        self.peer = (IPv6Address if isIPv6 else IPv4Address)("TCP", host, port)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        @return: fires when the protocol has been told that it is connected; fails as those of
            Twisted's own endpoints do. Cancelling it gives the attempt up.
        """
        return _Attempt(self, protocolFactory).result


class _Attempt:
    """
    A socket that is being connected; the multiplexer watches it until it is, or fails.

    @ivar connected: whether the multiplexer is to watch it.
    @ivar newest: the connection that it became, and its peer.
    """

    accepting = False
    registered = 0
    interest = OUT
    isPending = False
    connected = 0
    handle: Any = None
    newest: tuple[FastConnection | None, IAddress | None] = (None, None)
    _transport: OutgoingConnection | None = None
    _call: IDelayedCall | None = None

    def __init__(self, endpoint: _AddressEndpoint, factory: IProtocolFactory) -> None:
        self.result: Deferred[IProtocol] = Deferred(self._cancelled)
        self.multiplexer = endpoint.multiplexer
        self.reactor = reactor = endpoint.reactor
        self.factory = factory
        self._endpoint = endpoint
        factory.doStart()
        self.addressFamily = socket.AF_INET6 if endpoint.isIPv6 else socket.AF_INET
        try:
            # Twisted asks for a socket, not for Python's own class of them, which costs more.
            self.handle = socket.SocketType(self.addressFamily, _STREAM)
        except OSError as error:
            self._call = reactor.callLater(0, self._failed, ConnectBindError(*error.args))
            return
        number = self.handle.connect_ex(endpoint.address)
        if number in (0, EINPROGRESS):
            self.connected = 1
            self.multiplexer.interestChanged(self)
            if endpoint.timeout is not None:
                clock = monotonic(reactor)
                self._call = clock.callLater(endpoint.timeout, self._failed, TimeoutError())
        else:
            # Not at once: the caller has not got the Deferred yet.
            self._call = reactor.callLater(0, self._failed, _connectError(number))

    def logPrefix(self) -> str:
        """
        As Twisted has it until there is a protocol.
        """
        return "Uninitialized"

    def doWrite(self) -> None:
        """
        The attempt has ended. A second connect(2) returns its result.
        """
        if not self.registered:
            return  # the multiplexer tries to write at once
        number = self.handle.connect_ex(self._endpoint.address)
        if number in (0, EISCONN):
            self._succeeded()
        elif number != EALREADY:  # else the event was for the descriptor's previous owner
            self._failed(_connectError(number))

    doRead = doWrite

    def _succeeded(self) -> None:
        address = self._endpoint.peer
        peer: SocketAddress = self._endpoint.address
        if self._endpoint.isIPv6:  # it may have got a scope
            peer = self.handle.getpeername()
            address = IPv6Address("TCP", *peer)
        try:
            protocol = self.factory.buildProtocol(address)
        except BaseException:
            self._failed(Failure())
            return
        if not self.connected:  # cancelled meanwhile
            return
        if protocol is None:
            self._failed(NoProtocol())
            return
        self._stopClock()
        self.connected = 0
        self._transport = OutgoingConnection(self.handle, protocol, peer, self, 0, self.reactor)
        self.newest = (self._transport, address)
        self.multiplexer.transfer(self, self._transport)
        protocol.makeConnection(self._transport)
        self.newest = (None, None)
        self.multiplexer.connectionEstablished(self._transport)
        if not self.result.called:
            self.result.callback(protocol)
        self._transport = None  # breaks a reference cycle

    def _failed(self, error: BaseException | Failure) -> None:
        self._stopClock()
        if self.handle is not None:
            if self.connected:
                self.connected = 0
                self.multiplexer.unregister(self)
            self.handle.close()
        self.over()
        if not self.result.called:
            self.result.errback(error)

    def _cancelled(self, result: Deferred[IProtocol]) -> None:
        if self._transport is None:
            result.errback(ConnectingCancelledError(self._endpoint.peer))
            self._failed(ConnectError())

    def over(self) -> None:
        """
        The factory has one connection, or attempt, less.
        """
        factory = self.factory
        del self.factory  # breaks a reference cycle
        factory.doStop()

    def _stopClock(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()

    def connectionLost(self, reason: Failure) -> None:
        """
        It has failed, or the reactor ends.
        """
        if self._transport is not None:  # the protocol raised when it was told
            self._transport.connectionLost(reason)
            if not self.result.called:
                self.result.errback(reason)
            return
        number = self.handle.connect_ex(self._endpoint.address)
        if number not in (0, EISCONN, EALREADY):
            self._failed(_connectError(number))
        elif reason is not LOST:  # else, again, it was for the descriptor's previous owner
            self._failed(ConnectError(string=reason))

    readConnectionLost = connectionLost


def _connectError(number: int) -> ConnectError:
    error: ConnectError = getConnectError((number, os.strerror(number)))
    return error


class OutgoingConnection(FastConnection):
    """
    A connection that this side made. It is like an accepted one, but belongs to an attempt, and has
    a larger buffer, since more is received than sent.
    """

    # Eight times Twisted's (for data that waits to be written, too): large data arrives in an
    # eighth of the calls. Still larger reads were measured to gain nothing.
    bufferSize = 1 << 19

    def _logstr(self) -> str:
        protocol = self.__dict__.get("protocol", self._lastProtocol)
        prefix = protocol if isinstance(protocol, str) else self._getLogPrefix(protocol)
        return f"{prefix},client"

    def _repstr(self) -> str:
        return f"<{self.__class__} to {self.client} at {id(self):x}>"

    def startTLS(
        self, ctx: IOpenSSLContextFactory | IOpenSSLClientConnectionCreator, normal: bool = True
    ) -> None:
        # For the side that connects, the normal part in TLS is the client's.
        super().startTLS(ctx, not normal)

    def connectionLost(self, reason: Failure) -> None:
        if not self.disconnected:
            super().connectionLost(reason)
            self.server.over()


# The C library asks the kernel for each piece of memory that is large, and gives it back, which
# costs more than to read into it; but not where as large a piece has been freed before
# (M_MMAP_THRESHOLD in mallopt(3)).
bytes(2 * OutgoingConnection.bufferSize)
