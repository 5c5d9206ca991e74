"""
Ports that several processes serve: the parent opens a socket for each, and workers inherit them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from zope.interface import implementer

from twisted_netdemo.service.binding import BACKLOG, bindUDP
from twisted_netdemo.service.port_group import Listen
from twisted_netdemo.service.udp.datagram import drops


@implementer(IListeningPort)
class ReusePortSockets:
    """
    A port that the parent has opened, and workers serve.

    @ivar sockets: one for each worker.
    """

    def __init__(
        self,
        workers: int,
        port: int,
        interface: str | None,
        bind: Callable[[int, str | None, bool], socket.socket],
    ) -> None:
        """
        @param bind: opens a port at an interface, to be shared or not.
        """
        self.sockets: list[socket.socket] = []
        try:
            # Two services may not share by accident: the port has to be free without sharing too.
            with bind(port, interface, False) as probe:
                number: int = probe.getsockname()[1]
            for _ in range(workers):
                self.sockets.append(bind(number, interface, True))
        except OSError as error:
            self.stopListening()
            raise CannotListenError(interface, port, error) from None

    def startListening(self) -> None:
        """
        Does nothing: the sockets listen already.
        """

    def getHost(self) -> IPv4Address | IPv6Address:
        one = self.sockets[0]
        kind: Literal["TCP", "UDP"] = "TCP" if one.type == socket.SOCK_STREAM else "UDP"
        address = one.getsockname()
        if len(address) == 2:
            return IPv4Address(kind, *address)
        return IPv6Address(kind, *address)

    def dropped(self) -> int | None:
        """
        How many datagrams the kernel threw away because a queue was full, where it tells.
        """
        counts = [count for each in self.sockets if (count := drops(each)) is not None]
        return sum(counts) if counts else None

    def stopListening(self) -> Deferred[None]:
        """
        Close the parent's copies; the workers serve the clients in the queues.
        """
        for each in self.sockets:
            each.close()
        return succeed(None)


def bindTCP(port: int, interface: str | None, shared: bool, backlog: int) -> socket.socket:
    """
    A listening TCP socket for L{ReusePortSockets}.
    """
    family, kind, _, _, address = socket.getaddrinfo(
        interface or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if interface == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(address)
        made.listen(backlog)
    except OSError:
        made.close()
        raise
    return made


class SocketOpener:
    """
    Opens TCP ports for a parent.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def __call__(
        self, port: int, factory: object, backlog: int, interface: str
    ) -> ReusePortSockets:
        bind = partial(bindTCP, backlog=max(backlog, BACKLOG))
        return ReusePortSockets(self.workers, port, interface, bind)


def openUDPSockets(workers: int, port: int, interface: str | None) -> Listen:
    """
    A UDP port of a parent's.
    """
    return lambda _: maybeDeferred(ReusePortSockets, workers, port, interface, bindUDP)


class InheritedSockets:
    """
    In a worker, the sockets that its parent has opened, in the order in which it opened them.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        """
        @param numbers: their file descriptors.
        """
        self._numbers = iter(numbers)

    def take(self) -> socket.socket:
        """
        The next one.
        """
        return socket.socket(fileno=next(self._numbers))

    def udp(self, port: int, interface: str | None) -> socket.socket:
        """
        The next one, of UDP: C{bind} of
        L{UDPService<twisted_netdemo.service.udp.service.UDPService>}.
        """
        given = self.take()
        given.setblocking(False)
        return given
