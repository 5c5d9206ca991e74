"""
What makes a TCP port a fast one: its connections are fast, and the multiplexer watches it too.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.interfaces import IAddress, IProtocol

from twisted_netdemo.service.addresses import SocketAddress
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.tcp.fast.multiplexer import IN, multiplexerOf
from twisted_netdemo.service.tcp.fast.transport import FastConnection

if TYPE_CHECKING:
    from socket import SocketType

    _Port = tcp.Port
else:  # it is mixed into one
    _Port = object

_STREAM = int(socket.SOCK_STREAM)


class FastPortMixin(_Port):
    """
    Mixed into a subclass of L{tcp.Port}.
    """

    reactor: IServiceReactor
    socket: Any

    transport: type[tcp.Server] = FastConnection
    accepting = True
    registered = 0
    interest = 0
    isPending = False

    #: The connection that is being made, and its peer, which most protocols ask for at once.
    newest: tuple[FastConnection | None, IAddress | None] = (None, None)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)  # of Twisted's port
        self.multiplexer = multiplexerOf(self.reactor)

    @property
    def handle(self) -> Any:
        """
        The socket.
        """
        return self.socket

    def startReading(self) -> None:
        self.interest = IN
        self.multiplexer.interestChanged(self)  # type: ignore[arg-type]  # nothing is written to it

    def stopReading(self) -> None:
        self.interest = 0
        self.multiplexer.interestChanged(self)  # type: ignore[arg-type]  # nothing is written to it

    def accept(self) -> tuple[SocketType, SocketAddress]:
        """
        The next connection, as the interpreter's own socket type: Python's class around it costs
        more.
        """
        number, address = self.socket._accept()
        return socket.SocketType(self.addressFamily, _STREAM, 0, number), address

    def connectionEstablished(
        self, transport: FastConnection, protocol: IProtocol, peer: IAddress
    ) -> None:
        """
        Tell a new connection's protocol of it.
        """
        self.newest = (transport, peer)
        try:
            protocol.makeConnection(transport)
        finally:
            self.newest = (None, None)
            self.multiplexer.connectionEstablished(transport)
