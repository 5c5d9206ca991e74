"""
One datagram in one system call: recvmsg(2) and sendmsg(2), which most systems have, or calls
without control messages (Windows).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Protocol

from twisted_netdemo.service.addresses import (
    Address,
    BoundedCache,
    SocketAddress,
    addressOf,
    socketAddress,
    socketHost,
)
from twisted_netdemo.service.udp.datagram import (
    SO_TIMESTAMPNS,
    Ancillary,
    Control,
    Origin,
    Outgoing,
    Received,
    Stamp,
    parse,
    sendFrom,
)

#: How many datagrams are read at a time, and about how many bytes where they are large; the rest of
#: the process waits while they are dealt with.
BATCH = 64
BATCH_BYTES = 1 << 17

_LARGEST = 65535  # bytes; no UDP payload is longer
_CONTROL = 512
_STAMP = (socket.SOL_SOCKET, SO_TIMESTAMPNS)


class SocketCalls(Protocol):
    """
    How datagrams are read from a non-blocking socket and written to it.
    """

    def receive(self) -> Sequence[Received]:
        """
        Some of the waiting datagrams; none if none waits.

        @raise OSError: reading failed.
        """

    def send(self, datagrams: Sequence[Outgoing], stamp: Stamp | None) -> dict[int, OSError]:
        """
        Send all in order; one that cannot be sent does not stop the others.

        @return: for the place of each that was not sent, why.
        """


class SingleMessages:
    """
    L{SocketCalls} with a system call for each datagram.
    """

    def __init__(self, udp: socket.socket) -> None:
        family = self._family = int(udp.family)

        def textOf(host: tuple[str, tuple[int, ...]]) -> str:
            text, scope = host
            return addressOf((text, 0, 0, *scope) if scope else (text, 0))[0]

        self._texts = BoundedCache(textOf)
        self._ancillary: BoundedCache[tuple[Control, ...], Ancillary] = BoundedCache(
            lambda controls: parse(controls)[0]
        )
        self._hosts: BoundedCache[str, tuple[str, int]] = BoundedCache(
            lambda host: socketHost(host, family)
        )
        own = addressOf(udp.getsockname())[0]

        def controlsFor(source: Origin) -> Sequence[Control]:
            # Bound to one address, it sends from no other.
            return () if source == own or self._sendmsg is None else sendFrom(source, family)

        def bare(size: int, _: int) -> tuple[bytes, list[Control], int, SocketAddress]:
            data, name = udp.recvfrom(size)
            return data, [], 0, name

        #: from an address to the control messages that make a datagram leave from it
        self.controls = BoundedCache(controlsFor)
        # a client, mostly the last one: the system's form of its address, and the readable one
        self._name: Any = None
        self._source: Address = ("", 0)
        self._sendto = udp.sendto
        self._sendmsg: Any = getattr(udp, "sendmsg", None)
        self._recvmsg = getattr(udp, "recvmsg", None) or bare

    def receive(self) -> list[Received]:
        datagrams: list[Received] = []
        total = 0
        try:
            while len(datagrams) < BATCH and total < BATCH_BYTES:
                datagrams.append(self.one())
                total += len(datagrams[-1][0])
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            if not datagrams:
                raise
        return datagrams

    def one(self) -> Received:
        """
        The next one.

        @raise BlockingIOError: none waits.
        """
        data, controls, _, name = self._recvmsg(_LARGEST, _CONTROL)
        # All but the timestamp comes again and again.
        received = None
        if controls and controls[0][:2] == _STAMP:
            received = parse(controls[:1])[1]
            del controls[0]
        ancillary = self._ancillary[tuple(controls)]
        if name == self._name:
            return data, self._source, ancillary, received
        source = self._texts[name[0], name[3:]], name[1]
        if "%" not in source[0]:  # interfaces change their names
            self._name, self._source = name, source
        return data, source, ancillary, received

    def address(self, to: Address) -> SocketAddress:
        """
        A client's address in the form of the socket module.

        @raise OSError: it names an interface that is no more.
        """
        address = socketAddress(self._hosts[to[0]], to[1], self._family)
        if "%" not in to[0]:
            self._name, self._source = address, to
        return address

    def send(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> dict[int, OSError]:
        errors = {}
        for at, (data, to, source) in enumerate(datagrams):
            try:
                address = self._name if to == self._source else self.address(to)
                controls = self.controls[source]
                if stamp is not None:
                    data = stamp.on(data)
                if controls:
                    self._sendmsg((data,), controls, 0, address)
                else:
                    self._sendto(data, address)
            except OSError as error:
                errors[at] = error
        return errors
