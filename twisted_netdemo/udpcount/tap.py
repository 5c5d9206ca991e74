"""
udpcount's command line, for twistd and twist.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.messages import parseUnit
from twisted_netdemo.service.server.udp_options import UDPOptions, makeService
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.udpcount.server import UDPCount

__all__ = ["Options", "makeService"]


class Options(UDPOptions):
    """
    What C{twistd udpcount} takes.
    """

    longdesc = (
        "A server that answers each datagram with a welcome and the number of its characters."
    )
    defaultPort = 51423
    responder = UDPCount

    optParameters = [["unit", "u", "characters", "what to count: characters or bytes"]]

    def postOptions(self) -> None:
        self.take("unit", parseUnit)
        super().postOptions()

    def makeResponder(
        self, reactor: IReactorTime, perSource: TokenBuckets | None, inAll: TokenBuckets | None
    ) -> UDPCount:
        return UDPCount(reactor, self["unit"], perSource, inAll)
