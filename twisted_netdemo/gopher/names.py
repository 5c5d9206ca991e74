"""
From a name to a connection: all of its addresses, the fastest wins, which is remembered for a
while; and each step is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
from zope.interface import alsoProvides, implementer

from ..service.clock import monotonic
from ..service.connecting import addressEndpoint
from .addresses import Addresses
from .url import hostPort

Tell = Callable[[str], None]

# How long an address that answered before has to answer again, in seconds, until the others are
# tried: enough for a SYN that is sent twice.
_SILENCE = 3.0


def directEndpoint(
    reactor: Any, host: str, port: int, family: int | None, addresses: Addresses, tell: Tell
) -> IStreamClientEndpoint:
    """
    An endpoint that tries all addresses of a host, a moment apart, until one answers (RFC 8305);
    first that which answered a moment ago. Who connects sees to the time that this may take.

    @param family: 4 or 6 to leave out the addresses of the other.
    """
    version = 4 if isIPAddress(host) else 6 if isIPv6Address(host) else None
    if version is not None:
        if family not in (None, version):
            return _NoAddress()
        tell(f"trying {hostPort(host, port)}")
        return addressEndpoint(reactor, host, port, None)
    return _Named(reactor, host, port, family, addresses, tell)


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
        addresses: Addresses,
        tell: Tell,
    ) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._host = host
        self._port = port
        self._family = family
        self._key = (host, port, family)
        self._addresses = addresses
        self._tell = tell

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        reactor, port = self._reactor, self._port
        known = self._addresses.find(self._key, self._clock.seconds())
        if known is not None:
            self._tell(f"trying {hostPort(known, port)}, which answered for {self._host} before")
            try:
                return await addressEndpoint(reactor, known, port, _SILENCE).connect(factory)
            except ConnectError:
                self._addresses.forget(self._key)
            except ConnectingCancelledError:  # it may have taken too long
                self._addresses.forget(self._key)
                raise
        from twisted.internet.endpoints import HostnameEndpoint

        network: Any = _Network(reactor, self._host, self._family, self._tell)
        forever: Any = None  # which its connectors know, and its annotations do not
        # It would refuse names with an underscore, which resolvers know; our resolver asks for the
        # host itself.
        protocol: Any = await HostnameEndpoint(network, "host", port, forever).connect(factory)
        address = protocol.transport.getPeer().host
        self._addresses.remember(self._key, address, self._clock.seconds())
        connected: IProtocol = protocol
        return connected


class _Network:
    """
    What L{HostnameEndpoint} needs of a reactor, watched.
    """

    def __init__(self, reactor: Any, host: str, family: int | None, tell: Tell) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._tell = tell
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
class _NoAddress:
    """
    The endpoint of an address that was not to be used.
    """

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return fail(DNSLookupError())


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
