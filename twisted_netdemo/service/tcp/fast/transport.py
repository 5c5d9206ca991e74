"""
A TCP transport that writes at once: Twisted's own, but for when it asks the kernel for what.

All of Twisted's private names that TCP services touch stand here; where a Twisted lacks one
(L{lacking}), or the environment says C{NETDEMO_TRANSPORT=stock}, ports make Twisted's own
transports.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from errno import ENOBUFS
from typing import Any, Generic, TypeVar

from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure

from twisted_netdemo.service.tcp.fast.multiplexer import DONE, IN, OUT, hubOf

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
        ("_writeDisconnecting", "_writeDisconnected", "dataBuffer", "offset", "_getLogPrefix"),
    ),
    (tcp.Connection, ("_closeWriteConnection", "TLS")),
    (tcp.Port, ("_fromListeningDescriptor", "_realPortNumber")),
    (socket.SocketType, ("_accept",)),
)
#: The attributes that Twisted gives each connection when it is made; here they are made otherwise,
#: or when they are asked for.
GIVEN = frozenset(
    {
        *("_tempDataBuffer", "_tempDataLen", "client", "connected", "fileno", "hostname"),
        *("logstr", "protocol", "reactor", "repstr", "server", "sessionno", "socket"),
    }
)


def lacking() -> list[str]:
    """
    Which of them are missing here, and what a connection is given that is not known here.
    """
    names = [
        f"{owner.__name__}.{name}"
        for owner, private in PRIVATE
        for name in private
        if not hasattr(owner, name)
    ]
    try:
        nothing: Any = _Nothing()
        given = vars(tcp.Server(nothing, nothing, ("", 0), nothing, 0, nothing)).keys()
    except Exception as error:
        return [*names, f"Server: {error}"]
    return names + [f"Server.{name}" for name in sorted(given ^ GIVEN)]


class _Nothing:
    """
    Stands for a socket, a reactor and whatever else, and does nothing.
    """

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


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


def adopted(kind: Any, reactor: Any, number: int, family: int, factory: Any) -> Any:
    """
    A port for a listening socket that there is already.

    @param kind: its class, of L{tcp.Port}.
    @return: C{None} where Twisted has no way to make one of this class.
    """
    if "Port._fromListeningDescriptor" in _lacking:
        return None
    if family not in (socket.AF_INET, socket.AF_INET6):
        return kind._fromListeningDescriptor(reactor, number, factory)
    return kind._fromListeningDescriptor(reactor, number, family, factory)


def peerOf(address: Any, family: int) -> Any:
    """
    A socket's address as Twisted has it.

    @param address: as the socket module has it.
    """
    if family == _IPv4:
        return IPv4Address("TCP", *address)
    return IPv6Address("TCP", *address)


def scoped(address: Any) -> Any:
    """
    The same address, with the scope of a link-local one by its name.
    """
    if len(address) == 4 and address[3]:
        host, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        return (host, *address[1:])
    return address


T = TypeVar("T")


class _Made(Generic[T]):
    """
    An attribute that is made when it is asked for, until it has been set, as any other can be.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __get__(self, one: Any, owner: type) -> T:
        return self._make(one)


class Server(tcp.Server):
    """
    One connection. What it wants of the kernel is settled by the hub at the end of each callback;
    its buffers, producers, TLS and states are Twisted's.

    @ivar handle: what the kernel is asked through: a socket without Python's own class around it,
        until somebody asks for one, and blocking until then, which spares a system call.
    """

    # What is the same for most stands in the class: 10,000 idle connections have it once.
    server: Any
    handle: Any
    accepting = False
    watched = 0
    unsettled = True  # until it has been told that it is connected
    wanted = IN
    # There has been nothing but bytes to send at once: no producer, no TLS, nothing that the kernel
    # had no room for, no end of output yet. All else is Twisted's own way.
    _plain = True
    _said: bytes | None = None  # in this callback, while it is plain
    _isTaken = False  # whether something has asked for the socket
    _was: Any = "-"  # the protocol that is told of the end; after that its name
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
        self.handle = connection
        self.protocol = protocol
        self.hostname = client[0]
        self._peerPort = client[1]
        if len(client) > 2 and (client[2] or client[3]):
            self._rest = client[2:]
        self.server = server
        self.sessionno = sessionno

    def _client(self) -> tuple[Any, ...]:
        if self.server.addressFamily == _IPv4:
            return self.hostname, self._peerPort
        return (self.hostname, self._peerPort, *(self._rest or (0, 0)))

    def _logstr(self) -> str:
        # after its end the protocol is no longer known, but for a while or its name
        protocol = self.__dict__.get("protocol", self._was)
        prefix = protocol if isinstance(protocol, str) else self._getLogPrefix(protocol)
        return f"{prefix},{self.sessionno},{self.hostname}"

    def _repstr(self) -> str:
        kind = self.__dict__.get("protocol").__class__.__name__
        return f"<{kind} #{self.sessionno} on {self.server._realPortNumber}>"

    def _socket(self) -> Any:
        handle = self.handle
        made = socket.socket(handle.family, handle.type, handle.proto, handle.detach())
        made.setblocking(False)
        self.handle = self.socket = made
        self._isTaken = True
        return made

    reactor: Any = _Made(lambda self: self.server.reactor)
    client: Any = _Made(_client)
    logstr: Any = _Made(lambda self: self._logstr())
    repstr: Any = _Made(lambda self: self._repstr())
    socket: Any = _Made(_socket)

    def getHost(self) -> Any:
        return peerOf(scoped(self.handle.getsockname()), self.server.addressFamily)

    def getPeer(self) -> Any:
        newest, peer = self.server.newest
        return peer if newest is self else peerOf(self.client, self.server.addressFamily)

    def fileno(self) -> int:
        # whoever asks may do with it what they like
        number: int = self.socket.fileno() if self.connected else -1
        return number

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
        pieces = tuple(iovec)
        for piece in pieces:
            if not isinstance(piece, bytes):
                raise TypeError("Data must be bytes")
        self.write(b"".join(pieces))

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
                sent = self.handle.send(data, _LAST if ends else _AT_ONCE)
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
            return self.handle.send(memoryview(data)[: self.SEND_LIMIT], _AT_ONCE)
        except BlockingIOError:
            return 0
        except OSError as error:
            return 0 if error.errno == ENOBUFS else CONNECTION_LOST

    def doRead(self) -> Any:
        try:
            data = self.handle.recv(self.bufferSize, _AT_ONCE)
        except BlockingIOError:
            return None
        except OSError:
            if self.handle.fileno() < 0:  # it was closed by another, and is a copy's
                self.server.hub.forget(self)
                return None
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
            self.handle.shutdown(socket.SHUT_WR)
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
        producer = self.producer
        if producer is not None:
            self.producer = None
            try:
                producer.stopProducing()
            except BaseException:
                log.err()
        self.server.hub.forget(self)
        handle, protocol = self.handle, self.protocol
        del self.handle, self.protocol
        if reason is not DONE and reason.check(ConnectionAborted):
            with suppress(OSError):  # what is closed already cannot be reset
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif self._isTaken:  # there may be copies, whose end it is too
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)
        handle.close()
        if self._isTaken:
            self.__dict__.pop("socket", None)
        self._was = protocol
        try:
            protocol.connectionLost(reason)
        finally:
            self._was = protocol.__class__.__name__


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
    socket: Any
    addressFamily: Any

    #: The connection that is being made, and its peer: most ask at once who that is.
    newest: tuple[Any, Any] = (None, None)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)  # of Twisted's port
        self.hub = hubOf(self.reactor)

    @property
    def handle(self) -> Any:
        """
        What the kernel is asked through.
        """
        return self.socket

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
        number, address = self.socket._accept()
        return socket.SocketType(self.addressFamily, _STREAM, 0, number), address

    def made(self, transport: Server, protocol: Any, peer: Any) -> None:
        """
        A connection has been made, and is to be told so.
        """
        self.newest = (transport, peer)
        try:
            protocol.makeConnection(transport)
        finally:
            self.newest = (None, None)
            self.hub.made(transport)
