"""
Programs as one sees them at work: protocols that tell what their program reads and writes.

The program itself is unchanged: its protocol has a stand-in for its transport, and half-close goes
through.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol as Interface

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.badwire.console import describe
from twisted_netdemo.badwire.live.ends.live_interfaces import IFlowTransport
from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.udp.datagram import Origin, Outgoing, Received, Stamp
from twisted_netdemo.service.udp.port import BatchReceiver, DatagramSender


class Witness(Interface):
    """
    Called with what a program does.
    """

    def __call__(self, what: str, opener: int, other: int, data: bytes = b"") -> None:
        """
        @param what: C{connected}, C{wrote}, C{read}, C{end} or C{error}.
        @param opener: the port of the end that opened the flow.
        @param other: the other end's port.
        @param data: what was written or read, or what the error is.
        """


class _Transport(proxyForInterface(IFlowTransport, "inner")):  # type: ignore[misc]  # made at runtime
    """
    A transport that tells what is written.
    """

    inner: IFlowTransport

    def __init__(self, inner: IFlowTransport, wrote: Callable[[bytes], object]) -> None:
        super().__init__(inner)
        self._wrote = wrote

    def write(self, data: bytes) -> None:
        if data:
            self._wrote(data)
        self.inner.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))


@implementer(IHalfCloseableProtocol)
class ObservedProtocol(Protocol):
    """
    A far program's connection.
    """

    transport: IFlowTransport

    def __init__(self, inner: IProtocol, seen: Witness) -> None:
        self._inner = inner
        self._seen = seen
        self._hasEnded = False

    def _tell(self, what: str, data: bytes = b"") -> None:
        self._seen(what, self._opener, self._other, data)

    def connectionMade(self) -> None:
        self._opener, self._other = (
            portOf(self.transport.getPeer()),
            portOf(self.transport.getHost()),
        )
        self._tell("connected")
        self._inner.makeConnection(_Transport(self.transport, self._wrote))

    def _wrote(self, data: bytes) -> None:
        self._tell("wrote", data)

    def dataReceived(self, data: bytes) -> None:
        self._tell("read", data)
        self._inner.dataReceived(data)

    def _end(self) -> None:
        if not self._hasEnded:
            self._hasEnded = True
            self._tell("end")

    def readConnectionLost(self) -> None:
        self._end()
        if IHalfCloseableProtocol.providedBy(self._inner):
            self._inner.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        if IHalfCloseableProtocol.providedBy(self._inner):
            self._inner.writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if (error := whyLost(reason)) is not None:
            self._tell("error", error)
        else:
            self._end()
        self._inner.connectionLost(reason)


class ObservedFactory(ServerFactory):
    """
    Makes the protocols of a far program, each observed.
    """

    noisy = False

    def __init__(self, inner: IProtocolFactory, seen: Witness) -> None:
        self._inner = inner
        self._seen = seen

    def buildProtocol(self, addr: IAddress | None) -> ObservedProtocol | None:
        assert addr is not None
        protocol = self._inner.buildProtocol(addr)
        return None if protocol is None else ObservedProtocol(protocol, self._seen)

    def doStart(self) -> None:
        super().doStart()
        self._inner.doStart()

    def doStop(self) -> None:
        super().doStop()
        self._inner.doStop()


class ObservedResponder:
    """
    A far program that answers datagrams.
    """

    def __init__(self, inner: BatchReceiver, seen: Witness) -> None:
        self._inner = inner
        self._seen = seen

    def started(self, port: DatagramSender) -> None:
        """
        The socket is open.
        """
        self._number = port.number
        self._inner.started(_ObservedSender(port, self._seen))

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        """
        Datagrams have arrived.
        """
        for data, source, _, _ in datagrams:
            self._seen("read", source[1], self._number, data)
        self._inner.datagramsReceived(datagrams)


class _ObservedSender:
    def __init__(self, inner: DatagramSender, seen: Witness) -> None:
        self._inner = inner
        self._seen = seen

    @property
    def number(self) -> int:
        return self._inner.number

    def send(self, data: bytes, to: Address, source: Origin = None) -> bool:
        self._seen("wrote", to[1], self.number, data)
        return self._inner.send(data, to, source)

    def sendAll(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> Collection[int]:
        if stamp is not None:  # a datagram is seen as it leaves
            datagrams = [(stamp.on(data), to, source) for data, to, source in datagrams]
        for data, to, _ in datagrams:
            self._seen("wrote", to[1], self.number, data)
        return self._inner.sendAll(datagrams)


def portOf(address: IAddress) -> int:
    """
    The port of an address.
    """
    assert isinstance(address, (IPv4Address, IPv6Address))
    return address.port


def whyLost(reason: Failure) -> bytes | None:
    """
    The error by which a connection ended, in the kernel's words where they are known; L{None} if it
    ended well.
    """
    error = reason.value
    if isinstance(error, ConnectionDone):
        return None
    if isinstance(error, ConnectError) and isinstance(error.osError, int):
        return os.strerror(error.osError).encode()
    assert error is not None
    return describe(error).encode("utf-8", "replace")
