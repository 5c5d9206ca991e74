"""
The programs at the far end: linecount and udpcount, and two readers, of which one is slow.
"""

from __future__ import annotations

import socket

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IListeningPort,
    IReactorSocket,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.badwire.hosted_service import HostedService
from twisted_netdemo.badwire.live.ends.live_interfaces import IFlowTransport, ILiveReactor
from twisted_netdemo.badwire.live.ends.observed import ObservedFactory, ObservedResponder, Witness
from twisted_netdemo.service.server.tcp_options import TCPOptions
from twisted_netdemo.service.server.udp_options import UDPOptions
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits
from twisted_netdemo.service.tcp.endpoints import onPort
from twisted_netdemo.service.tcp.service import StreamService
from twisted_netdemo.service.udp.service import UDPService

#: The ports of the far end's programs: linecount and udpcount have the same number.
COUNT, READER, SLOW = 51423, 7001, 7002

#: The far programs by their names, as the page shows them.
NAMES = (("linecount", COUNT), ("udpcount", COUNT), ("reader", READER), ("slow reader", SLOW))

#: The receive buffer of the slow reader, in bytes: its window closes soon.
_BUFFER = 1 << 14

_CONNECTIONS = 64


@implementer(IHalfCloseableProtocol)
class _Reader(Protocol):
    """
    Reads to the end, then says how many bytes there were.
    """

    transport: IFlowTransport

    def __init__(self, waiting: dict[_Reader, None] | None) -> None:
        """
        @param waiting: the readers that wait until they are told to read; L{None} for one that does
            not wait.
        """
        self._waiting = waiting
        self._read = 0

    def connectionMade(self) -> None:
        if self._waiting is not None:
            self._waiting[self] = None
            self.transport.pauseProducing()

    def go(self) -> None:
        """
        Begin to read.
        """
        self.transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        self._read += len(data)

    def readConnectionLost(self) -> None:
        self.transport.write(b"%d bytes read\r\n" % self._read)
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Nothing to do: the reader closes both ways at once.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._waiting is not None:
            self._waiting.pop(self, None)


class _Readers(ServerFactory):
    noisy = False

    def __init__(self, isSlow: bool) -> None:
        self.waiting: dict[_Reader, None] | None = {} if isSlow else None

    def buildProtocol(self, addr: IAddress | None) -> _Reader:
        return _Reader(self.waiting)

    def go(self) -> None:
        """
        Let those that wait read.
        """
        waiting = list(self.waiting or ())
        if self.waiting is not None:
            self.waiting.clear()
        for reader in waiting:
            reader.go()


class _Port(Service):
    """
    A TCP port of one of our own programs.
    """

    _port: IListeningPort | None = None

    def __init__(
        self, reactor: IReactorSocket, number: int, factory: ServerFactory, size: int
    ) -> None:
        """
        @param size: of the receive buffer, in bytes; 0 for the kernel's choice.
        """
        self._reactor = reactor
        self._number = number
        self._factory = factory
        self._size = size

    def startService(self) -> None:
        super().startService()
        with socket.socket() as listening:
            if self._size:  # which connections inherit
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._size)
            listening.bind(("", self._number))
            listening.listen()
            listening.setblocking(False)
            self._port = self._reactor.adoptStreamPort(
                listening.fileno(), socket.AF_INET, self._factory
            )

    def stopService(self) -> Deferred[None]:
        super().stopService()
        port, self._port = self._port, None
        stopped = None if port is None else port.stopListening()
        return succeed(None) if stopped is None else stopped


class FarPrograms(MultiService):
    """
    The far end's programs, each observed.
    """

    def __init__(self, reactor: ILiveReactor, seenTCP: Witness, seenUDP: Witness) -> None:
        """
        @param seenTCP: called with what each program over TCP does.
        @param seenUDP: called with what each program over UDP does.
        """
        super().__init__()
        lines = HostedService("linecount").options
        datagrams = HostedService("udpcount").options
        assert isinstance(lines, TCPOptions)
        assert isinstance(datagrams, UDPOptions)
        factory = lines.makeFactory(reactor, ConnectionLimits(_CONNECTIONS, _CONNECTIONS))
        places = [onPort(reactor, COUNT, "0.0.0.0")]
        self._stream = StreamService(
            reactor, ObservedFactory(factory, seenTCP), places, sessions=factory, grace=0
        )
        self._stream.setServiceParent(self)
        responder = datagrams.makeResponder(reactor, None, None)
        UDPService(
            ObservedResponder(responder, seenUDP),
            COUNT,
            "0.0.0.0",
            reactor=reactor,
            details=False,
        ).setServiceParent(self)
        self._slow = _Readers(True)
        for number, readers, buffer in ((READER, _Readers(False), 0), (SLOW, self._slow, _BUFFER)):
            observed = ObservedFactory(readers, seenTCP)
            _Port(reactor, number, observed, buffer).setServiceParent(self)

    def readOn(self) -> None:
        """
        Let the slow readers read what waits for them.
        """
        self._slow.go()

    def stopService(self) -> Deferred[None]:
        stopped: Deferred[None] = super().stopService()
        self._stream.abort()  # the run is over: nothing is waited for
        return stopped
