"""
A TCP transport that writes at once: Twisted's own, but for when it asks the kernel for what.

All of Twisted's private names that the suite touches stand here; where a Twisted lacks one
(L{lacking}), or the environment says C{NETDEMO_TRANSPORT=stock}, ports make Twisted's own
transports.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from errno import ENOBUFS
from typing import Any

from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure

from twisted_netdemo.service.hub import DONE, IN, OUT, hubOf

# The whole of what is said: the end of output goes with it. As plain numbers: the flags of the
# socket module are an enum, whose arithmetic is done anew on each call.
_AT_ONCE = int(getattr(socket, "MSG_DONTWAIT", 0))
_LAST = _AT_ONCE | int(getattr(socket, "MSG_MORE", 0))
_STREAM = int(socket.SOCK_STREAM)
_IPv4 = int(socket.AF_INET)
# So many bytes are joined as they are written; more is for Twisted's own buffers.
_FEW = 16384
_RESET = struct.pack("ii", 1, 0)

#: The names that are taken from classes of Twisted and of Python without their leave.
PRIVATE: tuple[tuple[type, tuple[str, ...]], ...] = (
    (
        FileDescriptor,
        (
            *("_writeDisconnecting", "_writeDisconnected", "dataBuffer", "offset"),
            *("_maybePauseProducer", "_postLoseConnection", "_getLogPrefix"),
        ),
    ),
    (tcp.Connection, ("_closeWriteConnection", "TLS", "_aborting")),
    (tcp.Server, ("_addressType",)),
    (tcp.Port, ("_addressType", "_buildAddr", "_fromListeningDescriptor")),
    (socket.SocketType, ("_accept",)),
)
_BUFFER = ("_tempDataBuffer", "_tempDataLen")  # of each instance


def lacking() -> list[str]:
    """
    Which of them are missing here.
    """
    names = [
        f"{owner.__name__}.{name}"
        for owner, private in PRIVATE
        for name in private
        if not hasattr(owner, name)
    ]
    reactor: Any = object()
    stock = FileDescriptor(reactor)
    return names + [f"FileDescriptor.{name}" for name in _BUFFER if not hasattr(stock, name)]


_lacking = lacking()


def fast() -> bool:
    """
    Whether ports make this module's transports.
    """
    return (
        sys.platform == "linux"
        and not _lacking
        and os.environ.get("NETDEMO_TRANSPORT", "fast") != "stock"
    )


class Server(tcp.Server):
    """
    One connection. What it wants of the kernel is settled by the hub at the end of each callback;
    its buffers, producers, TLS and states are Twisted's.
    """

    # What is the same for most stands in the class: 10,000 idle connections have it once.
    server: Any
    accepting = False
    watched = 0
    unsettled = True  # until it has been told that it is connected
    wanted = IN
    # There has been nothing but bytes to send at once: no producer, no TLS, nothing that the kernel
    # had no room for, no end of output yet. All else is Twisted's own way.
    _plain = True
    _said: bytes | None = None  # in this callback, while it is plain
    _rest: tuple[Any, ...] = ()  # of the peer's IPv6 address: flow and scope, where they are not 0
    _tempDataBuffer: Any = None
    _tempDataLen = 0
    connected = 1

    def __init__(
        self,
        connection: socket.socket,
        protocol: Any,
        client: tuple[Any, ...],
        server: Any,
        sessionno: int,
        reactor: Any,
    ) -> None:
        # Not Twisted's own, which makes strings that are seldom read.
        self.socket = connection
        self.protocol = protocol
        self.hostname = client[0]
        self._peerPort = client[1]
        if len(client) > 2 and (client[2] or client[3]):
            self._rest = client[2:]
        self.server = server
        self.sessionno = sessionno

    @property
    def reactor(self) -> Any:  # type: ignore[override]  # Twisted's is an attribute
        return self.server.reactor

    @property
    def client(self) -> tuple[Any, ...]:  # type: ignore[override]
        """
        The peer's address, as the socket module has it.
        """
        if self.server.addressFamily == _IPv4:
            return self.hostname, self._peerPort
        return (self.hostname, self._peerPort, *(self._rest or (0, 0)))

    @property
    def _addressType(self) -> Any:  # type: ignore[override]
        return IPv4Address if self.server.addressFamily == _IPv4 else IPv6Address

    @property
    def logstr(self) -> str:  # type: ignore[override]
        return f"{self._getLogPrefix(self.protocol)},{self.sessionno},{self.hostname}"

    @property
    def repstr(self) -> str:  # type: ignore[override]
        kind = getattr(self, "protocol", None).__class__.__name__
        return f"<{kind} #{self.sessionno} on {self.server._realPortNumber}>"

    def getHandle(self) -> Any:
        """
        The socket. Here it does not need to be told that it may not block, which costs a system
        call; elsewhere it does.
        """
        self.socket.setblocking(False)
        return self.socket

    def getPeer(self) -> Any:
        newest, peer = self.server.newest
        return peer if newest is self else super().getPeer()

    def fileno(self) -> int:
        return self.socket.fileno() if self.connected else -1

    def startReading(self) -> None:
        self.wanted |= IN
        self._changed()

    def stopReading(self) -> None:
        self.wanted &= ~IN
        self._changed()

    def startWriting(self) -> None:
        self.wanted |= OUT
        self._changed()

    def stopWriting(self) -> None:
        self.wanted &= ~OUT
        self._changed()

    def _changed(self) -> None:
        if self.connected:
            self.server.hub.changed(self)

    def _beTwisted(self) -> None:
        self._plain = False
        if self._tempDataBuffer is None:
            said, self._said = self._said, None
            self._tempDataBuffer = [said] if said else []
            self._tempDataLen = len(said) if said else 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._beTwisted()
        super().registerProducer(producer, streaming)

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        self._beTwisted()
        super().startTLS(ctx, normal)

    def write(self, data: bytes) -> None:
        said = self._said
        if said is None and self._plain and data and data.__class__ is bytes:
            self._said = data
            self.wanted |= OUT
            if not self.unsettled:
                self.server.hub.changed(self)
        elif said is not None and data.__class__ is bytes and len(said) + len(data) <= _FEW:
            self._said = said + data
        else:
            self._beTwisted()
            super().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        self.write(b"".join(iovec))

    def doWrite(self) -> Any:
        """
        Send what there is.
        """
        if not self._plain:
            return super().doWrite()
        ends = self._writeDisconnecting or self.disconnecting
        data = self._said
        if data is not None:
            try:
                sent = self.socket.send(data, _LAST if ends else _AT_ONCE)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                if error.errno != ENOBUFS:
                    return CONNECTION_LOST
                sent = 0
            if sent < len(data):
                self._said = None
                self._beTwisted()
                self.dataBuffer = data
                self.offset = sent
                return None
            self._said = None
        self.wanted &= IN
        if ends:
            if self.disconnecting:
                return CONNECTION_DONE
            self._writeDisconnected = True
            self._plain = False
            return self._closeWriteConnection()
        return None

    def writeSomeData(self, data: bytes) -> Any:
        try:
            return self.socket.send(memoryview(data)[: self.SEND_LIMIT], _AT_ONCE)
        except BlockingIOError:
            return 0
        except OSError as error:
            return 0 if error.errno == ENOBUFS else CONNECTION_LOST

    def doRead(self) -> Any:
        try:
            data = self.socket.recv(self.bufferSize, _AT_ONCE)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def _closeWriteConnection(self) -> None:
        if not IHalfCloseableProtocol.providedBy(self.protocol):
            super()._closeWriteConnection()
            return
        # As Twisted's, without adapting what needs no adapter.
        try:  # noqa: SIM105  # a context manager for each session would cost as much again
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the peer may be gone
            pass
        try:
            self.protocol.writeConnectionLost()
        except BaseException:
            log.err()
            self.connectionLost(Failure())

    def readConnectionLost(self, reason: Failure) -> None:
        if not IHalfCloseableProtocol.providedBy(self.protocol):
            self.connectionLost(reason)
            return
        try:
            self.protocol.readConnectionLost()
        except BaseException:
            log.err()
            self.connectionLost(Failure())

    def loseWriteConnection(self) -> None:
        self._writeDisconnecting = True
        self.wanted |= OUT
        if self.connected and not self.unsettled:
            self.server.hub.changed(self)

    def loseConnection(self) -> None:
        if self._writeDisconnected and self.connected and not (self.disconnecting or self.TLS):
            self.connectionLost(DONE)
        else:
            super().loseConnection()

    def connectionLost(self, reason: Failure) -> None:
        if self.disconnected:
            return
        self.disconnected = 1
        self.connected = 0
        self._plain = False
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        self.server.hub.forget(self)
        connection, protocol = self.socket, self.protocol
        del self.socket, self.protocol
        if reason is not DONE and reason.check(ConnectionAborted):
            with suppress(OSError):  # what is closed already cannot be reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()
        protocol.connectionLost(reason)


class Fast:
    """
    Mixed into a port: its connections are this module's, and it is in the hub itself.
    """

    transport = Server
    accepting = True
    watched = 0
    wanted = 0
    unsettled = False
    reactor: Any
    socket: socket.socket
    addressFamily: Any

    #: The connection that is being made, and its peer: most ask at once who that is.
    newest: tuple[Any, Any] = (None, None)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)  # of Twisted's port
        self.hub = hubOf(self.reactor)

    def startReading(self) -> None:
        self.wanted = IN
        self.hub.changed(self)  # type: ignore[arg-type]  # it is one when mixed in

    def stopReading(self) -> None:
        self.wanted = 0
        self.hub.changed(self)  # type: ignore[arg-type]

    def accept(self) -> tuple[Any, Any]:
        """
        The next connection. Twisted asks for a socket, not for Python's own class of them, which
        costs more.
        """
        number, address = self.socket._accept()  # type: ignore[attr-defined]
        return socket.SocketType(self.addressFamily, _STREAM, 0, number), address

    def made(self, transport: Server, protocol: Any, peer: Any) -> None:
        """
        A connection has been made, and is to be told so.
        """
        self.newest = (transport, peer)
        protocol.makeConnection(transport)
        self.newest = (None, None)
        self.hub.made(transport)
