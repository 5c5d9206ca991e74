"""
The programs at the near end: each sends what the page was told to send, and tells what came back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IHalfCloseableProtocol,
    IListeningPort,
    IPullProducer,
    IUDPTransport,
)
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.badwire.lessons.programs.tcp_exchange import text
from twisted_netdemo.badwire.live.ends.far_programs import COUNT, READER, SLOW
from twisted_netdemo.badwire.live.ends.live_interfaces import IFlowTransport, ILiveReactor
from twisted_netdemo.badwire.live.ends.observed import Witness, portOf, whyLost
from twisted_netdemo.badwire.sandbox.network import FAR

#: How many connections there may be at a time.
MOST = 32

#: The largest datagram over IPv4, and the largest transfer, in bytes.
DATAGRAM, TRANSFER = 65507, 16 << 20

# After so many bytes the numbered words of a transfer begin anew. So many are written at a time.
_WORDS = 130_000

#: Longer than the kernel tries to connect: its own error is to be seen.
_PATIENCE = 600.0


class Refused(Exception):
    """
    A program cannot do that now. The message is a line for people.
    """


@implementer(IHalfCloseableProtocol, IPullProducer)
class _Sender(Protocol):
    """
    Writes part after part, as the kernel takes them, then reads to the end.
    """

    transport: IFlowTransport

    def __init__(self, parts: Iterable[bytes], closes: bool, other: int, seen: Witness) -> None:
        """
        @param parts: what it writes. Ten megabytes at once would be held several times over.
        @param closes: whether it closes its output when all is written.
        """
        self._parts = iter(parts)
        self._closes = closes
        self._other = other
        self._seen = seen
        self._hasEnded = False

    def _tell(self, what: str, data: bytes = b"") -> None:
        self._seen(what, self._own, self._other, data)

    def connectionMade(self) -> None:
        self._own = portOf(self.transport.getHost())
        self._tell("connected")
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        Write the next part.
        """
        part = next(self._parts, None)
        if part is not None:
            self._tell("wrote", part)
            self.transport.write(part)
            return
        self.transport.unregisterProducer()
        if self._closes:
            self.transport.loseWriteConnection()

    def stopProducing(self) -> None:
        """
        The connection is gone.
        """
        self._parts = iter(())

    def dataReceived(self, data: bytes) -> None:
        self._tell("read", data)

    def readConnectionLost(self) -> None:
        self._hasEnded = True
        self._tell("end")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        The output has ended, and the answer is still to come.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if (error := whyLost(reason)) is not None:
            self._tell("error", error)
        elif not self._hasEnded:
            self._tell("end")


class _Senders(ClientFactory):
    """
    Makes the protocol of one connection.
    """

    noisy = False

    def __init__(
        self,
        make: Callable[[], _Sender],
        failed: Callable[[bytes], None],
        connectors: dict[IConnector, None],
    ) -> None:
        """
        @param failed: called with the error if there is no connection.
        @param connectors: those that there are.
        """
        self._make = make
        self._failed = failed
        self._connectors = connectors

    def buildProtocol(self, addr: IAddress | None) -> _Sender:
        return self._make()

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._connectors.pop(connector, None)
        self._failed(whyLost(reason) or b"")

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        self._connectors.pop(connector, None)


class _Asker(DatagramProtocol):
    """
    Sends datagrams from one port, and tells what comes back.
    """

    transport: IUDPTransport

    def __init__(self, seen: Witness) -> None:
        self._seen = seen

    def startProtocol(self) -> None:
        self.own = portOf(self.transport.getHost())
        self.transport.connect(FAR, COUNT)

    def send(self, data: bytes) -> None:
        """
        Send a datagram.
        """
        self._seen("wrote", self.own, COUNT, data)
        self.transport.write(data, (FAR, COUNT))

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        self._seen("read", self.own, COUNT, datagram)

    def connectionRefused(self) -> None:
        self._seen("error", self.own, COUNT, b"Connection refused")


class NearPrograms:
    """
    The near end.
    """

    def __init__(self, reactor: ILiveReactor, seenTCP: Witness, seenUDP: Witness) -> None:
        self._reactor = reactor
        self._seenTCP = seenTCP
        self._seenUDP = seenUDP
        self._connectors: dict[IConnector, None] = {}
        self._asker: _Asker | None = None
        self._port: IListeningPort | None = None

    def say(self, protocol: str, line: str) -> None:
        """
        Send a line to linecount by TCP, or to udpcount by UDP.

        @raise Refused: it cannot be sent.
        """
        data = line.encode()
        if protocol == "tcp":
            self._connect(COUNT, (data + b"\n",), False)
            return
        if len(data) > DATAGRAM:
            raise Refused(f"a datagram holds {DATAGRAM} bytes at most, not {len(data)}")
        if self._asker is None:
            asker = _Asker(self._seenUDP)
            try:
                self._port = self._reactor.listenUDP(0, asker, "", 1 << 16)
            except CannotListenError as error:
                raise Refused(str(error)) from None
            self._asker = asker
        try:
            self._asker.send(data)
        except OSError as error:
            raise Refused(f"the datagram was not sent: {error.strerror}") from None

    def transfer(self, size: int, isSlow: bool) -> None:
        """
        Send a numbered text to a reader.

        @param size: its bytes.
        @raise Refused: there are too many connections.
        """
        self._connect(SLOW if isSlow else READER, _numbered(size), True)

    def _connect(self, port: int, parts: Iterable[bytes], closes: bool) -> None:
        if len(self._connectors) >= MOST:
            raise Refused(f"{MOST} connections are open already: wait until one has ended")
        seen = self._seenTCP

        def make() -> _Sender:
            return _Sender(parts, closes, port, seen)

        def failed(error: bytes) -> None:
            seen("error", 0, port, error)

        factory = _Senders(make, failed, self._connectors)
        connector = self._reactor.connectTCP(FAR, port, factory, _PATIENCE)
        self._connectors[connector] = None

    def stop(self) -> None:
        """
        End all connections now.
        """
        for connector in list(self._connectors):
            connector.disconnect()
        if self._port is not None:
            self._port.stopListening()


def _numbered(size: int) -> Iterator[bytes]:
    """
    A text of so many bytes whose words are numbered, in parts.
    """
    words = text(min(size, _WORDS))
    for left in range(size, 0, -_WORDS):
        yield words[:left]
