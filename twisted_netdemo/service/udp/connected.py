"""
A UDP socket that is connected to one peer: it receives from that peer alone, and learns when the
peer's system refuses a datagram.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.addresses import SocketAddress
from twisted_netdemo.service.udp.datagram import drops

# No UDP payload is longer.
_LARGEST = 65535

# How many are read in a row: the rest of the process waits for so many.
_BATCH = 32

# After a lone datagram, how often one is read without asking whether there is another.
_LONE = 8

# Room for a burst; the system's own limit, net.core.rmem_max, cuts it down in silence.
_RECEIVE_BUFFER = 1 << 20


@implementer(IReadDescriptor)
class ConnectedSocket:
    """
    A UDP socket with one peer, which a reactor reads.
    """

    def __init__(
        self,
        peer: SocketAddress,
        received: Callable[[bytes], None],
        failed: Callable[[OSError], None],
        refused: Callable[[OSError], None],
        reactor: IReactorFDSet,
    ) -> None:
        """
        @param peer: as L{socket.socket.connect} takes it, with an address in numbers.
        @param received: called with each datagram from the peer.
        @param failed: called when a datagram could not be sent, with the reason.
        @param refused: called when the peer's system has refused an earlier datagram, with the
            reason.
        @raise OSError: there is no socket left, or no route to the peer.
        """
        family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        self._received = received
        self._failed = failed
        self._refused = refused
        self._lone = 0
        self._reactor = reactor
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self._socket.connect(peer)
        except BaseException:
            self._socket.close()
            raise
        reactor.addReader(self)

    def send(self, data: bytes) -> bool:
        """
        @return: whether the system has taken it.
        """
        for _ in range(2):
            try:
                self._socket.send(data)
            except ConnectionRefusedError as error:
                # of an earlier datagram; this one has not been sent yet
                self._refused(error)
            except OSError as error:
                self._failed(error)
                return False
            else:
                return True
        return False

    def dropped(self) -> int | None:
        """
        How many datagrams the system dropped because they came faster than they were read.
        """
        return drops(self._socket)

    def close(self) -> None:
        """
        Send and receive no more.
        """
        if self._socket.fileno() != -1:
            self._reactor.removeReader(self)
            self._socket.close()

    # IReadDescriptor

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "connected UDP"

    def doRead(self) -> None:
        lone = self._lone
        self._lone = lone - 1 if lone else 0
        for n in range(1 if lone else _BATCH):
            try:
                data = self._socket.recv(_LARGEST)
            except (BlockingIOError, InterruptedError):
                if n == 1:
                    self._lone = _LONE
                return
            except OSError as error:
                self._refused(error)
                return
            self._received(data)
            if self._socket.fileno() == -1:
                return

    def connectionLost(self, reason: Failure) -> None:
        """
        A refusal is waiting: an epoll reactor takes an error without data for the end.
        """
        if self._socket.fileno() == -1:
            return
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:  # else a send has been told of it meanwhile
            self._refused(OSError(number, os.strerror(number)))
        self._reactor.addReader(self)
