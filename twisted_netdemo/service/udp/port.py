"""
A UDP socket in the reactor, between the system's calls and a protocol.
"""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, runtime_checkable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.addresses import Address, addressOf
from twisted_netdemo.service.binding import bindUDP
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.udp.datagram import (
    Datagram,
    Origin,
    Outgoing,
    Received,
    Stamp,
    drops,
    enable,
)
from twisted_netdemo.service.udp.recvmmsg import MultipleMessages
from twisted_netdemo.service.udp.recvmsg import BATCH, BATCH_BYTES, SingleMessages, SocketCalls

_log = Logger()

# What a lone datagram counts for beside its bytes: so that no more than a batch is read in a turn.
_LONE = BATCH_BYTES // BATCH

# How often, when a look has been in vain, there is none.
_IDLE = 2


class DatagramSender(Protocol):
    """
    The methods of a port that a L{DatagramReceiver} uses.
    """

    @property
    def number(self) -> int:
        """
        The port's real number, also where 0 was asked for.
        """

    def send(self, data: bytes, to: Address, source: Origin = None) -> bool:
        """
        Send one datagram, from an address of this host and with a traffic class if C{source} says.

        @return: whether the system has taken it, or will be given it when the batch is done.
        """

    def sendAll(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> Collection[int]:
        """
        Send many at once.

        @param stamp: octets that are made when all else is done. Each payload has room for them.
        @return: the places of those that the system has not taken.
        """


class DatagramReceiver(Protocol):
    """
    A protocol over UDP.
    """

    def started(self, port: DatagramSender) -> None:
        """
        The socket is open; nothing has been received yet.
        """

    def datagramReceived(self, datagram: Datagram) -> None:
        """
        A datagram has arrived. Datagrams that this sends leave after the whole batch has been
        received.
        """


@runtime_checkable
class BatchReceiver(Protocol):
    """
    A protocol over UDP that would rather have all datagrams that have come by now in one call. It
    sends its answers by L{DatagramSender.sendAll}.
    """

    def started(self, port: DatagramSender) -> None:
        """
        As in L{DatagramReceiver}.
        """

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        """
        These have arrived, one at least.
        """


@runtime_checkable
class HearsOfClosing(Protocol):
    """
    A protocol over UDP that is told when its port has closed, if it was open.
    """

    def stopped(self) -> None:
        """
        The socket is closed; nothing more is received.
        """


def socketCalls(udp: socket.socket) -> SocketCalls:
    """
    The fastest calls that this system has.
    """
    try:
        return MultipleMessages(udp)
    except (AttributeError, OSError):
        return SingleMessages(udp)


@implementer(IReadDescriptor)
class UDPPort:
    """
    A UDP socket in the reactor; L{openUDP} makes it.

    @ivar host: the address that it is bound to.
    @ivar number: its port number.
    @ivar knowsDestinations: whether the system tells to which address a datagram was sent.
    @ivar sendErrors: how many datagrams could not be sent, by the name of the error (C{EPERM}).
    """

    def __init__(
        self,
        udp: socket.socket,
        receiver: DatagramReceiver | BatchReceiver,
        reactor: IServiceReactor,
        calls: Callable[[socket.socket], SocketCalls] = socketCalls,
        details: bool = True,
    ) -> None:
        """
        @param udp: bound and non-blocking, as L{bindUDP} makes it.
        @param details: whether datagrams tell their TTL, traffic class and time of receipt.
        @param reactor: provides L{IReactorFDSet} and a clock.
        """
        self.host, self.number = addressOf(udp.getsockname())
        self.sendErrors: Counter[str] = Counter()
        self._socket = udp
        self._receiver = receiver
        self._reactor: IReactorFDSet = reactor
        self.knowsDestinations = enable(udp, details)
        self._calls = calls(udp)
        self._receive, self._send = self._calls.receive, self._calls.send
        self._deal: Callable[[Sequence[Received]], None] = (
            receiver.datagramsReceived if isinstance(receiver, BatchReceiver) else self._oneByOne
        )
        self.fileno = udp.fileno
        self._closed = False
        self._idle = 0
        self._gathered: list[Outgoing] | None = None
        self._sendFailed = RateLimitedLog(reactor, self._saySendFailed)
        self._receiveFailed = RateLimitedLog(reactor, self._sayReceiveFailed)
        self._lastError = OSError()
        receiver.started(self)
        self._reactor.addReader(self)

    def send(self, data: bytes, to: Address, source: Origin = None) -> bool:
        """
        Send a datagram; whether it arrives is not known, as always in UDP.

        @param source: the address of this host that it shall leave from.
        @return: whether the system has taken it, or will be given it when the batch is done.
        """
        return not self.sendAll([(data, to, source)])

    def sendAll(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> Collection[int]:
        """
        Send many, as L{send} does.

        @param stamp: as L{DatagramSender.sendAll} has it.
        @return: the places of those that the system has not taken.
        """
        if self._closed:
            return range(len(datagrams))
        if self._gathered is not None and stamp is None:
            self._gathered += datagrams
            return ()
        errors = self._send(datagrams, stamp)
        for error in errors.values():
            self.sendErrors[errno.errorcode.get(error.errno or 0, "other")] += 1
            self._lastError = error
            self._sendFailed.happened()
        return errors

    def dropped(self) -> int | None:
        """
        How many datagrams the kernel threw away because they came faster than they were read.
        """
        return None if self._closed else drops(self._socket)

    def close(self) -> None:
        """
        Receive and send no more.
        """
        if not self._closed:
            self._closed = True
            self._reactor.removeReader(self)
            self._socket.close()
            self._sendFailed.stop()
            self._receiveFailed.stop()
            if isinstance(self._receiver, HearsOfClosing):
                self._receiver.stopped()

    def _saySendFailed(self, times: int) -> None:
        _log.warn(
            "UDP port {port}: {times} datagram(s) could not be sent, the last because: {error}.",
            port=self.number,
            times=times,
            error=self._lastError.strerror or self._lastError,
        )

    def _sayReceiveFailed(self, times: int) -> None:
        _log.warn(
            "UDP port {port}: receiving failed {times} time(s), the last because: {error}.",
            port=self.number,
            times=times,
            error=self._lastError.strerror or self._lastError,
        )

    # IReadDescriptor

    def logPrefix(self) -> str:
        return type(self._receiver).__name__

    def doRead(self) -> None:
        left = BATCH_BYTES
        while not self._closed:
            try:
                datagrams = self._receive()
            except OSError as error:
                self._lastError = error
                self._receiveFailed.happened()
                return
            if not datagrams:
                self._idle = _IDLE
                return
            try:
                self._deal(datagrams)
            except Exception:
                _log.failure("{count} datagram(s) failed", count=len(datagrams))
            # After a lone one the next may have come meanwhile, and a turn of the reactor costs
            # more than to look; but not each time in vain.
            left -= len(datagrams[0][0]) + _LONE
            if self._idle or len(datagrams) > 1 or left < 0:
                self._idle -= self._idle > 0
                return

    def _oneByOne(self, datagrams: Sequence[Received]) -> None:
        receiver: Any = self._receiver
        if len(datagrams) > 1:
            self._gathered = []
        for data, source, told, received in datagrams:
            if self._closed:
                break
            try:
                # as Datagram(...), at half its cost
                receiver.datagramReceived(tuple.__new__(Datagram, (data, source, *told, received)))
            except Exception:
                _log.failure("A datagram failed", source=source)
        gathered, self._gathered = self._gathered, None
        if gathered:
            self.sendAll(gathered)

    def connectionLost(self, reason: Failure) -> None:
        self.close()


def openUDP(
    receiver: DatagramReceiver | BatchReceiver,
    port: int,
    interface: str | None,
    reactor: IServiceReactor,
    calls: Callable[[socket.socket], SocketCalls] = socketCalls,
    bind: Callable[[int, str | None], socket.socket] = bindUDP,
    details: bool = True,
) -> UDPPort:
    """
    Open a UDP port.

    @param bind: where the socket is from.
    @param details: as L{UDPPort} has it.
    @raise OSError: it cannot be opened.
    """
    udp = bind(port, interface)
    try:
        return UDPPort(udp, receiver, reactor, calls, details)
    except BaseException:
        udp.close()
        raise
