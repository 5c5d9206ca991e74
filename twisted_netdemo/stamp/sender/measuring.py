"""
A whole measurement, from the target's name to the result.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

from twisted_netdemo.service.addresses import addressOf
from twisted_netdemo.service.binding import bindFailure
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.udp.port import openUDP
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.sender.session_sender import SessionSender
from twisted_netdemo.stamp.sender.settings import Settings
from twisted_netdemo.stamp.session.bound import bindSTAMP

#: STAMP's own port (RFC 8762 4.1).
PORT = 862

_FAMILIES = {4: "0.0.0.0", 6: "::"}


class CannotMeasure(Exception):
    """
    There can be no measurement; the message is one line that says why.
    """


def parseTarget(text: str, port: int = PORT) -> tuple[str, int]:
    """
    C{HOST}, C{HOST:PORT}, an IPv6 address, or C{[IPv6 address]:PORT}.

    @param port: where the text names none.
    @raise ValueError: it is none of these.
    """
    with suppress(ValueError):
        return str(ipaddress.ip_address(text)), port
    match = re.fullmatch(r"(?:\[([^][\s]+)\]|([^][:\s]+))(?::(.*))?", text)
    if match is None:
        raise ValueError(f"{text!r} is not HOST, HOST:PORT or [IPv6 address]:PORT")
    host = match[1] or match[2]
    if match[3] is None:
        return host, port
    try:
        return host, quantities.port(match[3], 1)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def measure(
    reactor: IServiceReactor,
    target: str,
    settings: Settings = Settings(),  # noqa: B008  # frozen
    *,
    watch: Callable[[SessionSender], None] | None = None,
) -> Deferred[Measurement]:
    """
    Measure the path to a Session-Reflector.

    @param target: as L{parseTarget} takes it.
    @param watch: is given the sender when it begins.
    @return: fires with the result; fails with L{CannotMeasure}, or L{ValueError} for a target that
        is none. When it is cancelled, nothing more is sent.
    """
    return Deferred.fromCoroutine(_measure(reactor, target, settings, watch))


async def _measure(
    reactor: IServiceReactor,
    target: str,
    settings: Settings,
    watch: Callable[[SessionSender], None] | None,
) -> Measurement:
    host, port = parseTarget(target)
    address = await _resolved(reactor, host, settings.family)
    sender = SessionSender(reactor, (address, port), settings)
    interface = _FAMILIES[6 if ":" in address else 4]
    try:
        opened = openUDP(
            sender,
            settings.sourcePort,
            interface,
            reactor,
            bind=partial(bindSTAMP, dscp=settings.dscp),
        )
    except OSError as error:
        sender.stop()
        raise CannotMeasure(bindFailure(settings.sourcePort, interface, error)) from None
    try:
        if watch is not None:
            watch(sender)
        return await sender.finished
    finally:
        sender.stop()
        opened.close()


@implementer(IResolutionReceiver)
class _Addresses:
    """
    The addresses that a resolver finds.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.complete: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        host: str = address.host  # type: ignore[attr-defined]  # IPv4Address or IPv6Address
        self.found.append(host)

    def resolutionComplete(self) -> None:
        if not self.complete.called:
            self.complete.callback(self.found)


def _isAddress(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


async def _resolved(reactor: IServiceReactor, host: str, family: int) -> str:
    """
    The first address of a host, of one family or either.
    """
    if _isAddress(host):
        found = [host]
    else:
        try:
            host.encode("idna")
        except UnicodeError:
            # the resolver's thread would end by it, and never answer
            raise CannotMeasure(f"{host!r} is not the name of a host.") from None
        resolver: IHostnameResolver = reactor.nameResolver
        addresses = _Addresses()
        resolver.resolveHostName(addresses, host)
        found = await addresses.complete
    fitting = [each for each in found if not family or (":" in each) == (family == 6)]
    if not fitting:
        which = f"IPv{family} address" if family else "address"
        raise CannotMeasure(f"{host!r} has no {which} that this host knows.")
    # as replies will show it
    return addressOf(socket.getaddrinfo(fitting[0], None, flags=socket.AI_NUMERICHOST)[0][4])[0]
