"""
linecount's command line, for twistd and twist.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.messages import parseUnit
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.server.tcp_options import TCPOptions, makeService
from twisted_netdemo.service.tcp.session_factory import ConnectionLimits

__all__ = ["Options", "makeService"]


class Options(TCPOptions):
    """
    What C{twistd linecount} takes.
    """

    longdesc = "A server that welcomes its client, counts the characters of one line, and closes."
    defaultPort = 51423
    factory = LineCountFactory

    optParameters = [
        ["timeout", "t", "60", "seconds that a client has to send its line"],
        ["unit", "u", "characters", "what to count: characters or bytes"],
        ["max-line", None, "65536", "longest line, in bytes (or KiB, MiB)"],
    ]

    def postOptions(self) -> None:
        self.take("unit", parseUnit)
        self.take("max-line", quantities.size)
        super().postOptions()

    def makeFactory(self, reactor: IReactorTime, limits: ConnectionLimits) -> LineCountFactory:
        return LineCountFactory(
            reactor,
            unit=self["unit"],
            timeout=self["timeout"],
            maxLine=self["max-line"],
            limits=limits,
            logSessions=bool(self["log-sessions"]),
        )
