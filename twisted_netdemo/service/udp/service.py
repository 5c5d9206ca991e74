"""
A UDP socket as a Service, for protocols that want to know more of a datagram than its payload.

A protocol is a L{DatagramReceiver}::

    class Echo:
        def started(self, port):
            self.port = port

        def datagramReceived(self, datagram):
            self.port.send(datagram.data, datagram.source, datagram.destination)

    UDPService(Echo(), 7007, reactor=reactor).setServiceParent(application)

One socket serves IPv6 and IPv4 by default. A
L{Datagram<twisted_netdemo.service.udp.datagram.Datagram>} tells its source, the address it was sent
to, its TTL, its traffic class and when the kernel received it; sent back to its source from its
destination, an answer leaves from the address that the client wrote to. No datagram is cut. One
batch is read each time the reactor finds the socket readable, so that a flood cannot hold the rest
of the process, and what is sent meanwhile leaves together when the batch is done. A datagram that
cannot be sent is counted, and logged once a minute at most: C{send} never raises for what the
network does.

Without a Service: C{openUDP}, then C{port.send(...)}, and C{port.close()} in the end.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from twisted_netdemo.service.binding import KNOWN, RUNNING, bindFailure, bindUDP, registeredService
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.udp.port import BatchReceiver, DatagramReceiver, UDPPort, openUDP

_log = Logger()


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
        receiver: DatagramReceiver | BatchReceiver,
        port: int,
        interface: str | None = None,
        *,
        reactor: IServiceReactor,
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
        #: Fires when it serves, as it does from its start.
        self.whenReady: Deferred[None] = succeed(None)

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

    def claimPorts(self) -> None:
        """
        No other process goes on with the socket, which makes no difference for UDP.
        """

    def handOver(self) -> Deferred[None]:
        """
        Close the port; another process goes on with its socket.
        """
        self.stopService()
        return succeed(None)

    def abort(self) -> None:
        """
        Do nothing: a UDP service never waits.
        """

    def isReady(self) -> bool:
        """
        Whether the datagrams that come now are answered.
        """
        return self.port is not None

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
        known = registeredService(port.number, "udp")
        if known is not None:
            _log.warn(KNOWN, port=port.number, known=known)

    def metrics(self, service: str) -> Iterable[Metric]:
        """
        The port's metrics, for L{twisted_netdemo.service.exporter.prometheus}.

        @param service: the beginning of the metrics' names.
        """
        port = self.port
        if port is None:
            return
        yield Metric(
            f"{service}_send_errors",
            "Datagrams that could not be sent, by error.",
            port.sendErrors,
            "error",
        )
        if self._bind is None:  # else they are counted where the socket is from
            yield from droppedMetric(service, port.dropped())


def droppedMetric(service: str, dropped: int | None) -> Iterable[Metric]:
    """
    How many datagrams the kernel threw away, where it tells.
    """
    if dropped is not None:
        yield Metric(
            f"{service}_dropped", "Datagrams that came faster than they were read.", dropped
        )
