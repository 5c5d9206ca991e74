"""
From a host to a connection: all addresses of the name are tried, and the one that answers first is
remembered for a while.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from socket import gaierror
from typing import Any

from twisted.internet import error as failures
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IDelayedCall,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from twisted_netdemo.gopher.errors import (
    AddressRefused,
    CannotConnect,
    CannotResolve,
    ConnectTimedOut,
    FetchError,
)
from twisted_netdemo.gopher.net.address_cache import AddressCache
from twisted_netdemo.gopher.net.address_guard import Allow, judge
from twisted_netdemo.gopher.net.interfaces import IClientReactor, Tell
from twisted_netdemo.gopher.url import sameHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.tcp.fast.client import addressEndpoint
from twisted_netdemo.service.time.clock import monotonic

# For how many seconds only the address that answered before is tried: enough for a SYN that is sent
# twice.
_KNOWN_TIMEOUT = 3.0


def directEndpoint(
    reactor: IClientReactor,
    host: str,
    port: int,
    family: int | None,
    addresses: AddressCache,
    tell: Tell,
    allow: Allow | None = None,
) -> IStreamClientEndpoint:
    """
    An endpoint that tries all addresses of a host, a moment apart, until one answers (RFC 8305);
    the one that answered a while ago comes first. It has no timeout: its user cancels the attempt.

    @param family: 4 or 6 to use IPv4 or IPv6 only.
    @param allow: decides whether an address may be connected to, just before each attempt.
    """
    if sameHost(host).rpartition(".")[2] == "onion":  # RFC 7686 2: no resolver is asked for these
        return _Failing(CannotResolve(f"{host} can only be reached through a proxy (--proxy)"))
    version = 4 if isIPAddress(host) else 6 if isIPv6Address(host) else None
    if version is not None:
        if family not in (None, version):
            return _Failing(DNSLookupError())
        tell(f"trying {hostPort(host, port)}")
        if allow is not None:
            return _Guarded(reactor, host, port, allow)
        return addressEndpoint(reactor, host, port, None)
    return _Named(reactor, host, port, family, addresses, tell, allow)


@implementer(IStreamClientEndpoint)
class _Guarded:
    """
    The endpoint of an address that may be refused.
    """

    def __init__(self, reactor: IClientReactor, host: str, port: int, allow: Allow) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._allow = allow

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        try:
            judge(self._allow, self._host)
        except AddressRefused as error:
            return fail(error)
        endpoint = addressEndpoint(self._reactor, self._host, self._port, None)
        return endpoint.connect(protocolFactory)


@implementer(IStreamClientEndpoint)
class _Named:
    """
    The endpoint of a name.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        host: str,
        port: int,
        family: int | None,
        addresses: AddressCache,
        tell: Tell,
        allow: Allow | None,
    ) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._host = host
        self._port = port
        self._family = family
        self._key = (host, port, family)
        self._addresses = addresses
        self._tell = tell
        self._allow = allow

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        reactor, port = self._reactor, self._port
        known = self._addresses.find(self._key, self._clock.seconds())
        if known is not None and self._mayBe(known):
            self._tell(f"trying {hostPort(known, port)}, which answered for {self._host} before")
            try:
                return await addressEndpoint(reactor, known, port, _KNOWN_TIMEOUT).connect(factory)
            except ConnectError:
                self._addresses.forget(self._key)
            except ConnectingCancelledError:  # the address may be too slow
                self._addresses.forget(self._key)
                raise
        from twisted.internet.endpoints import HostnameEndpoint

        network = _Network(reactor, self._host, self._family, self._tell, self._allow)
        # It would refuse a name with an underscore, which resolvers take; _Resolver knows the host.
        none: Any = None  # Twisted's annotation lacks it
        endpoint = HostnameEndpoint(network, "host", port, none)
        protocol: IProtocol = await endpoint.connect(factory)
        if isinstance(protocol, Protocol) and protocol.transport is not None:
            peer = protocol.transport.getPeer()
            if isinstance(peer, (IPv4Address, IPv6Address)):
                self._addresses.remember(self._key, peer.host, self._clock.seconds())
        return protocol

    def _mayBe(self, address: str) -> bool:
        """
        Whether an address may be connected to: an agent that allows others may have remembered it.
        """
        try:
            judge(self._allow, address)
        except AddressRefused:
            return False
        return True


class _Network:
    """
    The reactor for a L{HostnameEndpoint}: it resolves one host, and refuses addresses.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        host: str,
        family: int | None,
        tell: Tell,
        allow: Allow | None,
    ) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._tell = tell
        self._allow = allow
        self._next: IDelayedCall | None = None
        self.seconds = self._clock.seconds
        self.nameResolver = _Resolver(reactor, host, family, tell)
        alsoProvides(self, IReactorPluggableNameResolver)

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        The endpoint uses it for its next attempt only.
        """
        self._next = self._clock.callLater(delay, callable, *args, **kw)
        return self._next

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory,
        timeout: float = 30.0,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        judge(self._allow, host)  # if it raises, the endpoint's attempt fails
        self._tell(f"trying {hostPort(host, port)}")
        failed = factory.clientConnectionFailed

        def nextAtOnce(connector: IConnector, reason: Failure) -> None:
            failed(connector, reason)
            if self._next is not None and self._next.active():
                self._next.reset(0)  # RFC 8305 5: after a failure the next attempt is due

        factory.clientConnectionFailed = nextAtOnce  # type: ignore[method-assign] # of one attempt
        return self._reactor.connectTCP(host, port, factory, timeout, bindAddress)


@implementer(IHostnameResolver)
class _Resolver:
    """
    Resolves one host, whatever name the endpoint asks for.
    """

    def __init__(self, reactor: IClientReactor, host: str, family: int | None, tell: Tell) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._host = host
        self._tell = tell
        types = {4: IPv4Address, 6: IPv6Address}
        self._types = [types[family]] if family else [*types.values()]

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        receiver = _TellingReceiver(resolutionReceiver, self._host, self._tell)
        resolver: IHostnameResolver = self._reactor.nameResolver
        return resolver.resolveHostName(
            receiver, self._host, portNumber, self._types, transportSemantics
        )


@implementer(IStreamClientEndpoint)
class _Failing:
    """
    An endpoint that always fails.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return fail(self._error)


@implementer(IResolutionReceiver)
class _TellingReceiver:
    """
    Passes a resolution on, and tells its addresses.
    """

    def __init__(self, receiver: IResolutionReceiver, host: str, tell: Tell) -> None:
        self._receiver = receiver
        self._host = host
        self._tell = tell
        self._found: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, (IPv4Address, IPv6Address)):
            self._found.append(address.host)
        self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        self._tell(f"resolved {self._host}: {', '.join(self._found) or 'no address'}")
        self._receiver.resolutionComplete()


def explain(host: str, port: int, reason: Failure) -> FetchError:
    """
    Twisted's reason for a failed connection, as an error of this package.
    """
    error = reason.value
    where = hostPort(host, port)
    if isinstance(error, AddressRefused):
        return AddressRefused(f"{where}: {error}")
    if isinstance(error, FetchError):
        return error
    if isinstance(error, (failures.DNSLookupError, gaierror)):
        return CannotResolve(f"cannot resolve {host}")
    if isinstance(error, (failures.TimeoutError, failures.UserError)):
        return ConnectTimedOut(f"{where}: the connection attempt timed out")
    words = str(error)
    if isinstance(error, ConnectError) and isinstance(error.osError, int):
        words = os.strerror(error.osError)
    return CannotConnect(f"{where}: {words}")
