"""
From a name to a connection: all of its addresses, the fastest wins, which is remembered for a
while; and each step is told.
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
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
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
from twisted_netdemo.gopher.url import sameHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.tcp.fast.client import addressEndpoint
from twisted_netdemo.service.time.clock import monotonic

Tell = Callable[[str], None]

# How long an address that answered before has to answer again, in seconds, until the others are
# tried: enough for a SYN that is sent twice.
_SILENCE = 3.0


def directEndpoint(
    reactor: Any,
    host: str,
    port: int,
    family: int | None,
    addresses: AddressCache,
    tell: Tell,
    allow: Allow | None = None,
) -> IStreamClientEndpoint:
    """
    An endpoint that tries all addresses of a host, a moment apart, until one answers (RFC 8305);
    first that which answered a moment ago. Who connects sees to the time that this may take.

    @param family: 4 or 6 to leave out the addresses of the other.
    @param allow: says whether an address may be connected to, each time that one is.
    """
    if sameHost(host).rpartition(".")[2] == "onion":  # RFC 7686 2: no resolver is asked for these
        return _Nowhere(CannotResolve(f"{host} is reached by way of a proxy alone (--proxy)"))
    version = 4 if isIPAddress(host) else 6 if isIPv6Address(host) else None
    if version is not None:
        if family not in (None, version):
            return _Nowhere(DNSLookupError())
        tell(f"trying {hostPort(host, port)}")
        if allow is not None:
            return _Judged(reactor, host, port, allow)
        return addressEndpoint(reactor, host, port, None)
    return _Named(reactor, host, port, family, addresses, tell, allow)


@implementer(IStreamClientEndpoint)
class _Judged:
    """
    The endpoint of an address that may not be allowed.
    """

    def __init__(self, reactor: Any, host: str, port: int, allow: Allow) -> None:
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
        reactor: Any,
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
                return await addressEndpoint(reactor, known, port, _SILENCE).connect(factory)
            except ConnectError:
                self._addresses.forget(self._key)
            except ConnectingCancelledError:  # it may have taken too long
                self._addresses.forget(self._key)
                raise
        from twisted.internet.endpoints import HostnameEndpoint

        network: Any = _Network(reactor, self._host, self._family, self._tell, self._allow)
        forever: Any = None  # which its connectors know, and its annotations do not
        # It would refuse names with an underscore, which resolvers know; our resolver asks for the
        # host itself.
        protocol: Any = await HostnameEndpoint(network, "host", port, forever).connect(factory)
        address = protocol.transport.getPeer().host
        self._addresses.remember(self._key, address, self._clock.seconds())
        connected: IProtocol = protocol
        return connected

    def _mayBe(self, address: str) -> bool:
        """
        Another agent, which allows others, may have remembered it.
        """
        try:
            judge(self._allow, address)
        except AddressRefused:
            return False
        return True


class _Network:
    """
    What L{HostnameEndpoint} needs of a reactor, watched.
    """

    def __init__(
        self, reactor: Any, host: str, family: int | None, tell: Tell, allow: Allow | None
    ) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._tell = tell
        self._allow = allow
        self._next: Any = None
        self.seconds = self._clock.seconds
        self.nameResolver = _Resolver(reactor, host, family, tell)
        alsoProvides(self, IReactorPluggableNameResolver)

    def callLater(self, *arguments: Any) -> Any:
        """
        The only call that the endpoint makes later is its next attempt.
        """
        self._next = self._clock.callLater(*arguments)
        return self._next

    def connectTCP(self, host: str, port: int, factory: Any, *arguments: Any, **more: Any) -> Any:
        judge(self._allow, host)  # where the endpoint's attempt fails by what is raised
        self._tell(f"trying {hostPort(host, port)}")
        failed = factory.clientConnectionFailed

        def nextAtOnce(connector: Any, reason: Any) -> None:
            failed(connector, reason)
            if self._next is not None and self._next.active():
                self._next.reset(0)  # RFC 8305 5: a failure need not be waited out

        factory.clientConnectionFailed = nextAtOnce
        return self._reactor.connectTCP(host, port, factory, *arguments, **more)


@implementer(IHostnameResolver)
class _Resolver:
    """
    Resolves one host, whatever the endpoint calls it.
    """

    def __init__(self, reactor: Any, host: str, family: int | None, tell: Tell) -> None:
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
        told = _Told(resolutionReceiver, self._host, self._tell)
        resolver: IHostnameResolver = self._reactor.nameResolver
        return resolver.resolveHostName(
            told, self._host, portNumber, self._types, transportSemantics
        )


@implementer(IStreamClientEndpoint)
class _Nowhere:
    """
    The endpoint of what is not to be connected to.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return fail(self._error)


@implementer(IResolutionReceiver)
class _Told:
    """
    Pass a resolution on, and tell its addresses.
    """

    def __init__(self, receiver: IResolutionReceiver, host: str, tell: Tell) -> None:
        self._receiver = receiver
        self._host = host
        self._tell = tell
        self._found: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        self._found.append(str(getattr(address, "host", address)))
        self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        self._tell(f"resolved {self._host}: {', '.join(self._found) or 'no address'}")
        self._receiver.resolutionComplete()


def explain(host: str, port: int, reason: Failure) -> FetchError:
    """
    A failure of Twisted's to connect, as one of ours.
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
    number = getattr(error, "osError", None)
    words = os.strerror(number) if isinstance(number, int) else str(error)
    return CannotConnect(f"{where}: {words}")
