"""
udpcount's command line, for twistd and twist.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.python import usage

from twisted_netdemo.messages import parseUnit
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.operator import operated
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.observe import prometheus
from twisted_netdemo.service.observe.metrics import Figure
from twisted_netdemo.service.process.control import reportStartErrors
from twisted_netdemo.service.tcp.endpoints import interface
from twisted_netdemo.service.time.token_buckets import Buckets
from twisted_netdemo.service.udp.service import UDPService, droppedFigure
from twisted_netdemo.service.workers.pool import WorkerService, parseWorkers, share
from twisted_netdemo.service.workers.sockets import heldUDP
from twisted_netdemo.udpcount.server import UDPCount

PORT = 51423
_LIFTED = "0 for no limit, which is dangerous where strangers can reach it"


class Options(ServiceOptions):
    """
    What C{twistd udpcount} takes.
    """

    synopsis = "[options]"
    longdesc = (
        "A server that answers each datagram with a welcome and the number of its characters."
    )

    optParameters = [
        ["port", "p", None, f"UDP port to listen on, 0 for a free one [default: {PORT}]"],
        ["interface", "i", None, "IP address to listen on [default: every IPv6 and IPv4 address]"],
        ["unit", "u", "characters", "what to count: characters or bytes"],
        ["rate", "r", "100", f"answers a second for one address, or one IPv6 /64; {_LIFTED}"],
        ["burst", "b", "200", f"answers at once for one address, or one IPv6 /64; {_LIFTED}"],
        ["total-rate", None, "10000", f"answers a second in all; {_LIFTED}"],
        [
            "workers",
            "w",
            "1",
            "processes that share the port, or auto: one a processor; --total-rate is divided "
            "among them, --rate and --burst hold in each, and the kernel keeps a client's address "
            "and port to one",
        ],
        ["metrics", "m", None, "serve Prometheus metrics, as in tcp:9100:interface=127.0.0.1"],
    ]

    def postOptions(self) -> None:
        asGiven = self["port"]
        if asGiven is None:
            self["port"] = str(PORT)
        self.take("port", quantities.port)
        if self["interface"] is not None:
            self.take("interface", interface)
        self.take("unit", parseUnit)
        for name in ("rate", "burst", "total-rate"):
            self.take(name, quantities.whole)
        workers = self.take("workers", parseWorkers)
        if 0 < self["total-rate"] < workers:
            raise usage.UsageError(
                f"--total-rate: {self['total-rate']} cannot be divided among {workers} workers"
            )
        self.chooseFiles("udpcount" if asGiven is None else f"udpcount-{asGiven}")
        self.metricsPlaces = prometheus.places(self)


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    The server, and its metrics where they are asked for.
    """
    if reactor is None:
        from twisted.internet import reactor
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
    workers: int = options["workers"]
    if workers == 1:
        service, figures = makeWorker(options, reactor)
        both = prometheus.beside(reactor, service, figures, service.isReady, options.metricsPlaces)
        return operated(options, reactor, both, service)
    place = heldUDP(workers, options["port"], options["interface"])
    parent = WorkerService(reactor, options, [place], workers)

    def ofAll() -> Deferred[list[Figure]]:
        return parent.figures().addCallback(
            lambda those: [*those, *droppedFigure("udpcount", parent.dropped())]
        )

    both = prometheus.beside(reactor, parent, ofAll, parent.isReady, options.metricsPlaces)
    return operated(options, reactor, both, parent)


def makeWorker(
    options: Options, reactor: Any, index: int = 0, workers: int = 1
) -> tuple[UDPService, prometheus.Figures]:
    """
    The server itself, as one of so many, and what it counts.
    """
    rate, burst = options["rate"], options["burst"]
    totalRate = share(options["total-rate"], index, workers)
    server = UDPCount(
        reactor,
        unit=options["unit"],
        perSource=Buckets(rate, burst) if rate and burst else None,
        inAll=Buckets(totalRate, totalRate) if totalRate else None,
    )
    service = UDPService(
        server,
        options["port"],
        options["interface"],
        reactor=reactor,
        details=False,
        bind=None if options.opened is None else options.opened.udp,
    )
    return service, lambda: [*server.figures(), *service.figures("udpcount")]
