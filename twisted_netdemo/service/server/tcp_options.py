"""
The command line of a TCP server: endpoints, limits, deadlines, workers, metrics and logs.

A plugin names a module with C{Options}, and L{makeService} beside it::

    from twisted_netdemo.service.server.tcp_options import TCPOptions, makeService

    class Options(TCPOptions):
        longdesc = "A server that greets its client, and closes."
        defaultPort = 7000
        factory = GreetingFactory
"""

from __future__ import annotations

import ipaddress
from typing import ClassVar

from twisted.internet.interfaces import IReactorTime
from twisted.python import usage

from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.networks import LOOPBACK, Network
from twisted_netdemo.service.observe.metrics import MetricsReader
from twisted_netdemo.service.port_group import Listen
from twisted_netdemo.service.process.system import raiseFileLimit
from twisted_netdemo.service.reactors import IServiceReactor, installedReactor
from twisted_netdemo.service.server.server_options import Server, ServerOptions, makeService
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits
from twisted_netdemo.service.tcp.endpoints import endpointFromString, onPort
from twisted_netdemo.service.tcp.listening_reactor import OpenPort, adopting
from twisted_netdemo.service.tcp.service import StreamService
from twisted_netdemo.service.tcp.session_factory import SessionFactory
from twisted_netdemo.service.workers.pool import share
from twisted_netdemo.service.workers.sockets import SocketOpener

__all__ = ["TCPOptions", "makeService"]


class TCPOptions(ServerOptions):
    """
    Base of a TCP service's C{Options}. A subclass may have options of its own, also in place of
    these: then its C{postOptions} takes their values and calls this one's, and it overrides
    L{makeFactory}.

    @cvar factory: the service's factory.
    """

    factory: ClassVar[type[SessionFactory]]
    divided = "max-connections"

    optParameters = [
        ["port", "p", None, "TCP port to listen on, 0 for a free one"],
        ["interface", "i", None, "IP address for --port [default: every IPv6 and IPv4 address]"],
        ["timeout", "t", "60", "seconds until the client's request has to be there"],
        ["max-connections", None, "10000", "most connections at one time, 0 for no limit"],
        [
            "max-per-client",
            None,
            "100",
            "most connections at one time from one address, or one IPv6 /64, 0 for no limit",
        ],
        [
            "workers",
            "w",
            "1",
            "processes that share the port, or auto: one a processor; --max-connections is divided "
            "among them, --max-per-client holds in each",
        ],
        ["grace", "g", "5", "seconds that sessions have to end after SIGTERM"],
    ]
    optFlags = [["log-sessions", None, "log a line of text for each session"]]

    def __init__(self) -> None:
        super().__init__()
        self["endpoints"] = []
        self["proxy-from"] = []

    @property
    def name(self) -> str:
        return self.factory.name

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
        given = self["port"]
        if given is None and not self["endpoints"]:
            self["port"] = str(self.defaultPort)
        self.takePort()
        if self["interface"] is not None and self["port"] is None:
            raise usage.UsageError(
                f"--interface: {self['interface']!r} is for --port, which is not given"
            )
        self.take("timeout", quantities.positiveDuration)
        self.take("grace", quantities.duration)
        for name in ("max-connections", "max-per-client"):
            self.take(name, quantities.whole)
        workers = self.takeWorkers()
        self["proxy-from"] = [
            self.check("proxy-from", text, _network) for text in self["proxy-from"]
        ] or list(LOOPBACK)
        self.chooseServerFiles(given)

        # A wrong description is a usage error too, so it is read here.
        reactor = installedReactor()

        openPort: OpenPort | None = None
        if self.inherited is not None:
            openPort = adopting(reactor, self.inherited.take)
        elif workers > 1:
            openPort = SocketOpener(workers)

        def place(text: str) -> Listen:
            return endpointFromString(
                reactor, text, self["timeout"], self["proxy-from"], openPort=openPort
            )

        self.places = [self.check("endpoint", text, place) for text in self["endpoints"]]
        if self["port"] is not None:
            self.places.insert(0, onPort(reactor, self["port"], self["interface"], openPort))
        self.takeMetrics(self["proxy-from"])

    def makeFactory(self, reactor: IReactorTime, limits: ConnectionLimits) -> SessionFactory:
        """
        The factory of one process.

        @param limits: how many connections this process may have.
        """
        return self.factory(reactor, self["timeout"], limits, bool(self["log-sessions"]))

    def makeServer(
        self, reactor: IServiceReactor, index: int = 0, workers: int = 1
    ) -> tuple[Server, MetricsReader]:
        if workers > 1:
            raiseFileLimit()
        most = share(self["max-connections"], index, workers)
        factory = self.makeFactory(reactor, ConnectionLimits(most, self["max-per-client"]))
        service = StreamService(
            reactor,
            factory,
            self.places,
            sessions=factory,
            grace=self["grace"],
            ownsProcess=self.ownsProcess,
        )
        return service, factory.metrics


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network ({error})") from None
