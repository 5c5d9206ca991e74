"""
Datagrams in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.udp.datagram import Datagram, Origin, Outgoing, Stamp
from twisted_netdemo.service.udp.port import BatchReceiver, DatagramReceiver, HearsOfClosing

PEER: Address = ("127.0.0.1", 62460)


class MemoryPort:
    """
    A UDP port in memory; see
    L{DatagramSender<twisted_netdemo.service.udp.port.DatagramSender>}.

    @ivar number: the port's number.
    @ivar sent: the datagrams that were sent, in order: payload, destination, and the address of
        this host that each leaves from (C{None}: the system chooses).
    @ivar unreachable: addresses to which sending fails.
    """

    def __init__(
        self, receiver: DatagramReceiver | BatchReceiver | None = None, number: int = 51423
    ) -> None:
        """
        @param receiver: gets C{started} at once, and each datagram that L{receive} is given.
        """
        self.number = number
        self.sent: list[Outgoing] = []
        self.unreachable: set[str] = set()
        self._receiver = receiver
        if receiver is not None:
            receiver.started(self)

    def receive(
        self, data: bytes, source: Address = PEER, destination: str | None = "127.0.0.1"
    ) -> None:
        """
        A datagram arrives.

        @param destination: the address of this host that the datagram was sent to.
        """
        receiver = self._receiver
        if isinstance(receiver, BatchReceiver):
            receiver.datagramsReceived([(data, source, (destination, None, None), None)])
        elif receiver is not None:
            receiver.datagramReceived(Datagram(data, source, destination))

    def send(self, data: bytes, to: Address, source: Origin = None) -> bool:
        """
        Take a datagram, unless its address is unreachable.
        """
        return not self.sendAll([(data, to, source)])

    def sendAll(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> list[int]:
        """
        Take datagrams.

        @param stamp: octets that are written into each.
        @return: the indices, from 0, of the datagrams that were not taken.
        """
        failed = [at for at, (_, to, _) in enumerate(datagrams) if to[0] in self.unreachable]
        for at, (data, to, source) in enumerate(datagrams):
            if at not in failed:
                self.sent.append((data if stamp is None else stamp.on(data), to, source))
        return failed

    def close(self) -> None:
        """
        Close the port, and tell a receiver that asks for it.
        """
        receiver: object = self._receiver
        self._receiver = None
        if isinstance(receiver, HearsOfClosing):
            receiver.stopped()
