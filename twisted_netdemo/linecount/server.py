"""
The linecount server: one session a connection, with its limits, deadlines and last words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.linecount import wire
from twisted_netdemo.messages import Unit, answer, count, greeting
from twisted_netdemo.service.addresses import plainHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.observe.metrics import Figure, Spread
from twisted_netdemo.service.observe.session_log import Events
from twisted_netdemo.service.tcp.connection_limits import Limits, clientOf
from twisted_netdemo.service.tcp.proxy_protocol import IProxied
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.deadlines import Deadlines

#: After its answer a client's further input is read and dropped until the client closes: a socket
#: closed with unread input sends a reset, which can destroy the answer on its way (RFC 2525 2.17).
#: That ends after C{LINGER} seconds, or sooner for who has sent C{LINGER_BYTES} in more than
#: C{LINGER_LEAST} seconds.
LINGER = 5.0
LINGER_LEAST = 1.0
LINGER_BYTES = 2 << 20

# How many clients that were refused may linger at one time; those above it are closed at once.
_REFUSED_LINGERING = 500


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class LineCount(Protocol):
    """
    One session: greet, prompt, read one line, answer, close.
    """

    factory: LineCountFactory
    transport: ITCPTransport
    # What most sessions never need stands here alone: there may be many, waiting.
    _client: Hashable | None = None  # None: without an address
    _present = False  # counted by the limits
    _isCheck = False  # a proxy's own, which is no client's session and is not counted
    _waits = False  # for the rest of the line
    _reader: wire.LineReader | None = None
    _cancelDeadline: Callable[[], None] | None = None  # of one that was taken over
    _handshaken = False
    _inputEnded = False
    _outputEnded = False
    _dropped = 0
    _began = 0.0

    def connectionMade(self) -> None:
        factory = self.factory
        transport = self.transport
        self._began = factory.clock.seconds()
        self._waits = True
        welcome = self._meet(transport.getPeer())
        factory.sessions[self] = None
        if IProxied.providedBy(transport):
            proxied: Any = transport
            # One that began with the PROXY header goes on.
            self._cancelDeadline = proxied.takeDeadline(self.timedOut)
            if proxied.isLocal:
                self._isCheck = True
                transport.write(welcome + wire.PROMPT)
                return
        else:
            factory.lineDeadlines.begin(self, self._began)
        refusal = factory.limits.enter(self._client)
        if refusal is not None:
            self._refuse(wire.FULL if refusal == "full" else wire.NO_MORE_FROM_YOU)
            return
        self._present = True
        transport.write(welcome + wire.PROMPT)

    def _meet(self, address: object) -> bytes:
        if isinstance(address, UNIXAddress):
            own = self.transport.getHost()
            assert isinstance(own, UNIXAddress)
            return wire.localGreeting(own.name or b"")
        # Everything else that Twisted serves streams on has a host and a port.
        named: Any = address  # an IPv4Address or an IPv6Address
        host = plainHost(named.host)
        self._client = clientOf(host)
        return greeting((host, named.port))

    @property
    def peer(self) -> str:
        """
        The client as the log has it.
        """
        address: Any = self.transport.getPeer()
        if isinstance(address, UNIXAddress):
            return "unix"
        return hostPort(plainHost(address.host), address.port)

    def handshakeCompleted(self) -> None:
        """
        TLS has begun.
        """
        self._handshaken = True

    def dataReceived(self, data: bytes) -> None:
        if self._waits:
            reader = self._reader
            if reader is None:
                reader = self._reader = wire.LineReader(self.factory.maxLine)
            line = reader.feed(data)
            if line is not None:
                self._take(line)
            return
        self._dropped += len(data)
        if self._dropped > LINGER_BYTES:
            factory = self.factory
            began = factory.lingerDeadlines.since(self)
            if began is not None and factory.clock.seconds() - began > LINGER_LEAST:
                self.lingered()

    def readConnectionLost(self) -> None:
        """
        The client has sent all that it will; it may well be reading still.
        """
        self._inputEnded = True
        if self._waits:
            self._take((self._reader or wire.LineReader(self.factory.maxLine)).finish())
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Our FIN has been sent, behind the answer.
        """
        self._outputEnded = True

    def _take(self, line: bytes | wire.TooLong) -> None:
        if isinstance(line, bytes):
            counted = count(line, self.factory.unit)
            self._finish("answered", answer(counted), counted)
        else:
            self._finish("too-long", wire.tooLong(self.factory.maxLine))

    def timedOut(self) -> None:
        """
        The line has not come in time.
        """
        self._finish("timed-out", wire.timedOut(self.factory.lineDeadlines.seconds))
        if not self._handshaken and ISSLTransport.providedBy(self.transport):
            self.abort()  # it could not read the words

    def cutShort(self) -> None:
        """
        The server stops: say so to a client that has no answer yet.
        """
        if self._waits:
            self._finish("cut-short", wire.SHUTTING_DOWN)

    def abort(self) -> None:
        """
        The server stops now.
        """
        if self._waits:
            self._report("cut-short")
        # abortConnection is what every Twisted transport has, though no interface of streams says.
        transport: Any = self.transport
        transport.abortConnection()

    def _refuse(self, words: bytes) -> None:
        lingering = self.factory.refused
        lingering.add(self)
        self._finish("refused", words)
        if len(lingering) > _REFUSED_LINGERING:
            self.transport.loseConnection()

    def _finish(self, outcome: str, words: bytes, counted: int = 0) -> None:
        """
        The last words, and the end of our output; the input is dropped until it ends too.
        """
        now = self._report(outcome, counted)
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

    def lingered(self) -> None:
        """
        The client has had time enough to close.
        """
        if self._outputEnded:
            # The kernel still brings the answer to who is slow to acknowledge it.
            self.transport.loseConnection()
        else:
            self.abort()

    def _report(self, outcome: str, counted: int = 0) -> float:
        """
        @return: the clock's seconds now.
        """
        factory = self.factory
        self._waits = False
        self._reader = None
        if self._cancelDeadline is None:
            factory.lineDeadlines.cancel(self)
        else:
            self._cancelDeadline()
            self._cancelDeadline = None
        now = factory.clock.seconds()
        if not self._isCheck:
            factory.report(self, outcome, counted, now - self._began)
        return now

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        factory = self.factory
        if self._waits:
            self._report("vanished")
        factory.lingerDeadlines.cancel(self)
        if self._present:
            factory.limits.leave(self._client)
        else:
            factory.refused.discard(self)
        factory.ended(self)


class LineCountFactory(Factory):
    """
    Makes sessions, and knows those that there are.

    An endpoint that listens with it serves, as C{examples/linecount_server.py} does, but knows no
    grace: when its port closes, sessions go on, and the end of the process resets them.
    L{StreamService<twisted_netdemo.service.tcp.service.StreamService>} waits for them, tells those
    that are left, and refuses new connections without a reset.

    @ivar sessions: every connection, also one that is only read to its end.
    @ivar outcomes: how many sessions ended how: answered, too-long, timed-out, vanished, refused,
        cut-short.
    """

    protocol: Any = LineCount
    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        unit: Unit = "characters",
        timeout: float = 60.0,
        maxLine: int = 65536,
        limits: Limits | None = None,
        logSessions: bool = False,
    ) -> None:
        """
        @param clock: the reactor.
        @param timeout: seconds until the line has to be there, from when the connection began.
        @param maxLine: the longest line, in bytes.
        @param limits: how many connections there may be; 10,000 and 100 a client by default.
        @param logSessions: whether each session is a line of text in the log too.
        """
        self.clock = monotonic(clock)
        self.unit: Unit = unit
        self.maxLine = maxLine
        self.limits = Limits(10_000, 100) if limits is None else limits
        self.lineDeadlines = Deadlines(clock, timeout, LineCount.timedOut)
        self.lingerDeadlines = Deadlines(clock, LINGER, LineCount.lingered)
        # Not a set, which takes more memory.
        self.sessions: dict[LineCount, None] = {}
        self.refused: set[LineCount] = set()
        self.outcomes: defaultdict[str, int] = defaultdict(int)  # a Counter counts slowly
        self._characters = 0
        self._seconds = Spread()
        text = "{peer}: {outcome}, {characters} characters, {seconds:.3f} seconds"
        self._events = Events(__name__, text, logSessions)
        self._none: list[Deferred[None]] = []

    def report(self, session: LineCount, outcome: str, characters: int, seconds: float) -> None:
        """
        How a session went. Without a text the event is for structured logs alone.
        """
        self.outcomes[outcome] += 1
        self._characters += characters
        self._seconds.add(seconds)
        if self._events.heard():
            self._events.happened(
                peer=session.peer, outcome=outcome, characters=characters, seconds=seconds
            )

    def ended(self, session: LineCount) -> None:
        self.sessions.pop(session, None)
        if not self.sessions:
            if not self.numPorts:
                self._stopTimers()
            waiting, self._none = self._none, []
            for deferred in waiting:
                deferred.callback(None)

    def _stopTimers(self) -> None:
        if not self.sessions:
            self.lineDeadlines.stop()
            self.lingerDeadlines.stop()

    def waiting(self) -> int:
        """
        How many sessions there are.
        """
        return len(self.sessions)

    def whenNone(self) -> Deferred[None]:
        """
        Fires once there are none.
        """
        deferred: Deferred[None] = Deferred()
        if self.sessions:
            self._none.append(deferred)
        else:
            deferred.callback(None)
        return deferred

    def cutShort(self) -> None:
        """
        Tell those that are without an answer that the server stops.
        """
        for session in list(self.sessions):
            session.cutShort()

    def abort(self) -> None:
        """
        Close all of them at once.
        """
        for session in list(self.sessions):
            session.abort()

    def stopFactory(self) -> None:
        """
        The last port has closed; sessions may go on.
        """
        self._stopTimers()

    def figures(self) -> Iterable[Figure]:
        """
        For L{twisted_netdemo.service.observe.prometheus}.
        """
        yield Figure("linecount_sessions", "Sessions by outcome.", self.outcomes, "outcome")
        yield Figure(
            "linecount_connections_open", "Connections open now.", len(self.sessions), rises=False
        )
        yield Figure("linecount_characters", "Characters counted.", self._characters)
        yield Figure(
            "linecount_session_seconds", "From a connection to its last words.", self._seconds
        )
