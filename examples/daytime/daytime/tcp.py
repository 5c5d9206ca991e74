"""
Daytime over TCP: C{twistd daytime}.
"""

from daytime.wire import daytime
from twisted_netdemo.service.server.tcp_options import TCPOptions, makeService
from twisted_netdemo.service.tcp.session import Client, Session
from twisted_netdemo.service.tcp.session_factory import SessionFactory

__all__ = ["Options", "makeService"]


class Daytime(Session):
    def begin(self, client: Client | None) -> None:
        self.finish("answered", daytime(self.factory.reactor.seconds()))


class DaytimeFactory(SessionFactory):
    name = "daytime"
    protocol = Daytime


class Options(TCPOptions):
    longdesc = "A server that says the date and the time, and closes (RFC 867)."
    defaultPort = 13
    factory = DaytimeFactory
