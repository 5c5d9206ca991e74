"""
The sessions of a TCP server: one for each connection.

A service says what to do with a connection::

    class Greeting(Session):
        def begin(self, client):
            self.finish("answered", b"Hello.\\r\\n")

The rest is here: the limits, the deadline, an end that does not destroy the answer on its way, and
the session's report to its
L{SessionFactory<twisted_netdemo.service.tcp.session_factory.SessionFactory>}.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Literal

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.addresses import plainHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.networks import clientOf
from twisted_netdemo.service.tcp.proxy_protocol import IProxied

if TYPE_CHECKING:  # each of the two names the other; the factory imports this module
    from twisted_netdemo.service.tcp.session_factory import SessionFactory

__all__ = ["Client", "Ending", "Session"]

#: After a session has finished, the client's further input is read and dropped until the client
#: closes: a socket closed with unread input sends a reset, which can destroy the answer on its way
#: (RFC 2525 2.17). That ends after C{LINGER} seconds, or after C{LINGER_LEAST} seconds if the
#: client has sent more than C{LINGER_BYTES} by then.
LINGER = 5.0
LINGER_LEAST = 1.0
LINGER_BYTES = 2 << 20

_WITH_HOST = (IPv4Address, IPv6Address)

# How many refused clients may linger at one time; further ones are closed at once.
_REFUSED_LINGERING = 500

#: Why the server ends a session of itself: the client has too many connections already
#: (C{"client"}), the server has (C{"full"}), the deadline has passed, the server stops.
Ending = Literal["client", "full", "timed-out", "cut-short"]

#: A client's address as text (an IPv6 one with C{%scope} where it has one, an IPv4-mapped one as
#: IPv4) and its port.
Client = tuple[str, int]


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class Session(Protocol):
    """
    One connection. A subclass overrides L{begin}, L{received}, L{inputEnded} and L{lastWords} as
    far as it needs them, writes to its C{transport}, and calls L{finish} once.

    @ivar isOpen: whether the session has not finished yet.
    """

    factory: SessionFactory
    transport: ITCPTransport
    isOpen = False
    # Most sessions never need more than these defaults: there may be many, waiting.
    _client: Hashable | None = None  # None: without an address
    _present = False  # counted by the limits
    _isCheck = False  # a proxy's own health check, which is not counted as a session
    _cancelDeadline: Callable[[], None] | None = None  # of one that was taken over
    _handshaken = False
    _inputEnded = False
    _outputEnded = False
    _dropped = 0
    _began = 0.0

    def begin(self, client: Client | None) -> None:
        """
        The client is connected, and within the limits.

        @param client: C{None} for a client on a UNIX socket.
        """

    def received(self, data: bytes) -> None:
        """
        The client has sent these bytes, one at least; only called while the session C{isOpen}.
        """

    def inputEnded(self) -> None:
        """
        The client has sent all that it will, and may still be reading; only called while the
        session C{isOpen}. By default the session is C{"ended"}.
        """
        self.finish("ended")

    def lastWords(self, ending: Ending) -> bytes:
        """
        What the client reads before the server ends the session; nothing by default.
        """
        return b""

    def finish(self, outcome: str, words: bytes = b"", **counts: int) -> None:
        """
        Write the last words and end the output. The client's input is dropped until it ends, too.

        @param outcome: how the session went, for the log and the metrics.
        @param counts: what was counted in it, by the names in C{SessionFactory.counts}.
        """
        now = self._report(outcome, counts)
        transport = self.transport
        transport.write(words)
        self.factory.lingerDeadlines.begin(self, now)
        # Over TLS our close_notify is followed by a wait for the client's; TLS has no half-close,
        # nor has all that is no TCP, such as Twisted's StringTransport.
        if (
            self._inputEnded
            or ISSLTransport.providedBy(transport)
            or not ITCPTransport.providedBy(transport)
        ):
            transport.loseConnection()
        else:
            transport.loseWriteConnection()

    @property
    def client(self) -> Client | None:
        """
        The client's address and port, C{None} for a client on a UNIX socket.
        """
        address: object = self.transport.getPeer()
        if isinstance(address, _WITH_HOST):
            return plainHost(address.host), address.port
        return None

    @property
    def peer(self) -> str:
        """
        The client as the log has it: C{192.0.2.1:7}, C{[2001:db8::1]:7}, C{unix}.
        """
        client = self.client
        if client is None:
            return "unix"
        return hostPort(*client)

    def connectionMade(self) -> None:
        factory = self.factory
        transport = self.transport
        self._began = factory.clock.seconds()
        self.isOpen = True
        address: object = transport.getPeer()
        client: Client | None = None
        if isinstance(address, _WITH_HOST):  # as self.client has it, at less cost
            host = plainHost(address.host)
            client = host, address.port
            self._client = clientOf(host)
        factory.sessions[self] = None
        if IProxied.providedBy(transport):
            proxied = IProxied(transport)
            # The deadline that began with the PROXY header goes on.
            self._cancelDeadline = proxied.takeDeadline(self.timedOut)
            if proxied.isLocal:
                self._isCheck = True
                self.begin(client)
                return
        else:
            factory.deadlines.begin(self, self._began)
        refusal = factory.limits.enter(self._client)
        if refusal is not None:
            self._refuse(self.lastWords(refusal))
            return
        self._present = True
        self.begin(client)

    def handshakeCompleted(self) -> None:
        """
        TLS has begun.
        """
        self._handshaken = True

    def dataReceived(self, data: bytes) -> None:
        if self.isOpen:
            self.received(data)
            return
        self._dropped += len(data)
        if self._dropped > LINGER_BYTES:
            factory = self.factory
            began = factory.lingerDeadlines.since(self)
            if began is not None and factory.clock.seconds() - began > LINGER_LEAST:
                self.lingered()

    def readConnectionLost(self) -> None:
        self._inputEnded = True
        if self.isOpen:
            self.inputEnded()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Our FIN has been sent, behind the last words.
        """
        self._outputEnded = True

    def timedOut(self) -> None:
        """
        The deadline has passed.
        """
        self.finish("timed-out", self.lastWords("timed-out"))
        if not self._handshaken and ISSLTransport.providedBy(self.transport):
            self.abort()  # the client could not read the words

    def cutShort(self) -> None:
        """
        The server stops: a session that is open ends.
        """
        if self.isOpen:
            self.finish("cut-short", self.lastWords("cut-short"))

    def abort(self) -> None:
        """
        The server stops now.
        """
        if self.isOpen:
            self._report("cut-short", {})
        self.transport.abortConnection()

    def lingered(self) -> None:
        """
        The client has had time enough to close.
        """
        if self._outputEnded:
            # The kernel still brings the last words to a client that is slow to acknowledge them.
            self.transport.loseConnection()
        else:
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        factory = self.factory
        if self.isOpen:
            self._report("vanished", {})
        factory.lingerDeadlines.cancel(self)
        if self._present:
            factory.limits.leave(self._client)
        else:
            factory.refused.discard(self)
        factory.ended(self)

    def _refuse(self, words: bytes) -> None:
        lingering = self.factory.refused
        lingering.add(self)
        self.finish("refused", words)
        if len(lingering) > _REFUSED_LINGERING:
            self.transport.loseConnection()

    def _report(self, outcome: str, counts: Mapping[str, int]) -> float:
        """
        The session is over.

        @return: the clock's seconds now.
        """
        factory = self.factory
        self.isOpen = False
        if self._cancelDeadline is None:
            factory.deadlines.cancel(self)
        else:
            self._cancelDeadline()
            self._cancelDeadline = None
        now = factory.clock.seconds()
        if not self._isCheck:
            factory.report(self, outcome, counts, now - self._began)
        return now
