"""
Daytime over UDP: C{twistd udpdaytime}.
"""

from daytime.wire import daytime
from twisted_netdemo.service.server.udp_options import UDPOptions, makeService
from twisted_netdemo.service.udp.responder import Address, Responder

__all__ = ["Options", "makeService"]


class UDPDaytime(Responder):
    name = "udpdaytime"

    def respond(self, data: bytes, source: Address) -> bytes:
        return daytime(self.reactor.seconds())


class Options(UDPOptions):
    longdesc = "A server that answers each datagram with the date and the time (RFC 867)."
    defaultPort = 13
    responder = UDPDaytime
