"""
A UDP socket as a Service, for protocols that want to know more of a datagram than its payload.

A protocol is a L{DatagramReceiver}::

    class Echo:
        def started(self, port):
            self.port = port

        def datagramReceived(self, datagram):
            self.port.send(datagram.data, datagram.source, datagram.destination)

    UDPService(Echo(), 7007, reactor=reactor).setServiceParent(application)

One socket serves IPv6 and IPv4 by default. A L{Datagram<twisted_netdemo.service.datagram.Datagram>}
tells its source, the address it was sent to, its TTL, its traffic class and when the kernel
received it; sent back to its source from its destination, an answer leaves from the address that
the client wrote to. No datagram is cut. At most two batches are read each time the reactor finds
the socket readable, so that a flood cannot hold the rest of the process, and what is sent meanwhile
leaves together when the batch is done. A datagram that cannot be sent is counted, and logged once a
minute at most: C{send} never raises for what the network does.

Without a Service: C{openUDP}, then C{port.send(...)}, and C{port.close()} in the end.
"""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.addresses import Address, addressOf, socketAddress, socketHost
from twisted_netdemo.service.binding import KNOWN, RUNNING, bindFailure, hasIPv6, knownService
from twisted_netdemo.service.datagram import Datagram, Outgoing, ask, drops
from twisted_netdemo.service.figures import Figure
from twisted_netdemo.service.mmsg import MultipleMessages
from twisted_netdemo.service.msg import BATCH, SingleMessages, SocketCalls
from twisted_netdemo.service.process import StartError
from twisted_netdemo.service.quiet import Quiet

_log = Logger()

# Room for a burst of some thousand small datagrams, or a few of the largest (the kernel counts
# about twice their size). The system's own limit, net.core.rmem_max, cuts it down in silence.
_RECEIVE_BUFFER = 1 << 20


class DatagramSender(Protocol):
    """
    What a L{DatagramReceiver} needs of its port.
    """

    @property
    def number(self) -> int:
        """
        The port's real number, also where 0 was asked for.
        """

    def send(self, data: bytes, to: Address, source: str | None = None) -> None:
        """
        Send one datagram, from an address of this host if C{source} names one.
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
        A datagram has arrived. What this sends leaves once the batch at hand has been received.
        """


def socketCalls(udp: socket.socket) -> SocketCalls:
    """
    The best there is on this system.
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
        receiver: DatagramReceiver,
        reactor: Any,
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
        self.knowsDestinations = ask(udp, details)
        self._calls = calls(udp)
        self._closed = False
        self._gathered: list[Outgoing] | None = None
        self._sendFailed = Quiet(reactor, self._saySendFailed)
        self._receiveFailed = Quiet(reactor, self._sayReceiveFailed)
        self._lastError = OSError()
        receiver.started(self)
        self._reactor.addReader(self)

    def send(self, data: bytes, to: Address, source: str | None = None) -> None:
        """
        Send a datagram; what comes of it is not known, as always in UDP.

        @param source: the address of this host that it shall leave from.
        """
        if self._gathered is None:
            self._sendAll([(data, to, source)])
        else:
            self._gathered.append((data, to, source))

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

    def _sendAll(self, datagrams: list[Outgoing]) -> None:
        if self._closed:
            return
        for error in self._calls.send(datagrams):
            self.sendErrors[errno.errorcode.get(error.errno or 0, "other")] += 1
            self._lastError = error
            self._sendFailed.happened()

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

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return type(self._receiver).__name__

    def doRead(self) -> None:
        # Who has been answered alone has often written again by then: looking costs less than
        # another round of the reactor.
        for _ in range(BATCH):
            if self._read() != 1:
                return

    def _read(self) -> int:
        """
        Deal with a batch.

        @return: how many were in it.
        """
        if self._closed:
            return 0
        try:
            datagrams = self._calls.receive()
        except OSError as error:
            self._lastError = error
            self._receiveFailed.happened()
            return 0
        if len(datagrams) > 1:
            self._gathered = []
        for datagram in datagrams:
            if self._closed:
                break
            try:
                self._receiver.datagramReceived(datagram)
            except Exception:
                _log.failure("A datagram failed", source=datagram.source)
        gathered, self._gathered = self._gathered, None
        if gathered:
            self._sendAll(gathered)
        return len(datagrams)

    def connectionLost(self, reason: Failure) -> None:
        self.close()


def bindUDP(port: int, interface: str | None, shared: bool = False) -> socket.socket:
    """
    A bound socket, as L{UDPPort} takes it.

    @param port: 0 for any that is free.
    @param interface: an IP address of this host, with C{%scope} where it is link-local; C{::} is
        every address of both families, C{None} the same, or C{0.0.0.0} where there is no IPv6.
    @param shared: whether others, bound in this way too, may have the same port; the kernel deals
        out what comes (SO_REUSEPORT).
    @raise OSError: it cannot be opened.
    """
    if interface is None:
        interface = "::" if hasIPv6() else "0.0.0.0"
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    address = socketAddress(socketHost(interface, family), port, family)
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if shared:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        udp.bind(address)
    except BaseException:
        udp.close()
        raise
    return udp


def openUDP(
    receiver: DatagramReceiver,
    port: int,
    interface: str | None,
    reactor: Any,
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


class UDPService(Service):
    """
    A UDP port that is open while the service runs.

    It is bound in whichever half of the start comes first: twistd calls C{privilegedStartService}
    before it gives up root's rights, twist calls C{startService} alone.

    @ivar port: the L{UDPPort}, while it is open.
    @ivar announces: whether a line says on which port it runs.
    """

    port: UDPPort | None = None
    announces = True

    def __init__(
        self,
        receiver: DatagramReceiver,
        port: int,
        interface: str | None = None,
        *,
        reactor: Any,
        bind: Callable[[int, str | None], socket.socket] | None = None,
        details: bool = True,
    ) -> None:
        """
        @param port: as in L{bindUDP}.
        @param interface: as in L{bindUDP}.
        @param bind: where the socket is from, if it is another process's too.
        @param details: whether datagrams tell their TTL, traffic class and time of receipt, which
            costs a little.
        """
        self._receiver = receiver
        self._asked = port
        self._interface = interface
        self._reactor = reactor
        self._bind = bind
        self._details = details

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        self._open()

    def startService(self) -> None:
        super().startService()
        self._open()

    def stopService(self) -> None:
        super().stopService()
        port, self.port = self.port, None
        if port is not None:
            port.close()

    def abort(self) -> None:
        """
        Do not wait for anything: it never does.
        """

    def _open(self) -> None:
        if self.port is not None:
            return
        try:
            self.port = openUDP(
                self._receiver,
                self._asked,
                self._interface,
                self._reactor,
                bind=self._bind or bindUDP,
                details=self._details,
            )
        except OSError as error:
            raise StartError(bindFailure(self._asked, self._interface or "", error)) from None
        if self.announces:
            # A signal that comes before the reactor runs would be a traceback.
            self._reactor.callWhenRunning(self._sayWhere, self.port)

    def _sayWhere(self, port: UDPPort) -> None:
        if port is not self.port:
            return
        _log.info(RUNNING, port=port.number)
        if not port.knowsDestinations:
            _log.warn("Note: answers leave from the address that this system chooses.")
        known = knownService(port.number, "udp")
        if known is not None:
            _log.warn(KNOWN, port=port.number, known=known)

    def figures(self, service: str) -> Iterable[Figure]:
        """
        What the port knows, for L{twisted_netdemo.service.metrics}.

        @param service: what the figures' names begin with.
        """
        port = self.port
        if port is None:
            return
        yield Figure(
            f"{service}_send_errors",
            "Datagrams that could not be sent, by error.",
            port.sendErrors,
            "error",
        )
        if self._bind is None:  # else they are counted where the socket is from
            yield from droppedFigure(service, port.dropped())


def droppedFigure(service: str, dropped: int | None) -> Iterable[Figure]:
    """
    How many datagrams the kernel threw away, where it tells.
    """
    if dropped is not None:
        yield Figure(
            f"{service}_dropped", "Datagrams that came faster than they were read.", dropped
        )
