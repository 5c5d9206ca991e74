"""
What the command lines of TCP and UDP servers have in common, and the service that such a command
line describes: in one process or several, with metrics, under its operator's signals.

L{TCPOptions<twisted_netdemo.service.server.tcp_options.TCPOptions>} and
L{UDPOptions<twisted_netdemo.service.server.udp_options.UDPOptions>} have the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.python import usage

from twisted_netdemo.service.addresses import interface
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.operator import withOperator
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.exporter import prometheus
from twisted_netdemo.service.networks import LOOPBACK, Network
from twisted_netdemo.service.observe.metrics import DeferredMetricsReader, Metric, MetricsReader
from twisted_netdemo.service.port_group import Listen
from twisted_netdemo.service.process.control import reportStartErrors
from twisted_netdemo.service.process.system import raiseFileLimit
from twisted_netdemo.service.reactors import IServiceReactor, installedReactor
from twisted_netdemo.service.workers.child import Servable
from twisted_netdemo.service.workers.pool import WorkerPool, parseWorkers
from twisted_netdemo.service.workers.sockets import InheritedSockets


class Server(Servable, Protocol):
    """
    A server of one process; it provides L{IService}, too.

    @ivar whenReady: fires when it serves.
    """

    whenReady: Deferred[None]

    def isReady(self) -> bool:
        """
        Whether clients that come now are served.
        """


class ServerOptions(ServiceOptions):
    """
    The options C{--port}, C{--interface}, C{--workers} and C{--metrics}.

    @cvar defaultPort: where to listen unless the user says so.
    @cvar divided: the option whose number is divided among the workers.
    @ivar places: the ports that a parent opens for its workers.
    @ivar inherited: in a worker, the sockets that its parent has opened.
    """

    synopsis = "[options]"
    defaultPort: ClassVar[int]
    divided: ClassVar[str]
    places: list[Listen]
    inherited: InheritedSockets | None = None

    optParameters = [
        ["metrics", "m", None, "serve Prometheus metrics, as in tcp:9100:interface=127.0.0.1"]
    ]

    def __init__(self) -> None:
        super().__init__()
        self.docs["port"] += f" [default: {self.defaultPort}]"

    @property
    def name(self) -> str:
        """
        The name of the service, as its files and its metrics have it.
        """
        raise NotImplementedError

    def makeServer(
        self, reactor: IServiceReactor, index: int = 0, workers: int = 1
    ) -> tuple[Server, MetricsReader]:
        """
        The server of one process, and the metrics that it counts.

        @param index: which of the C{workers} it is, from 0.
        """
        raise NotImplementedError

    def metricsOf(self, parent: WorkerPool) -> Deferred[list[Metric]]:
        """
        The metrics of a parent and its workers, as one server's.
        """
        return parent.metrics()

    def takePort(self) -> None:
        """
        Replace the texts of C{--port} and C{--interface}, where they are given, by their values.
        """
        if self["port"] is not None:
            self.take("port", quantities.port)
        if self["interface"] is not None:
            self.take("interface", interface)

    def takeWorkers(self) -> int:
        """
        Replace the text of C{--workers} by its value, and return it.
        """
        workers = self.take("workers", parseWorkers)
        if 0 < self[self.divided] < workers:
            raise usage.UsageError(
                f"--{self.divided}: {self[self.divided]} cannot be divided among {workers} workers"
            )
        return workers

    def takeMetrics(self, proxies: Sequence[Network] = LOOPBACK) -> None:
        """
        Read the place in C{--metrics}.

        @param proxies: the networks whose PROXY headers are believed there.
        """
        self.metricsPlaces = prometheus.places(self, proxies)

    def chooseServerFiles(self, port: str | None) -> None:
        """
        Name the pid file and the log after the service, and the port where the user gave one.

        @param port: C{--port} as it was given.
        """
        self.chooseFiles(self.name if port is None else f"{self.name}-{port}")


def makeService(options: ServerOptions, reactor: IServiceReactor | None = None) -> IService:
    """
    The service that a command line describes, as twistd and twist ask for it: the server, or a
    parent with its workers, and its metrics.
    """
    if reactor is None:
        reactor = installedReactor()
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
        raiseFileLimit()
    server: Server | WorkerPool
    metrics: MetricsReader | DeferredMetricsReader
    workers: int = options["workers"]
    if workers == 1:
        server, metrics = options.makeServer(reactor)
    else:
        server = parent = WorkerPool(reactor, options, options.places, workers)

        def metrics() -> Deferred[list[Metric]]:
            return options.metricsOf(parent)

    both = prometheus.withMetrics(
        reactor, IService(server), metrics, server.isReady, options.metricsPlaces
    )
    return withOperator(options, reactor, both, server)
