"""
The command line of a UDP server: port, limits, workers, metrics and logs.

A plugin names a module with C{Options}, and L{makeService} beside it::

    from twisted_netdemo.service.server.udp_options import UDPOptions, makeService

    class Options(UDPOptions):
        longdesc = "A server that answers each datagram with a greeting."
        defaultPort = 7000
        responder = Greeting
"""

from __future__ import annotations

from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.observe.metrics import Metric, MetricsReader
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.server.server_options import Server, ServerOptions, makeService
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.responder import Responder
from twisted_netdemo.service.udp.service import UDPService, droppedMetric
from twisted_netdemo.service.workers.pool import WorkerPool, share
from twisted_netdemo.service.workers.sockets import openUDPSockets

__all__ = ["UDPOptions", "makeService"]

#: The meaning of a limit of 0, for C{--help}.
LIFTED = "0 for no limit, which is dangerous where strangers can reach it"


class UDPOptions(ServerOptions):
    """
    Base of a UDP service's C{Options}. A subclass may have options of its own, also in place of
    these: then its C{postOptions} takes their values and calls this one's, and it overrides
    L{makeResponder}.

    @cvar responder: what answers the datagrams.
    """

    responder: ClassVar[type[Responder]]
    divided = "total-rate"

    optParameters = [
        ["port", "p", None, "UDP port to listen on, 0 for a free one"],
        ["interface", "i", None, "IP address to listen on [default: every IPv6 and IPv4 address]"],
        ["rate", "r", "100", f"answers a second for one address, or one IPv6 /64; {LIFTED}"],
        ["burst", "b", "200", f"answers at once for one address, or one IPv6 /64; {LIFTED}"],
        ["total-rate", None, "10000", f"answers a second in all; {LIFTED}"],
        [
            "workers",
            "w",
            "1",
            "processes that share the port, or auto: one a processor; --total-rate is divided "
            "among them, --rate and --burst hold in each, and the kernel keeps a client's address "
            "and port to one",
        ],
    ]

    @property
    def name(self) -> str:
        return self.responder.name

    def postOptions(self) -> None:
        given = self["port"]
        if given is None:
            self["port"] = str(self.defaultPort)
        self.takePort()
        for name in ("rate", "burst", "total-rate"):
            self.take(name, quantities.whole)
        workers = self.takeWorkers()
        self.places = [openUDPSockets(workers, self["port"], self["interface"])]
        self.chooseServerFiles(given)
        self.takeMetrics()

    def makeResponder(
        self, reactor: IReactorTime, perSource: TokenBuckets | None, inAll: TokenBuckets | None
    ) -> Responder:
        """
        The responder of one process.

        @param perSource: limits the answers to each source; C{None} does not.
        @param inAll: limits the answers to all sources together; C{None} does not.
        """
        return self.responder(reactor, perSource, inAll)

    def buckets(self, index: int, workers: int) -> tuple[TokenBuckets | None, TokenBuckets | None]:
        """
        The limits of one process, for each source and for all sources together.
        """
        rate, burst = self["rate"], self["burst"]
        total = share(self["total-rate"], index, workers)
        perSource = TokenBuckets(rate, burst) if rate and burst else None
        return perSource, TokenBuckets(total, total) if total else None

    def makeServer(
        self, reactor: IServiceReactor, index: int = 0, workers: int = 1
    ) -> tuple[Server, MetricsReader]:
        responder = self.makeResponder(reactor, *self.buckets(index, workers))
        service = UDPService(
            responder,
            self["port"],
            self["interface"],
            reactor=reactor,
            details=False,
            bind=None if self.inherited is None else self.inherited.udp,
        )
        return service, lambda: [*responder.metrics(), *service.metrics(self.name)]

    def metricsOf(self, parent: WorkerPool) -> Deferred[list[Metric]]:
        dropped = droppedMetric(self.name, parent.dropped())
        return parent.metrics().addCallback(lambda metrics: [*metrics, *dropped])
