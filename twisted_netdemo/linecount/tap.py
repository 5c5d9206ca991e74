"""
linecount's command line, for twistd and twist.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.messages import parseUnit
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.operator import operated
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.observe import prometheus
from twisted_netdemo.service.process.control import reportStartErrors
from twisted_netdemo.service.process.system import raiseFileLimit
from twisted_netdemo.service.tcp.connection_limits import Limits
from twisted_netdemo.service.tcp.endpoints import Where, described, interface, onPort
from twisted_netdemo.service.tcp.proxy_protocol import LOOPBACK, Network
from twisted_netdemo.service.tcp.service import StreamService
from twisted_netdemo.service.workers.pool import WorkerService, parseWorkers, share
from twisted_netdemo.service.workers.sockets import Holding

PORT = 51423


class Options(ServiceOptions):
    """
    What C{twistd linecount} takes.
    """

    synopsis = "[options]"
    longdesc = "A server that welcomes its client, counts the characters of one line, and closes."

    optParameters = [
        ["port", "p", None, f"TCP port to listen on, 0 for a free one [default: {PORT}]"],
        ["interface", "i", None, "IP address for --port [default: every IPv6 and IPv4 address]"],
        ["unit", "u", "characters", "what to count: characters or bytes"],
        ["timeout", "t", "60", "seconds until the line has to be there"],
        ["max-line", None, "65536", "longest line, in bytes (or KiB, MiB)"],
        ["max-connections", None, "10000", "most connections at one time, 0 for no limit"],
        [
            "max-per-client",
            None,
            "100",
            "most connections at one time of one address, or one IPv6 /64, 0 for no limit",
        ],
        [
            "workers",
            "w",
            "1",
            "processes that share the port, or auto: one a processor; --max-connections is divided "
            "among them, --max-per-client holds in each",
        ],
        ["grace", "g", "5", "seconds that sessions have to end after SIGTERM"],
        [
            "metrics",
            "m",
            None,
            "serve Prometheus metrics, as in tcp:9100:interface=127.0.0.1",
        ],
    ]
    optFlags = [["log-sessions", None, "log a line of text for each session"]]

    def __init__(self) -> None:
        super().__init__()
        self["endpoints"] = []
        self["proxy-from"] = []

    def opt_endpoint(self, description: str) -> None:
        """
        listen there, not on the default port: tcp6:, ssl:, unix:, systemd:, haproxy:tcp:;
        may be repeated
        """
        self["endpoints"].append(description)

    def opt_proxy_from(self, network: str) -> None:
        """
        believe a PROXY header from this network; may be repeated [default: loopback]
        """
        self["proxy-from"].append(network)

    opt_e = opt_endpoint

    def postOptions(self) -> None:
        asGiven = self["port"]
        if asGiven is None and not self["endpoints"]:
            self["port"] = str(PORT)
        if self["port"] is not None:
            self.take("port", quantities.port)
        if self["interface"] is not None:
            self.take("interface", interface)
            if self["port"] is None:
                raise usage.UsageError(
                    f"--interface: {self['interface']!r} is for --port, which is not given"
                )
        self.take("unit", parseUnit)
        self.take("timeout", quantities.positiveDuration)
        self.take("grace", quantities.duration)
        self.take("max-line", quantities.size)
        for name in ("max-connections", "max-per-client"):
            self.take(name, quantities.whole)
        workers = self.take("workers", parseWorkers)
        if 0 < self["max-connections"] < workers:
            raise usage.UsageError(
                f"--max-connections: {self['max-connections']} cannot be divided among {workers} "
                "workers"
            )
        if workers > 1 and self.opened is None:
            self.opened = Holding(workers)
        self["proxy-from"] = [
            self.check("proxy-from", text, _network) for text in self["proxy-from"]
        ] or list(LOOPBACK)
        self.chooseFiles("linecount" if asGiven is None else f"linecount-{asGiven}")

        # A wrong description is a usage error too, so it is read here.
        from twisted.internet import reactor

        def place(text: str) -> Where:
            return described(reactor, text, self["timeout"], self["proxy-from"], opened=self.opened)

        self.places = [self.check("endpoint", text, place) for text in self["endpoints"]]
        if self["port"] is not None:
            self.places.insert(0, onPort(reactor, self["port"], self["interface"], self.opened))
        self.metricsPlaces = prometheus.places(self, self["proxy-from"])


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network ({error})") from None


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    The server, and its metrics where they are asked for.
    """
    if reactor is None:
        from twisted.internet import reactor
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
        raiseFileLimit()
    if options["workers"] > 1:
        parent = WorkerService(reactor, options, options.places, options["workers"])
        both = prometheus.beside(
            reactor, parent, parent.figures, parent.isReady, options.metricsPlaces
        )
        return operated(options, reactor, both, parent)
    service, figures = makeWorker(options, reactor)
    both = prometheus.beside(reactor, service, figures, service.isReady, options.metricsPlaces)
    return operated(options, reactor, both, service)


def makeWorker(
    options: Options, reactor: Any, index: int = 0, workers: int = 1
) -> tuple[StreamService, prometheus.Figures]:
    """
    The server itself, as one of so many, and what it counts.
    """
    if workers > 1:
        raiseFileLimit()
    factory = LineCountFactory(
        reactor,
        unit=options["unit"],
        timeout=options["timeout"],
        maxLine=options["max-line"],
        limits=Limits(share(options["max-connections"], index, workers), options["max-per-client"]),
        logSessions=bool(options["log-sessions"]),
    )
    service = StreamService(
        reactor,
        factory,
        options.places,
        sessions=factory,
        grace=options["grace"],
        ownsProcess=options.ownsProcess,
    )
    return service, factory.figures
