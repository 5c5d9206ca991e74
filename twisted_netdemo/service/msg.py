"""
One datagram in one system call, as any system has it: recvmsg(2) and sendmsg(2), or without control
messages where Python lacks those (Windows).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol

from twisted_netdemo.service.addresses import Memory, addressOf, socketAddress, socketHost
from twisted_netdemo.service.datagram import Control, Datagram, Outgoing, sendFrom, understand

#: How many datagrams are read at a time, and about how many bytes where they are large; the rest of
#: the process waits while they are dealt with.
BATCH = 32
BATCH_BYTES = 1 << 17

_LARGEST = 65535  # bytes; no UDP payload is longer
_CONTROL = 512


class SocketCalls(Protocol):
    """
    How datagrams are read from a non-blocking socket and written to it.
    """

    def receive(self) -> list[Datagram]:
        """
        Some of what waits, nothing if nothing does.

        @raise OSError: reading failed.
        """

    def send(self, datagrams: Sequence[Outgoing]) -> list[OSError]:
        """
        Send all in order; one that cannot be sent does not stop the others.

        @return: for each that was not sent, why.
        """


class SingleMessages:
    """
    L{SocketCalls} with a system call for each datagram.
    """

    def __init__(self, udp: socket.socket) -> None:
        family = self._family = int(udp.family)
        self._hosts: Memory[str, tuple[str, int]] = Memory(lambda host: socketHost(host, family))
        self._controls: Memory[str, Sequence[Control]] = Memory(
            lambda source: sendFrom(source, family)
        )
        self._recvfrom, self._sendto = udp.recvfrom, udp.sendto
        self._recvmsg = getattr(udp, "recvmsg", None)
        self._sendmsg = getattr(udp, "sendmsg", None)

    def receive(self) -> list[Datagram]:
        datagrams: list[Datagram] = []
        total = 0
        try:
            while len(datagrams) < BATCH and total < BATCH_BYTES:
                datagrams.append(self._one())
                total += len(datagrams[-1].data)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            if not datagrams:
                raise
        return datagrams

    def _one(self) -> Datagram:
        controls: list[Control] = []
        if self._recvmsg is not None:
            data, controls, _, address = self._recvmsg(_LARGEST, _CONTROL)
        else:
            data, address = self._recvfrom(_LARGEST)
        return Datagram(data, addressOf(address), *understand(controls))

    def send(self, datagrams: Sequence[Outgoing]) -> list[OSError]:
        errors = []
        for data, (host, port), source in datagrams:
            try:
                to = socketAddress(self._hosts[host], port, self._family)
                if source is not None and self._sendmsg is not None:
                    self._sendmsg((data,), self._controls[source], 0, to)
                else:
                    self._sendto(data, to)
            except OSError as error:
                errors.append(error)
        return errors
