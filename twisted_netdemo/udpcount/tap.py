"""
udpcount's command line, for twistd and twist.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService

from twisted_netdemo import quantities
from twisted_netdemo.buckets import Buckets
from twisted_netdemo.service import metrics
from twisted_netdemo.service.listening import interface
from twisted_netdemo.service.options import ServiceOptions, parseUnit
from twisted_netdemo.service.process import reportStartErrors
from twisted_netdemo.service.udp import UDPService
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
        self.choosePidFile("udpcount" if asGiven is None else f"udpcount-{asGiven}")
        self.metricsPlaces = metrics.places(self)


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    The server, and its metrics where they are asked for.
    """
    if reactor is None:
        from twisted.internet import reactor
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
    rate, burst, totalRate = options["rate"], options["burst"], options["total-rate"]
    server = UDPCount(
        reactor,
        unit=options["unit"],
        perSource=Buckets(rate, burst) if rate and burst else None,
        inAll=Buckets(totalRate, totalRate) if totalRate else None,
    )
    service = UDPService(server, options["port"], options["interface"], reactor=reactor)
    return metrics.beside(
        reactor,
        service,
        lambda: [*server.figures(), *service.figures("udpcount")],
        options.metricsPlaces,
    )
