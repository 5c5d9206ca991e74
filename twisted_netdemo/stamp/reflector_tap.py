"""
stampreflector's command line, for twistd and twist.
"""

from __future__ import annotations

import os
import socket

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.observe.metrics import Metric, MetricsReader
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.server.udp_options import LIFTED, UDPOptions, makeService
from twisted_netdemo.service.udp.service import UDPService, droppedMetric
from twisted_netdemo.service.workers.pool import share
from twisted_netdemo.stamp.packets.key_file import Keys, readKeys
from twisted_netdemo.stamp.reflector.session_reflector import SessionReflector
from twisted_netdemo.stamp.reflector.sessions import Sessions
from twisted_netdemo.stamp.session.bound import bindSTAMP, prepared

_log = Logger()

__all__ = ["Options", "makeService"]


class Options(UDPOptions):
    """
    The options of C{twistd stampreflector}.
    """

    longdesc = (
        "A STAMP Session-Reflector (RFC 8762, RFC 8972): it answers test packets, so that the "
        "sender learns what the path does to them. It can be left open to the Internet."
    )

    name = "stampreflector"
    defaultPort = 862

    optParameters = [
        [
            "key-file",
            "k",
            None,
            "answer authenticated packets only, made with a key in this file: lines of 'SSID HEX', "
            "or '* HEX' for every other SSID; read anew on SIGHUP",
        ],
        ["rate", "r", "2000", f"replies a second to one address, or one IPv6 /64; {LIFTED}"],
        ["burst", "b", "4000", f"replies at once to one address, or one IPv6 /64; {LIFTED}"],
        ["total-rate", None, "50000", f"replies a second in all; {LIFTED}"],
        [
            "max-sessions",
            None,
            "10000",
            "sessions to keep; for a further one, the one that has been idle longest goes: of a "
            "source that has more than an eighth of them, else of all",
        ],
        [
            "workers",
            "w",
            "1",
            "processes that share the port, or auto: one a processor; --total-rate and "
            "--max-sessions are divided among them, --rate and --burst hold in each, and the "
            "kernel keeps a session to one",
        ],
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
        if self["key-file"] is not None:
            if self["twamp-light"]:
                raise usage.UsageError(
                    "--twamp-light: its requests are not authenticated, so that it cannot be had "
                    "together with --key-file"
                )
            # twistd may change its folder before the file is read anew
            self["key-file"] = os.path.abspath(self["key-file"])
            self.sessionKeys = self.check("key-file", self["key-file"], readKeys)
        super().postOptions()
        self.take("max-sessions", lambda text: quantities.whole(text, self["workers"]))

    def makeServer(
        self, reactor: IServiceReactor, index: int = 0, workers: int = 1
    ) -> tuple[ReflectorService, MetricsReader]:
        most = share(self["max-sessions"], index, workers)
        perSource, inAll = self.buckets(index, workers)
        reflector = SessionReflector(
            reactor,
            sessions=None if self["stateless"] else Sessions(most),
            keys=self.sessionKeys,
            light=bool(self["twamp-light"]),
            perSource=perSource,
            inAll=inAll,
        )
        service = ReflectorService(reflector, self, reactor)

        def metrics() -> list[Metric]:
            dropped = None
            if workers == 1 and service.port is not None:  # else the parent counts them
                dropped = service.port.dropped()
            named = service.metrics(self.name)
            return [*reflector.metrics(), *named, *droppedMetric(self.name, dropped)]

        return service, metrics


class ReflectorService(UDPService):
    """
    A reflector that reads its keys anew when it is told to.
    """

    def __init__(
        self, reflector: SessionReflector, options: Options, reactor: IServiceReactor
    ) -> None:
        opened = None if options.inherited is None else options.inherited.udp

        def bind(port: int, interface: str | None) -> socket.socket:
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
        See L{Reloadable<twisted_netdemo.service.cli.operator.Reloadable>}.
        """
        if self._keyFile is None:
            return succeed("")
        try:
            self._reflector.keys = readKeys(self._keyFile)
        except ValueError as error:
            _log.error("{error}: the keys are as they were.", error=error)
            return succeed("the keys are as they were")
        return succeed("the keys are read anew")
