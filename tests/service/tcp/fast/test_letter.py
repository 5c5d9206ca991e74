"""
The fast transport is Twisted's to the letter: what a program may do with a transport, besides to
read and to write.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.python import context, log
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.service.tcp.fast import test_transport
from tests.service.tcp.fast.test_transport import Recorder, ends, readAll
from twisted_netdemo.service.tcp.fast import private_names
from twisted_netdemo.service.tcp.fast.multiplexer import multiplexerOf
from twisted_netdemo.service.tcp.fast.transport import FastConnection
from twisted_netdemo.service.tcp.listening_reactor import ListeningReactor

reactor: Any = theReactor


def say(connection: socket.socket) -> object:
    connection.sendall(b"hello")
    return ends(connection)


class LetterCase(TestCase):
    """
    Each scenario on both transports.
    """

    timeout = 60
    once = test_transport.AlikeTests.once
    alike = test_transport.AlikeTests.alike

    def tearDown(self) -> None:
        self.assertEqual([one for one in multiplexerOf(reactor)._table if one is not None], [])

    async def test_connectionMadeFails(self) -> None:
        """
        A protocol that raises when it is told of its connection keeps it, and its error is logged.
        """

        def fail(self: Recorder, data: bytes) -> None:
            raise ZeroDivisionError

        def answer(self: Recorder, data: bytes) -> None:
            self.transport.write(b"still here")
            self.transport.loseConnection()

        said, _ = await self.alike({"made": fail, "data": answer}, say)
        self.assertEqual(said, b"still here")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    async def test_stopProducingFails(self) -> None:
        """
        A producer that raises when it is told to stop is logged. The protocol is told of the end,
        and the socket is closed; Twisted's own stays open, and its protocol is never told.
        """

        @implementer(IPushProducer)
        class Bad:
            def stopProducing(self) -> None:
                raise ZeroDivisionError

            def pauseProducing(self) -> None: ...
            def resumeProducing(self) -> None: ...

        def register(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            peer.registerProducer(Bad(), True)
            peer.write(b"go")

        def client(connection: socket.socket) -> bytes:
            return connection.recv(2)

        happened = await self.once(Recorder, {"made": register}, client, False, False, "127.0.0.1")
        self.assertEqual([name for name, _ in happened[1]], ["made", "lost"])  # type: ignore[attr-defined]
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_system(self) -> None:
        """
        An event logged in a callback says which connection it was, as does one of a thread that
        the callback started.
        """

        def system() -> str:
            found: str = context.get(log.ILogContext)["system"]
            return found

        def note(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            self.record("logged", system() == f"Recorder,{peer.sessionno},127.0.0.1")
            deferToThread(system).addCallback(other, self)
            reactor.callLater(0.02, peer.loseConnection)

        def other(found: str, self: Recorder) -> None:
            self.record("in a thread", found == f"Recorder,{self.transport.sessionno},127.0.0.1")  # type: ignore[attr-defined]

        def lost(self: Recorder, data: bytes) -> None:
            self.record("logged at the end", "Recorder" in system())

        _, happened = await self.alike({"data": note, "lost": lost}, say)
        self.assertIn(("logged", True), happened)
        self.assertIn(("in a thread", True), happened)

    async def test_attributes(self) -> None:
        """
        What Twisted gives a connection is there, and can be set.
        """
        names = ("reactor", "client", "logstr", "repstr", "hostname", "sessionno", "connected")

        def note(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            prefix = peer.logPrefix()
            for name in names:
                self.record(name, type(getattr(peer, name)).__name__)
            self.record("reactor", peer.reactor is reactor)
            self.record("repr", repr(peer).split("#")[0])
            for name in ("logstr", "repstr", "reactor", "client"):
                setattr(peer, name, "mine")
                self.record(name, getattr(peer, name))
                delattr(peer, name)
            self.record("log prefix", prefix == f"Recorder,{peer.sessionno},127.0.0.1")
            peer.reactor, peer.repstr, peer.client = reactor, "", ("127.0.0.1", 1)
            peer.loseConnection()

        def after(self: Recorder, data: bytes) -> None:
            for name in ("socket", "protocol"):
                self.record("after the end", hasattr(self.transport, name))

        _, happened = await self.alike({"data": note, "lost": after}, say)
        self.assertEqual(happened.count(("after the end", False)), 2)

    async def test_socket(self) -> None:
        """
        A connection's socket is one of Python's own, and does not block; the bytes go on.
        """

        def note(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            handle = peer.getHandle()
            self.record("one", peer.socket is handle and peer.fileno() == handle.fileno())
            self.record("blocks", handle.getblocking())
            with handle.dup() as copy:
                self.record("copy", copy.family)
            handle.makefile("rb").close()
            self.record("sends files", callable(handle.sendfile))
            peer.write(b"and words")
            peer.loseConnection()

        said, _ = await self.alike({"data": note}, say)
        self.assertEqual(said, b"and words")

    async def test_copied(self) -> None:
        """
        The end of a connection is its end for copies of its socket too.
        """
        copies: list[socket.socket] = []

        def copy(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            copies.append(peer.getHandle().dup())
            peer.loseConnection()

        said, _ = await self.alike({"data": copy}, say)
        self.assertEqual(said, b"")
        for each in copies:
            each.close()


class LeavingTests(TestCase):
    """
    A connection whose socket becomes another's.
    """

    timeout = 60

    async def leave(self, stock: bool, how: str) -> list[bytes]:
        self.patch(private_names, "_missing", ["everything"] if stock else [])
        received: list[bytes] = []
        second: Deferred[None] = Deferred()

        class Second(Protocol):
            def dataReceived(self, data: bytes) -> None:
                received.append(data)

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                second.callback(None)

        class First(Protocol):
            def connectionMade(self) -> None:
                if how == "made":
                    self.leaves()

            def dataReceived(self, data: bytes) -> None:
                self.leaves()

            def leaves(self) -> None:
                peer: Any = self.transport
                if how == "made":
                    reactor.removeReader(peer)
                else:
                    peer.stopReading()
                reactor.adoptStreamConnection(
                    peer.fileno(), socket.AF_INET, Factory.forProtocol(Second)
                )
                peer.socket.close()

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                received.append(b"the first was told")

        port = ListeningReactor(reactor).listenTCP(
            0, Factory.forProtocol(First), interface="127.0.0.1"
        )
        self.assertEqual(port.transport is FastConnection, not stock)
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            client.settimeout(30)
            if how != "made":
                client.sendall(b"for the first")
                await deferToThread(lambda: None)
            client.sendall(b"for the second")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(await deferToThread(readAll, client), b"")
        await second
        await port.stopListening()
        return [b"".join(received)]

    async def test_atOnce(self) -> None:
        """
        A protocol that takes the socket when the connection is made gets all bytes, and nothing is
        logged.
        """
        for stock in (True, False):
            self.assertEqual(await self.leave(stock, "made"), [b"for the second"], stock)

    async def test_later(self) -> None:
        """
        The same for who takes it when something has come.
        """
        for stock in (True, False):
            said = (await self.leave(stock, "data"))[0]
            self.assertTrue(b"for the second".endswith(said), said)

    async def test_others(self) -> None:
        """
        A socket that is closed behind its transport's back takes no other connection with it.
        """
        self.patch(private_names, "_missing", [])
        protocols: list[Any] = []

        class One(Protocol):
            def connectionMade(self) -> None:
                protocols.append(self)
                self.transport.write(b"hello")

            def dataReceived(self, data: bytes) -> None:
                self.transport.write(data)

        port = ListeningReactor(reactor).listenTCP(
            0, Factory.forProtocol(One), interface="127.0.0.1"
        )
        address = ("127.0.0.1", port.getHost().port)

        def talk() -> bytes:
            with socket.create_connection(address) as client:
                client.settimeout(30)
                first = client.recv(5)
                client.sendall(b"again")
                return first + client.recv(5)

        with socket.create_connection(address) as client:
            await deferToThread(client.recv, 5)
            protocols[0].transport.socket.close()
            for _ in range(3):  # the first of them has its descriptor
                self.assertEqual(await deferToThread(talk), b"helloagain")
            protocols[0].transport.abortConnection()
        await port.stopListening()
        await deferToThread(lambda: None)
        self.assertEqual([one for one in multiplexerOf(reactor)._table if one is not None], [])
