"""
The fast transport and Twisted's own behave alike, event for event.
"""

from __future__ import annotations

import hashlib
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPullProducer,
    IPushProducer,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from tests.certificates import writeCertificate
from tests.processes import folder
from twisted_netdemo.service.binding import hasIPv6
from twisted_netdemo.service.tcp.fast import private_names
from twisted_netdemo.service.tcp.fast.multiplexer import multiplexerOf
from twisted_netdemo.service.tcp.fast.private_names import missingNames
from twisted_netdemo.service.tcp.fast.transport import FastConnection
from twisted_netdemo.service.tcp.listening_reactor import FastTCPPort, ListeningReactor

reactor: Any = theReactor

Client = Callable[[socket.socket], object]
MUCH = os.urandom(65536) * 64  # more than any socket's buffers


class Recorder(Protocol):
    """
    Writes down all that happens to it; C{does} says what it does then.
    """

    def __init__(self, does: dict[str, Callable[[Recorder, bytes], None]]) -> None:
        self.does = does
        self.happened: list[tuple[str, object]] = []
        self.over: Deferred[None] = Deferred()
        self.received = b""

    def record(self, name: str, what: object = None, data: bytes = b"") -> None:
        self.happened.append((name, what))
        if name in self.does:
            self.does[name](self, data)

    def connectionMade(self) -> None:
        self.record("made")

    def dataReceived(self, data: bytes) -> None:
        # The pieces that data comes in are the network's own affair.
        self.received += data
        if self.happened[-1][0] == "data":
            self.happened.pop()
        self.record("data", hashlib.sha256(self.received).hexdigest(), data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.record("lost", reason.type)
        self.over.callback(None)


@implementer(IHalfCloseableProtocol)
class HalfRecorder(Recorder):
    """
    The same with half-close.
    """

    def readConnectionLost(self) -> None:
        self.record("read lost")

    def writeConnectionLost(self) -> None:
        self.record("write lost")


@implementer(IPushProducer, IPullProducer)
class Pieces:
    """
    Produces C{MUCH} in pieces, and writes down when it is asked to.
    """

    def __init__(self, recorder: Recorder, streaming: bool) -> None:
        self.recorder = recorder
        self.streaming = streaming
        self.pieces: Iterator[bytes] = (MUCH[i : i + 8192] for i in range(0, len(MUCH), 8192))
        self.paused = False
        self.most = 0

    def resumeProducing(self) -> None:
        self.paused = False
        while not self.paused:
            piece = next(self.pieces, None)
            peer: Any = self.recorder.transport
            if piece is None:
                self.recorder.record("produced", self.most < 200_000)
                peer.unregisterProducer()
                peer.loseConnection()
                return
            peer.write(piece)
            self.most = max(self.most, len(peer.dataBuffer) + peer._tempDataLen)
            if not self.streaming:
                return

    def pauseProducing(self) -> None:
        self.paused = True

    def stopProducing(self) -> None:
        self.paused = True
        self.recorder.record("stop producing")


def readAll(client: socket.socket) -> bytes:
    said = b""
    while data := client.recv(65536):
        said += data
    return said


def ends(client: socket.socket) -> object:
    """
    The data that a client reads, up to the end or the reset.
    """
    try:
        return readAll(client)
    except ConnectionResetError:
        return "reset"


class AlikeTests(TestCase):
    """
    Each scenario on both transports: the same events, and the same for the client.
    """

    timeout = 60

    async def once(
        self,
        kind: type[Recorder],
        does: dict[str, Any],
        client: Client,
        stock: bool,
        tls: bool,
        interface: str,
    ) -> tuple[object, object]:
        self.patch(private_names, "_missing", ["everything"] if stock else [])
        protocols: list[Recorder] = []

        class Recorders(Factory):
            noisy = False

            def buildProtocol(self, address: object) -> Recorder:
                protocols.append(kind(does))
                return protocols[-1]

        listening = ListeningReactor(reactor)
        where = {"interface": interface}
        if tls:
            port = listening.listenSSL(0, Recorders(), self.context(), **where)
        else:
            port = listening.listenTCP(0, Recorders(), **where)
            self.assertEqual(port.transport is FastConnection, not stock)

        def converse() -> object:
            host = "127.0.0.1" if interface == "::" else interface
            with socket.create_connection((host, port.getHost().port)) as connection:
                connection.settimeout(30)
                return client(connection)

        said = await deferToThread(converse)
        await protocols[0].over
        await maybeDeferred(port.stopListening)
        return said, protocols[0].happened

    def context(self) -> Any:
        certificate, key = writeCertificate(folder(self), "one")
        return DefaultOpenSSLContextFactory(str(key), str(certificate))

    async def alike(
        self,
        does: dict[str, Any],
        client: Client,
        kind: type[Recorder] = Recorder,
        tls: bool = False,
        interface: str = "127.0.0.1",
    ) -> tuple[Any, list[tuple[str, Any]]]:
        stock = await self.once(kind, does, client, True, tls, interface)
        fast = await self.once(kind, does, client, False, tls, interface)
        self.assertEqual(stock, fast)
        said: Any
        happened: Any
        said, happened = fast
        return said, happened

    async def test_answerAndClose(self) -> None:
        """
        Several writes in one callback and a close: all arrives, in order, then the end.
        """

        def answer(self: Recorder, data: bytes) -> None:
            for number in range(100):
                self.transport.write(b"%d " % number)
            self.transport.writeSequence([b"and", b" out"])
            self.transport.loseConnection()
            self.transport.write(b"too late")

        def client(connection: socket.socket) -> bytes:
            connection.sendall(b"hello")
            return readAll(connection)

        said, _ = await self.alike({"data": answer}, client)
        self.assertTrue(said.startswith(b"0 1 2 ") and b"99 and out" in said)

    async def test_wordsFirst(self) -> None:
        """
        The protocol writes before it reads, and closes at once.
        """

        def greet(self: Recorder, data: bytes) -> None:
            self.transport.write(b"go away")
            self.transport.loseConnection()

        said, _ = await self.alike({"made": greet}, readAll)
        self.assertEqual(said, b"go away")

    async def test_halfClose(self) -> None:
        """
        Our output ends first, the input goes on and is read to its end.
        """

        def answer(self: Recorder, data: bytes) -> None:
            if ("write lost", None) not in self.happened:
                self.transport.write(b"answer")
                self.transport.loseWriteConnection()

        def client(connection: socket.socket) -> bytes:
            connection.sendall(b"line")
            said = readAll(connection)
            connection.sendall(b"more" * 100_000)
            connection.shutdown(socket.SHUT_WR)
            return said + readAll(connection)

        def end(self: Recorder, data: bytes) -> None:
            self.transport.loseConnection()

        said, happened = await self.alike({"data": answer, "read lost": end}, client, HalfRecorder)
        self.assertEqual(said, b"answer")
        names = [name for name, _ in happened]
        self.assertEqual(names, ["made", "data", "write lost", "data", "read lost", "lost"])

    async def test_answerAfterTheEnd(self) -> None:
        """
        The client's output ends first, and it is answered still.
        """

        def later(self: Recorder, data: bytes) -> None:
            def answer() -> None:
                self.transport.write(b"late answer")
                self.transport.loseConnection()

            reactor.callLater(0.01, answer)

        def client(connection: socket.socket) -> bytes:
            connection.sendall(b"line")
            connection.shutdown(socket.SHUT_WR)
            return readAll(connection)

        said, _ = await self.alike({"read lost": later}, client, HalfRecorder)
        self.assertEqual(said, b"late answer")

    async def test_noHalfClose(self) -> None:
        """
        Without half-close the end of the input ends the connection.
        """

        def client(connection: socket.socket) -> bytes:
            connection.sendall(b"line")
            connection.shutdown(socket.SHUT_WR)
            return readAll(connection)

        await self.alike({}, client)

    async def test_abort(self) -> None:
        """
        An abort is a reset, and nothing more is read or written.
        """

        def abort(self: Recorder, data: bytes) -> None:
            self.transport.write(b"never sent")
            self.transport.abortConnection()

        def client(connection: socket.socket) -> object:
            connection.sendall(b"line")
            return ends(connection)

        said, _ = await self.alike({"data": abort}, client)
        self.assertEqual(said, "reset")

    async def test_reset(self) -> None:
        """
        A client's reset is a lost connection.
        """

        def client(connection: socket.socket) -> None:
            connection.recv(5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def greet(self: Recorder, data: bytes) -> None:
            self.transport.write(b"hello")

        await self.alike({"made": greet}, client)

    async def test_protocolFails(self) -> None:
        """
        A protocol that raises loses its connection, and its error is logged.
        """

        def fail(self: Recorder, data: bytes) -> None:
            raise ZeroDivisionError

        def client(connection: socket.socket) -> object:
            connection.sendall(b"line")
            return ends(connection)

        await self.alike({"data": fail}, client)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    async def test_muchAtOnce(self) -> None:
        """
        4 MiB in one write to a client that begins to read late.
        """

        def answer(self: Recorder, data: bytes) -> None:
            self.transport.write(MUCH)
            self.transport.loseConnection()

        def client(connection: socket.socket) -> str:
            connection.sendall(b"line")
            return hashlib.sha256(readAll(connection)).hexdigest()

        said, _ = await self.alike({"data": answer}, client)
        self.assertEqual(said, hashlib.sha256(MUCH).hexdigest())

    async def test_echo(self) -> None:
        """
        A client that sends 4 MiB before it reads gets all of it back: answers wait their turn.
        """

        def echo(self: Recorder, data: bytes) -> None:
            self.transport.write(data)

        def end(self: Recorder, data: bytes) -> None:
            self.transport.loseConnection()

        def client(connection: socket.socket) -> str:
            connection.sendall(MUCH)
            connection.shutdown(socket.SHUT_WR)
            return hashlib.sha256(readAll(connection)).hexdigest()

        said, happened = await self.alike({"data": echo, "read lost": end}, client, HalfRecorder)
        self.assertEqual(said, hashlib.sha256(MUCH).hexdigest())
        self.assertEqual([name for name, _ in happened], ["made", "data", "read lost", "lost"])

    async def test_inAnothersCallback(self) -> None:
        """
        What one connection's callback says on another, and its end, is sent without further ado.
        """
        self.patch(private_names, "_missing", [])
        protocols: list[Protocol] = []

        class Passing(Protocol):
            def connectionMade(self) -> None:
                protocols.append(self)

            def dataReceived(self, data: bytes) -> None:
                for protocol in protocols:
                    protocol.transport.write(data)
                    protocol.transport.write(b", and so on")
                    protocol.transport.loseConnection()

        factory = Factory.forProtocol(Passing)
        factory.noisy = False
        port = ListeningReactor(reactor).listenTCP(0, factory, interface="127.0.0.1")
        where = ("127.0.0.1", port.getHost().port)
        with socket.create_connection(where) as silent, socket.create_connection(where) as speaking:
            while len(protocols) < 2:
                await soon()
            speaking.sendall(b"both of you")
            for client in (silent, speaking):
                self.assertEqual(await deferToThread(readAll, client), b"both of you, and so on")
        await maybeDeferred(port.stopListening)

    async def produce(self, streaming: bool) -> None:
        def register(self: Recorder, data: bytes) -> None:
            producer = Pieces(self, streaming)
            self.transport.registerProducer(producer, streaming)
            if streaming:
                producer.resumeProducing()

        def client(connection: socket.socket) -> str:
            connection.sendall(b"line")
            return hashlib.sha256(readAll(connection)).hexdigest()

        said, happened = await self.alike({"data": register}, client)
        self.assertEqual(said, hashlib.sha256(MUCH).hexdigest())
        self.assertIn(("produced", True), happened)

    async def test_pushProducer(self) -> None:
        """
        A push producer is paused before much is held, and all arrives.
        """
        await self.produce(True)

    async def test_pullProducer(self) -> None:
        """
        A pull producer is asked for a piece at a time.
        """
        await self.produce(False)

    async def test_pausedReading(self) -> None:
        """
        A paused protocol reads nothing until it resumes, and then all.
        """

        def pause(self: Recorder, data: bytes) -> None:
            self.transport.pauseProducing()
            reactor.callLater(0.05, self.transport.resumeProducing)

        def client(connection: socket.socket) -> bytes:
            connection.sendall(MUCH)
            connection.shutdown(socket.SHUT_WR)
            return readAll(connection)

        _, happened = await self.alike({"made": pause}, client)
        self.assertEqual(happened[1], ("data", hashlib.sha256(MUCH).hexdigest()))

    async def test_addresses(self) -> None:
        """
        The transport says the same about itself, over IPv4, IPv6, and IPv4 on a socket for both;
        who the peer was can still be asked when it has gone.
        """

        def tell(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            told = [
                type(peer.getPeer()),
                peer.getPeer() == type(peer.getPeer())("TCP", *peer.client),
                peer.client[0],
                peer.client[2:],
                type(peer.getHost()),
                peer.getHost().host,
                peer.hostname,
                peer.logPrefix(),
                repr(peer).split(" on ")[0],
                peer.getTcpNoDelay(),
                peer.getHandle().getblocking(),
                peer.fileno() == peer.getHandle().fileno(),
                peer.reactor,
            ]
            self.record("told", told)
            peer.loseConnection()
            peer.loseConnection()

        def remember(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            left = [peer.getPeer().host, len(peer.client), peer.fileno(), str(peer.connected)]
            self.happened.append(("left", left))

        for interface in ("127.0.0.1", "::1", "::"):
            if ":" in interface and not hasIPv6():
                continue
            does = {"made": tell, "lost": remember}
            await self.alike(does, readAll, interface=interface)

    def test_scope(self) -> None:
        """
        A link-local peer keeps the interface that it is on, and its flow label.
        """
        address = ("fe80::1%lo", 1234, 7, 1)
        port = FastTCPPort(0, Factory(), interface="::1", reactor=reactor)
        with socket.socket(socket.AF_INET6) as connection:
            made = FastConnection(connection, Protocol(), address, port, 0, reactor)
            self.assertEqual(made.client, address)
            self.assertEqual(made.getPeer(), IPv6Address("TCP", *address))
            made.stopReading()

    async def test_tls(self) -> None:
        """
        Over TLS, 4 MiB and the end.
        """

        def answer(self: Recorder, data: bytes) -> None:
            self.transport.write(MUCH)
            self.transport.loseConnection()

        await self.alike({"data": answer}, overTLS, tls=True)

    async def test_startTLS(self) -> None:
        """
        TLS begun in the middle of a connection.
        """
        context = self.context()

        def upgrade(self: Recorder, data: bytes) -> None:
            if data == b"STARTTLS":
                peer: Any = self.transport
                peer.write(b"OK")
                peer.startTLS(context)
            else:
                self.transport.write(MUCH)
                self.transport.loseConnection()

        def client(connection: socket.socket) -> object:
            connection.sendall(b"STARTTLS")
            connection.recv(2)
            return overTLS(connection)

        await self.alike({"data": upgrade}, client)

    async def test_manyThatLeave(self) -> None:
        """
        When all have gone, the reactor has nothing left of them.
        """
        self.patch(private_names, "_missing", [])
        factory = Factory.forProtocol(Protocol)
        factory.noisy = False
        port = ListeningReactor(reactor).listenTCP(0, factory, interface="127.0.0.1")

        def client() -> None:
            socket.create_connection(("127.0.0.1", port.getHost().port)).close()

        await gatherResults([deferToThread(client) for _ in range(50)])
        await maybeDeferred(port.stopListening)
        while multiplexerOf(reactor) in reactor.getReaders():
            await soon()

    async def test_singleConnection(self) -> None:
        """
        A single new connection is accepted, and the kernel is not asked for another one.
        """
        self.patch(private_names, "_missing", [])
        asked, original = [], FastTCPPort.accept

        def accept(port: Any) -> tuple[Any, Any]:
            asked.append(port)
            return original(port)

        self.patch(FastTCPPort, "accept", accept)
        made: Deferred[object] = Deferred()

        class Made(Protocol):
            def connectionMade(self) -> None:
                made.callback(None)

        factory = Factory.forProtocol(Made)
        factory.noisy = False
        port = ListeningReactor(reactor).listenTCP(0, factory, interface="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port.getHost().port)):
            await made
            await soon()
            self.assertEqual(len(asked), 1)
        await maybeDeferred(port.stopListening)

    async def test_othersHaveTheirTurn(self) -> None:
        """
        A connection that always has more is read more than once a turn of the reactor, and not for
        ever: timers and all else have their turn too.
        """
        self.patch(private_names, "_missing", [])
        read = 0

        class Again(Protocol):
            def dataReceived(self, data: bytes) -> None:
                nonlocal read
                read += 1
                if client.fileno() >= 0:
                    client.sendall(data)

        factory = Factory.forProtocol(Again)
        factory.noisy = False
        port = ListeningReactor(reactor).listenTCP(0, factory, interface="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            client.sendall(b"more")
            while not read:
                await soon()
            before = read
            for _ in range(10):
                await soon()
            self.assertTrue(10 < read - before <= 100, read - before)
        await maybeDeferred(port.stopListening)

    async def test_goneBeforeItIsReadable(self) -> None:
        """
        For a moment the kernel tells that a connection is gone, and not yet that there is something
        to be read, the reset: who waits for it is told of a reset.
        """
        self.patch(private_names, "_missing", [])
        protocols: list[Protocol] = []
        reasons: list[Failure] = []

        class Waiting(Protocol):
            def connectionMade(self) -> None:
                protocols.append(self)

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                reasons.append(reason)

        factory = Factory.forProtocol(Waiting)
        factory.noisy = False
        port = ListeningReactor(reactor).listenTCP(0, factory, interface="127.0.0.1")
        multiplexer = multiplexerOf(reactor)
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            while not protocols:
                await soon()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        number = protocols[0].transport.fileno()  # type: ignore[union-attr]
        multiplexer._serve([(number, select.EPOLLHUP | select.EPOLLERR)], 1)
        self.assertTrue(reasons[0].check(ConnectionLost), reasons)
        await maybeDeferred(port.stopListening)

    async def test_copiedElsewhere(self) -> None:
        """
        A descriptor that another process has a copy of is reported for ever by epoll(7), though it
        is closed here: the multiplexer frees itself of it, and serves on.
        """
        self.patch(private_names, "_missing", [])
        copies: list[int] = []

        class Copied(Protocol):
            def dataReceived(self, data: bytes) -> None:
                peer: Any = self.transport
                copies.append(os.dup(peer.fileno()))
                peer.loseConnection()

        factory = Factory.forProtocol(Copied)
        factory.noisy = False
        port = ListeningReactor(reactor).listenTCP(0, factory, interface="127.0.0.1")
        multiplexer = multiplexerOf(reactor)
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            client.sendall(b"unread and")
            while not copies:
                await soon()
            client.sendall(b"reported")
            before = multiplexer.fileno()
            while (
                multiplexer.fileno() == before
                and select.select([multiplexer.fileno()], [], [], 0)[0]
            ):
                await soon()
            self.assertEqual(select.select([multiplexer.fileno()], [], [], 0)[0], [])
        os.close(copies[0])
        await maybeDeferred(port.stopListening)


def soon() -> Deferred[None]:
    waiting: Deferred[None] = Deferred()
    reactor.callLater(0, waiting.callback, None)
    return waiting


def overTLS(connection: socket.socket) -> object:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(connection) as secure:
        secure.sendall(b"line")
        said = hashlib.sha256()
        while data := secure.recv(65536):
            said.update(data)
        return said.hexdigest() == hashlib.sha256(MUCH).hexdigest()


class SwitchTests(SynchronousTestCase):
    """
    When ports make Twisted's own transports.
    """

    def test_nothingIsMissing(self) -> None:
        """
        This Twisted and this Python have all the private names that the fast path needs. Where
        this fails, services run on Twisted's own transports: slower, not wrongly.
        """
        self.assertEqual(missingNames(), [])

    def test_missing(self) -> None:
        """
        A name that is gone is named, and Twisted's own transports are used.
        """
        private = ((FileDescriptor, ("_noSuchName",)),)
        self.patch(private_names, "PRIVATE", private)
        self.assertEqual(missingNames(), ["FileDescriptor._noSuchName"])
        self.patch(private_names, "_missing", missingNames())
        self.assertFalse(private_names.isAvailable())

    def test_environment(self) -> None:
        """
        NETDEMO_TRANSPORT=stock asks for Twisted's own.
        """
        self.assertTrue(private_names.isAvailable())
        self.patch(os, "environ", {**os.environ, "NETDEMO_TRANSPORT": "stock"})
        self.assertFalse(private_names.isAvailable())
