"""
Datagrams in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.udp.datagram import Datagram, Origin, Outgoing
from twisted_netdemo.service.udp.port import BatchReceiver, DatagramReceiver

PEER: Address = ("127.0.0.1", 62460)


class MemoryPort:
    """
    A UDP port as a service has it; see
    L{DatagramSender<twisted_netdemo.service.udp.port.DatagramSender>}.

    @ivar number: the port's number.
    @ivar sent: what has been sent, in order: payload, to whom, and from which address of this host
        (C{None} for the system's choice).
    @ivar unreachable: addresses to which the system sends nothing.
    """

    def __init__(
        self, receiver: DatagramReceiver | BatchReceiver | None = None, number: int = 51423
    ) -> None:
        """
        @param receiver: is told at once that it has started; what L{receive} is given reaches it.
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

        @param destination: the address that it was sent to.
        """
        receiver = self._receiver
        if isinstance(receiver, BatchReceiver):
            receiver.datagramsReceived([(data, source, (destination, None, None, None))])
        elif receiver is not None:
            receiver.datagramReceived(Datagram(data, source, destination))

    def send(self, data: bytes, to: Address, source: Origin = None) -> bool:
        """
        Take a datagram, unless its address is unreachable.
        """
        return not self.sendAll([(data, to, source)])

    def sendAll(self, datagrams: Sequence[Outgoing]) -> list[int]:
        """
        Take datagrams.

        @return: the places, from 0, of those that were not taken.
        """
        failed = [at for at, (_, to, _) in enumerate(datagrams) if to[0] in self.unreachable]
        self.sent += [each for at, each in enumerate(datagrams) if at not in failed]
        return failed
