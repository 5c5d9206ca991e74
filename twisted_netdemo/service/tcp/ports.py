"""
Listening ports with one socket for both address families, and with back-pressure when file
descriptors run out.

When no file descriptor is left, Twisted's own ports close the connections in the queue, with
several log lines for each; and on C{::} they follow the system's default.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from twisted.internet import tcp
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.service.peers import twistedAddress, withScopeName
from twisted_netdemo.service.process.system import hearAll, refuseNew
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.time.clock import monotonic

if sys.platform != "win32":
    from twisted.internet import unix

if TYPE_CHECKING:
    _Port = tcp.Port
else:  # it is mixed into one
    _Port = object

_log = Logger()

# More at once would keep present connections waiting.
_ACCEPTS = 100 if sys.platform != "win32" else 1
# At the stop the whole queue, which is seldom longer (net.core.somaxconn is 4096).
_LAST_ACCEPTS = 5000 if sys.platform != "win32" else 1
_SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 1.0

# The ports in whose queues clients may wait: a shortage is the process's, not a port's.
_paused: WeakSet[_AcceptBackPressure] = WeakSet()


class _AcceptBackPressure(_Port):
    """
    Mixed into a Twisted stream port: leaves connections in the queue while there are no file
    descriptors for them.

    @ivar shared: whether other processes have the socket too, and go on with it.
    """

    shared = False

    reactor: IServiceReactor
    factory: Factory
    _resumption: IDelayedCall | None = None
    _wasShort = False
    _refusing = False

    def doRead(self) -> None:
        self.acceptUpTo(_ACCEPTS)

    def acceptUpTo(self, most: int) -> None:
        """
        Accept up to C{most} connections, or some more after a shortage, to learn whether it is
        over.
        """
        self._accept(_ACCEPTS if self._wasShort else min(most, _ACCEPTS))

    def _accept(self, most: int) -> None:
        for _ in range(most):
            try:
                connection, address = self.accept()
            except BlockingIOError:
                if self._wasShort:
                    self._recovered()
                return
            except OSError as error:
                if error.errno in _SHORTAGE:
                    self._pause(error)
                    return
                # accept(2) passes on a network error of the connection that waited; the next
                # connection may be well.
                continue
            if self._refusing:
                hearAll(connection)
            address, peer = self.peer(address)
            protocol = None
            try:
                protocol = self.factory.buildProtocol(peer)
            except Exception:
                _log.failure("No protocol for a new connection")
            if protocol is None:
                connection.close()
                continue
            number = self.sessionno
            self.sessionno = number + 1
            transport = self.transport(connection, protocol, address, self, number, self.reactor)
            try:
                self.connectionEstablished(transport, protocol, peer)
            except Exception:  # as in Twisted, the connection stays
                _log.failure("A new connection failed at once")

    def closeQueue(self) -> None:
        """
        Let no further connection into the queue, unless the socket is shared; those in it can still
        be accepted.
        """
        raise NotImplementedError

    def accept(self) -> tuple[Any, Any]:
        """
        The next connection and the peer's address, in the form of the socket module.

        @raise OSError: there is none.
        """
        connection, address = self.socket.accept()
        return connection, address

    def peer(self, address: Any) -> tuple[Any, IAddress]:
        """
        A peer's address, for the transport and for the factory.
        """
        address = withScopeName(address)
        return address, twistedAddress(address, self.addressFamily)

    def connectionEstablished(self, transport: Any, protocol: IProtocol, peer: IAddress) -> None:
        """
        Tell a new connection's protocol of it.
        """
        protocol.makeConnection(transport)

    def _pause(self, error: OSError) -> None:
        first = not _paused
        _paused.add(self)
        self._wasShort = True
        if first:
            _log.warn(
                "Out of file descriptors or memory ({error}): those connected are served, new "
                "connections wait.",
                error=error.strerror,
            )
        self.stopReading()
        self._resumption = monotonic(self.reactor).callLater(_PAUSE, self._resume)

    def _recovered(self) -> None:
        self._wasShort = False
        _paused.discard(self)
        if not _paused:
            _log.info("No connection waits any longer: new ones are accepted again.")

    def _resume(self) -> None:
        self._resumption = None
        if self.connected and not self.disconnecting:
            self.startReading()
            # accept(2) asks for a descriptor before it looks into the queue: only now an empty
            # queue can be told from a shortage.
            self._accept(_ACCEPTS)

    def loseConnection(self, *reason: Failure) -> Deferred[None] | None:
        if self._resumption is None and self.connected and not self.disconnecting:
            self.closeQueue()
            # The kernel has told the clients in the queue that they are connected.
            self._accept(_LAST_ACCEPTS)
        if self._resumption is not None:
            self._resumption.cancel()
            self._resumption = None
        _paused.discard(self)
        closed: Deferred[None] | None = super().loseConnection(*reason)
        return closed

    stopListening = loseConnection


class TCPPort(_AcceptBackPressure, tcp.Port):
    """
    A TCP port. On C{::} it takes IPv4 too, even where the system's default is otherwise.
    """

    def createInternetSocket(self) -> socket.socket:
        created: socket.socket = super().createInternetSocket()
        if self.addressFamily == socket.AF_INET6 and self.interface == "::":
            created.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return created

    def refuseNew(self) -> bool:
        """
        See L{refuseNew<twisted_netdemo.service.process.system.refuseNew>}.

        @return: whether handshakes may be under way, for which the port has to be kept a little.
        """
        if self.shared or self._refusing:
            return self._refusing
        self._refusing = refuseNew(self.socket)
        if not self._refusing:
            _log.warn(
                "This system has no way to refuse new connections before the port closes: a client "
                "that connects in this moment may be reset."
            )
        return self._refusing

    def closeQueue(self) -> None:
        self.refuseNew()


if sys.platform != "win32":

    class UNIXPort(_AcceptBackPressure, unix.Port):
        """
        A port on a UNIX stream socket. It copes with files that are locked, or have been removed.
        """

        def __init__(self, path: Any, *arguments: Any, **more: Any) -> None:
            super().__init__(path, *arguments, **more)
            self._path = os.fsdecode(path)

        def peer(self, address: Any) -> tuple[Any, IAddress]:
            return address, UNIXAddress(address)

        def startListening(self) -> None:
            try:
                super().startListening()
            except OSError as error:  # of its lock file
                raise CannotListenError("", os.fsencode(self._path), error) from None

        def closeQueue(self) -> None:
            if not self.shared:
                self.socket.shutdown(socket.SHUT_RD)

        def connectionLost(self, reason: Failure) -> None:
            try:
                super().connectionLost(reason)
            except OSError as error:
                # It has been removed already, or is root's and the process is no longer.
                _log.warn(
                    "UNIX socket {path} could not be removed: {error}.",
                    path=self._path,
                    error=error.strerror,
                )
                if self.lockFile is not None:
                    with suppress(OSError):
                        self.lockFile.unlock()
                tcp.Port.connectionLost(self, reason)
