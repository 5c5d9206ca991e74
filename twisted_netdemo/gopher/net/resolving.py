"""
The addresses of a server.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

from twisted_netdemo.gopher.errors import CannotResolve


def addressesOf(
    reactor: IReactorPluggableNameResolver, host: str, family: int | None = None
) -> Deferred[list[str]]:
    """
    Resolve a host.

    @param family: 4 or 6 for addresses of that version of IP only.
    @return: fires with one address or more; fails with L{CannotResolve}.
    """
    if isIPAddress(host) or isIPv6Address(host):
        return succeed([host])
    found: Deferred[list[str]] = Deferred()
    resolver: IHostnameResolver = reactor.nameResolver
    types: Sequence[type[IAddress]] | None = None
    if family is not None:
        types = [IPv4Address if family == 4 else IPv6Address]
    resolver.resolveHostName(_Receiver(host, found), host, 0, types)
    return found


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self, host: str, found: Deferred[list[str]]) -> None:
        self._host = host
        self._found = found
        self._addresses: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, (IPv4Address, IPv6Address)):
            self._addresses.append(address.host)

    def resolutionComplete(self) -> None:
        if self._found.called:  # it was given up
            return
        if self._addresses:
            self._found.callback(list(dict.fromkeys(self._addresses)))
        else:
            self._found.errback(CannotResolve(f"cannot resolve {self._host}"))
