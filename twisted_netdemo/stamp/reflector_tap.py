"""
stampreflector's command line, for twistd and twist.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python import usage

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
from twisted_netdemo.stamp.packets.key_file import Keys, readKeys
from twisted_netdemo.stamp.reflector.session_reflector import SessionReflector
from twisted_netdemo.stamp.reflector.sessions import Sessions
from twisted_netdemo.stamp.session.bound import bindSTAMP, prepared

_log = Logger()

PORT = 862
_LIFTED = "0 for no limit, which is dangerous where strangers can reach it"


class Options(ServiceOptions):
    """
    What C{twistd stampreflector} takes.
    """

    synopsis = "[options]"
    longdesc = (
        "A STAMP Session-Reflector (RFC 8762, RFC 8972): it answers test packets, so that the "
        "sender learns what the path does to them. It can be left open to the Internet."
    )

    optParameters = [
        ["port", "p", None, f"UDP port to listen on, 0 for a free one [default: {PORT}]"],
        ["interface", "i", None, "IP address to listen on [default: every IPv6 and IPv4 address]"],
        [
            "key-file",
            "k",
            None,
            "answer authenticated packets only, made with a key in this file: lines of 'SSID HEX', "
            "or '* HEX' for every other SSID; read anew on SIGHUP",
        ],
        ["rate", "r", "2000", f"replies a second to one address, or one IPv6 /64; {_LIFTED}"],
        ["burst", "b", "4000", f"replies at once to one address, or one IPv6 /64; {_LIFTED}"],
        ["total-rate", None, "50000", f"replies a second in all; {_LIFTED}"],
        [
            "max-sessions",
            None,
            "10000",
            "sessions to keep; for a further one, the one that has been idle longest goes",
        ],
        [
            "workers",
            "w",
            "1",
            "processes that share the port, or auto: one a processor; --total-rate and "
            "--max-sessions are divided among them, --rate and --burst hold in each, and the "
            "kernel keeps a session to one",
        ],
        ["metrics", "m", None, "serve Prometheus metrics, as in tcp:9100:interface=127.0.0.1"],
    ]
    optFlags = [
        [
            "stateless",
            None,
            "keep no sessions: a reply has its request's number, and the sender cannot tell on "
            "which way a packet was lost",
        ],
        [
            "twamp-light",
            None,
            "answer requests of 14 to 43 octets too, as some TWAMP-Light senders send them, by 44 "
            "octets: up to three times what came",
        ],
    ]

    sessionKeys: Keys | None = None

    def postOptions(self) -> None:
        asGiven = self["port"]
        if asGiven is None:
            self["port"] = str(PORT)
        self.take("port", quantities.port)
        if self["interface"] is not None:
            self.take("interface", interface)
        if self["key-file"] is not None:
            if self["twamp-light"]:
                raise usage.UsageError(
                    "--twamp-light: its requests are not authenticated, so that it cannot be had "
                    "together with --key-file"
                )
            self.sessionKeys = self.check("key-file", self["key-file"], readKeys)
        for name in ("rate", "burst", "total-rate"):
            self.take(name, quantities.whole)
        workers = self.take("workers", parseWorkers)
        self.take("max-sessions", lambda text: quantities.whole(text, workers))
        if 0 < self["total-rate"] < workers:
            raise usage.UsageError(
                f"--total-rate: {self['total-rate']} cannot be divided among {workers} workers"
            )
        self.chooseFiles("stampreflector" if asGiven is None else f"stampreflector-{asGiven}")
        self.metricsPlaces = prometheus.places(self)


class ReflectorService(UDPService):
    """
    A reflector that reads its keys anew when it is told to.
    """

    def __init__(self, reflector: SessionReflector, options: Options, reactor: Any) -> None:
        opened = None if options.opened is None else options.opened.udp

        def bind(port: int, interface: str | None) -> Any:
            return (
                bindSTAMP(port, interface) if opened is None else prepared(opened(port, interface))
            )

        super().__init__(
            reflector, options["port"], options["interface"], reactor=reactor, bind=bind
        )
        self._reflector = reflector
        self._keyFile: str | None = options["key-file"]

    def reload(self) -> Deferred[str]:
        """
        See L{Reloading<twisted_netdemo.service.cli.operator.Reloading>}.
        """
        if self._keyFile is None:
            return succeed("")
        try:
            self._reflector.keys = readKeys(self._keyFile)
        except ValueError as error:
            _log.error("{error}: the keys are as they were.", error=error)
            return succeed("the keys are as they were")
        return succeed("the keys are read anew")


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    The reflector, and its metrics where they are asked for.
    """
    if reactor is None:
        from twisted.internet import reactor
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
    workers: int = options["workers"]
    if workers == 1:
        service, figures = makeWorker(options, reactor)

        def ofOne() -> list[Figure]:
            dropped = None if service.port is None else service.port.dropped()
            return [*figures(), *droppedFigure("stampreflector", dropped)]

        both = prometheus.beside(reactor, service, ofOne, service.isReady, options.metricsPlaces)
        return operated(options, reactor, both, service)
    place = heldUDP(workers, options["port"], options["interface"])
    parent = WorkerService(reactor, options, [place], workers)

    def ofAll() -> Deferred[list[Figure]]:
        return parent.figures().addCallback(
            lambda those: [*those, *droppedFigure("stampreflector", parent.dropped())]
        )

    both = prometheus.beside(reactor, parent, ofAll, parent.isReady, options.metricsPlaces)
    return operated(options, reactor, both, parent)


def makeWorker(
    options: Options, reactor: Any, index: int = 0, workers: int = 1
) -> tuple[ReflectorService, prometheus.Figures]:
    """
    The reflector itself, as one of so many, and what it counts.
    """
    rate, burst = options["rate"], options["burst"]
    totalRate = share(options["total-rate"], index, workers)
    most = share(options["max-sessions"], index, workers)
    reflector = SessionReflector(
        reactor,
        sessions=None if options["stateless"] else Sessions(most),
        keys=options.sessionKeys,
        light=bool(options["twamp-light"]),
        perSource=Buckets(rate, burst) if rate and burst else None,
        inAll=Buckets(totalRate, totalRate) if totalRate else None,
    )
    service = ReflectorService(reflector, options, reactor)
    return service, lambda: [*reflector.figures(), *service.figures("stampreflector")]
