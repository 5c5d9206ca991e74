"""
A TCP transport that writes at once: Twisted's own, with fewer system calls at other moments.

It uses private names of Twisted's. Where one is missing, or the environment says
C{NETDEMO_TRANSPORT=stock}, ports make Twisted's own transports
(L{twisted_netdemo.service.tcp.fast.private_names}).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from errno import ENOBUFS
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from twisted.internet import tcp
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IOpenSSLClientConnectionCreator,
    IOpenSSLContextFactory,
    IProducer,
    IProtocol,
    IReactorFDSet,
)
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure

from twisted_netdemo.service.addresses import SocketAddress
from twisted_netdemo.service.peers import twistedAddress, withScopeName
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.tcp.fast.multiplexer import DONE, IN, OUT, Multiplexer

if TYPE_CHECKING:
    from socket import SocketType
    from socket import socket as Socket

# The last data of a connection: the end of output goes with it. As plain numbers: the flags of the
# socket module are an enum, whose arithmetic costs time on each call.
_AT_ONCE = int(getattr(socket, "MSG_DONTWAIT", 0))
_LAST = _AT_ONCE | int(getattr(socket, "MSG_MORE", 0))
_STREAM = int(socket.SOCK_STREAM)
_IPv4 = int(socket.AF_INET)
# Up to so many bytes are joined as they are written; more goes into Twisted's own buffers.
_FEW = 16384
_RESET = struct.pack("ii", 1, 0)

T = TypeVar("T")


class _Computed(Generic[T]):
    """
    An attribute that is computed when it is read, until it has been set.
    """

    def __init__(self, make: Callable[[FastConnection], T]) -> None:
        self._make = make

    def __get__(self, one: FastConnection, owner: type) -> T:
        return self._make(one)


class ConnectionOwner(Protocol):
    """
    The port that accepted a connection, or the attempt that became it.
    """

    reactor: IServiceReactor
    multiplexer: Multiplexer
    newest: tuple[FastConnection | None, IAddress | None]


class FastConnection(tcp.Server):
    """
    One connection. The multiplexer applies its changes of interest at the end of each callback; its
    buffers, producers, TLS and states are Twisted's.

    @ivar handle: the socket, without Python's own class around it until C{socket} is read, and
        blocking until then, which saves a system call.
    """

    # Values that most connections share are the class's: 10,000 idle connections have them once.
    server: Any
    handle: SocketType
    hostname: str
    accepting = False
    registered = 0
    isPending = True  # until its protocol has been told of the connection
    interest = IN
    # So far there were only bytes to send at once: no producer, no TLS, no data for which the
    # kernel had no room, no end of output. Otherwise Twisted's own code takes over.
    _isPlain = True
    _data: bytes | None = None  # written in this callback, while it is plain
    _isExposed = False  # whether C{socket} has been read
    # The protocol while it is told of the end; afterwards its name.
    _lastProtocol: IProtocol | str = "-"
    # Of the peer's IPv6 address, where they are not 0.
    _flowAndScope: tuple[int, int] | tuple[()] = ()
    _tempDataBuffer: Any = None
    _tempDataLen = 0
    connected = 1

    def __init__(
        self,
        connection: SocketType,
        protocol: IProtocol,
        client: SocketAddress,
        server: ConnectionOwner,
        sessionno: int,
        reactor: IReactorFDSet,
    ) -> None:
        # Twisted's own constructor would make strings that are seldom read.
        self.handle = connection
        self.protocol = protocol
        self.hostname = client[0]
        self._peerPort = client[1]
        if len(client) > 2 and (client[2] or client[3]):
            self._flowAndScope = client[2:]
        self.server = server
        self.sessionno = sessionno

    def _client(self) -> SocketAddress:
        if self.server.addressFamily == _IPv4:
            return self.hostname, self._peerPort
        return (self.hostname, self._peerPort, *(self._flowAndScope or (0, 0)))

    def _logstr(self) -> str:
        # after the end the protocol is forgotten, and its name is kept
        protocol = self.__dict__.get("protocol", self._lastProtocol)
        prefix = protocol if isinstance(protocol, str) else self._getLogPrefix(protocol)
        return f"{prefix},{self.sessionno},{self.hostname}"

    def _repstr(self) -> str:
        kind = self.__dict__.get("protocol").__class__.__name__
        return f"<{kind} #{self.sessionno} on {self.server._realPortNumber}>"

    def _socket(self) -> Socket:
        handle = self.handle
        made = socket.socket(handle.family, handle.type, handle.proto, handle.detach())
        made.setblocking(False)
        self.handle = self.socket = made
        self._isExposed = True
        return made

    # As they are read: checkers take a descriptor for the attribute's own type.
    if TYPE_CHECKING:
        reactor: IServiceReactor
        client: SocketAddress
        logstr: str
        repstr: str
        socket: Socket
    else:
        reactor = _Computed(lambda self: self.server.reactor)
        client = _Computed(_client)
        logstr = _Computed(lambda self: self._logstr())
        repstr = _Computed(lambda self: self._repstr())
        socket = _Computed(_socket)

    def getHost(self) -> IAddress:
        return twistedAddress(withScopeName(self.handle.getsockname()), self.server.addressFamily)

    def getPeer(self) -> IAddress:
        peer: IAddress
        newest, peer = self.server.newest
        return peer if newest is self else twistedAddress(self.client, self.server.addressFamily)

    def fileno(self) -> int:
        # the caller may do anything with it
        number: int = self.socket.fileno() if self.connected else -1
        return number

    def startReading(self) -> None:
        self.interest |= IN
        self._interestChanged()

    def stopReading(self) -> None:
        self.interest &= ~IN
        self._interestChanged()

    def startWriting(self) -> None:
        self.interest |= OUT
        self._interestChanged()

    def stopWriting(self) -> None:
        self.interest &= ~OUT
        self._interestChanged()

    def _interestChanged(self) -> None:
        if self.connected:
            self.server.multiplexer.interestChanged(self)

    def _useTwistedBuffers(self) -> None:
        self._isPlain = False
        if self._tempDataBuffer is None:
            said, self._data = self._data, None
            self._tempDataBuffer = [said] if said else []
            self._tempDataLen = len(said) if said else 0

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._useTwistedBuffers()
        super().registerProducer(producer, streaming)

    def startTLS(
        self, ctx: IOpenSSLContextFactory | IOpenSSLClientConnectionCreator, normal: bool = True
    ) -> None:
        self._useTwistedBuffers()
        super().startTLS(ctx, normal)

    def write(self, data: bytes) -> None:
        said = self._data
        if said is None and self._isPlain and data and data.__class__ is bytes:
            self._data = data
            self.interest |= OUT
            if not self.isPending:
                self.server.multiplexer.interestChanged(self)
        elif said is not None and data.__class__ is bytes and len(said) + len(data) <= _FEW:
            self._data = said + data
        else:
            self._useTwistedBuffers()
            super().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        pieces = tuple(iovec)
        for piece in pieces:
            if not isinstance(piece, bytes):
                raise TypeError("Data must be bytes")
        self.write(b"".join(pieces))

    def doWrite(self) -> Any:
        """
        Send the data, and the end of output if it is due.
        """
        if not self._isPlain:
            return super().doWrite()
        ends = self._writeDisconnecting or self.disconnecting
        data = self._data
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
                self._data = None
                self._useTwistedBuffers()
                self.dataBuffer = data
                self.offset = sent
                return None
            self._data = None
        self.interest &= IN
        if ends:
            if self.disconnecting:
                return CONNECTION_DONE
            self._writeDisconnected = True
            self._isPlain = False
            return self._closeWriteConnection()
        return None

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
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
            if self.handle.fileno() < 0:  # it was closed elsewhere; the event is for a copy of it
                self.server.multiplexer.unregister(self)
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
        # As in Twisted, but without an adapter.
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
        self.interest |= OUT
        if self.connected and not self.isPending:
            self.server.multiplexer.interestChanged(self)

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
        self._isPlain = False
        producer = self.producer
        if producer is not None:
            self.producer = None
            try:
                producer.stopProducing()
            except BaseException:
                log.err()
        self.server.multiplexer.unregister(self)
        handle, protocol = self.handle, self.protocol
        del self.handle, self.protocol
        if reason is not DONE and reason.check(ConnectionAborted):
            with suppress(OSError):  # a closed socket cannot be reset
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif self._isExposed:  # there may be copies, which end too
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)
        handle.close()
        if self._isExposed:
            self.__dict__.pop("socket", None)
        self._lastProtocol = protocol
        try:
            protocol.connectionLost(reason)
        finally:
            self._lastProtocol = protocol.__class__.__name__
