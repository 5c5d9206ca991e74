"""
Connections that we make, on the fast transport and on Twisted's own: alike, event for event.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP6ClientEndpoint
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.certificates import writeCertificate
from tests.processes import folder
from tests.service.tcp.fast.test_transport import MUCH, HalfRecorder, Recorder, ends, readAll
from twisted_netdemo.service.tcp.fast import private_names
from twisted_netdemo.service.tcp.fast.client import OutgoingConnection, addressEndpoint
from twisted_netdemo.service.tcp.fast.multiplexer import LOST, multiplexerOf

reactor: Any = theReactor

Server = Callable[[socket.socket], object]


class Factories(Factory):
    """
    One protocol, and how often it was started and stopped.
    """

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self.made = protocol
        self.calls: list[str] = []

    def doStart(self) -> None:
        self.calls.append("start")

    def doStop(self) -> None:
        self.calls.append("stop")

    def buildProtocol(self, address: Any) -> Any:
        self.calls.append(f"build for {type(address).__name__} {address.host}")
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


class AlikeTestCase(TestCase):
    """
    Each scenario on both transports: the same events, the same results, the same for the server.
    """

    timeout = 60
    interface = "127.0.0.1"

    def choose(self, stock: bool) -> None:
        self.patch(private_names, "_missing", ["everything"] if stock else [])

    def listening(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.interface else socket.AF_INET
        server = socket.create_server((self.interface, 0), family=family)
        server.settimeout(30)
        self.addCleanup(server.close)
        return server

    async def once(
        self, kind: type[Recorder], does: dict[str, Any], serve: Server, wrap: Any
    ) -> object:
        server = self.listening()
        recorder = kind(does)
        factory = Factories(recorder)

        def converse() -> object:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(30)
                return serve(connection)

        said = deferToThread(converse)
        endpoint = addressEndpoint(reactor, self.interface, server.getsockname()[1])
        await endpoint.connect(wrap(factory))
        result = await said
        await recorder.over
        await deferLater(reactor, 0)
        return result, recorder.happened, factory.calls

    async def alike(
        self,
        does: dict[str, Any],
        serve: Server,
        kind: type[Recorder] = Recorder,
        wrap: Any = lambda factory: factory,
    ) -> tuple[Any, list[tuple[str, Any]]]:
        results: list[Any] = []
        for stock in (True, False):
            self.choose(stock)
            results.append(await self.once(kind, does, serve, wrap))
        self.assertEqual(*results)
        said, happened, calls = results[1]
        self.assertEqual(calls[0::2], ["start", "stop"])
        return said, happened


def ask(self: Recorder, data: bytes) -> None:
    self.transport.write(b"request")


class ConnectionTests(AlikeTestCase):
    async def test_askAndRead(self) -> None:
        """
        A request when connected, an answer, and the server's end.
        """

        def serve(connection: socket.socket) -> bytes:
            asked = connection.recv(100)
            connection.sendall(b"answer")
            return asked

        said, happened = await self.alike({"made": ask}, serve)
        self.assertEqual(said, b"request")
        self.assertEqual([name for name, _ in happened], ["made", "data", "lost"])

    async def test_serverSpeaksFirst(self) -> None:
        """
        What the server has sent by the time that we are told of the connection comes after that.
        """

        def answer(self: Recorder, data: bytes) -> None:
            for number in range(100):
                self.transport.write(b"%d " % number)
            self.transport.loseConnection()

        def serve(connection: socket.socket) -> bytes:
            connection.sendall(b"hello")
            return readAll(connection)

        said, _ = await self.alike({"data": answer}, serve)
        self.assertTrue(said.startswith(b"0 1 2 ") and said.endswith(b"99 "))

    async def test_later(self) -> None:
        """
        Data written outside of a callback is sent, too.
        """

        def later(self: Recorder, data: bytes) -> None:
            reactor.callLater(0.01, self.transport.write, b"request")

        def serve(connection: socket.socket) -> bytes:
            return connection.recv(100)

        said, _ = await self.alike({"made": later}, serve)
        self.assertEqual(said, b"request")

    async def test_muchBothWays(self) -> None:
        """
        4 MiB out and 4 MiB in, with a pause, and half-close.
        """

        def send(self: Recorder, data: bytes) -> None:
            self.transport.write(MUCH)
            peer: Any = self.transport
            peer.loseWriteConnection()
            peer.pauseProducing()
            reactor.callLater(0.05, peer.resumeProducing)

        def end(self: Recorder, data: bytes) -> None:
            self.transport.loseConnection()

        def serve(connection: socket.socket) -> str:
            said = hashlib.sha256(readAll(connection)).hexdigest()
            connection.sendall(MUCH)
            return said

        said, happened = await self.alike({"made": send, "read lost": end}, serve, HalfRecorder)
        self.assertEqual(said, hashlib.sha256(MUCH).hexdigest())
        self.assertIn(("data", said), happened)

    async def test_abort(self) -> None:
        """
        An abort is a reset.
        """

        def abort(self: Recorder, data: bytes) -> None:
            self.transport.abortConnection()

        def serve(connection: socket.socket) -> object:
            connection.sendall(b"hello")
            return ends(connection)

        said, _ = await self.alike({"data": abort}, serve)
        self.assertEqual(said, "reset")

    async def test_reset(self) -> None:
        """
        The server's reset is a lost connection.
        """

        def serve(connection: socket.socket) -> None:
            connection.recv(100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        await self.alike({"made": ask}, serve)

    async def test_protocolFails(self) -> None:
        """
        A protocol that raises, at once or later, loses its connection, and its error is logged.
        """

        def fail(self: Recorder, data: bytes) -> None:
            raise ZeroDivisionError

        def serve(connection: socket.socket) -> object:
            connection.sendall(b"hello")
            return ends(connection)

        await self.alike({"data": fail}, serve)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    async def test_addresses(self) -> None:
        """
        The transport says the same about itself.
        """

        def tell(self: Recorder, data: bytes) -> None:
            peer: Any = self.transport
            here, there = peer.getHost(), peer.getPeer()
            told = [type(here), type(there), here.host, there.host, here.port != there.port]
            told += [peer.logPrefix(), peer.getTcpNoDelay(), peer.getHandle().getblocking()]
            told += [" to ('" in repr(peer)]
            self.record("told", told)

        def serve(connection: socket.socket) -> None:
            pass

        _, happened = await self.alike({"made": tell}, serve)
        self.assertEqual(happened[1][0], "told")

    async def test_overTLS(self) -> None:
        """
        TLS from the start, with 4 MiB.
        """

        def wrap(factory: Any) -> Any:
            options: Any = CertificateOptions()
            return TLSMemoryBIOFactory(options, True, factory)

        await self.alike({"made": ask}, self.overTLS(), wrap=wrap)

    async def test_startTLS(self) -> None:
        """
        TLS from the middle.
        """

        def begin(self: Recorder, data: bytes) -> None:
            if data == b"STARTTLS":
                peer: Any = self.transport
                peer.startTLS(CertificateOptions())
                peer.write(b"request")

        overTLS = self.overTLS()

        def serve(connection: socket.socket) -> object:
            connection.sendall(b"STARTTLS")
            return overTLS(connection)

        await self.alike({"data": begin}, serve)

    def overTLS(self) -> Server:
        import ssl

        certificate, key = writeCertificate(folder(self), "one")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def serve(connection: socket.socket) -> object:
            with context.wrap_socket(connection, server_side=True) as secure:
                asked = secure.recv(100)
                secure.sendall(MUCH)
                return asked, secure.unwrap().close()

        return serve


class IPv6ConnectionTests(ConnectionTests):
    """
    The same over IPv6.
    """

    interface = "::1"


def to(*where: Any) -> Callable[[Factories], Deferred[Any]]:
    return lambda factory: addressEndpoint(reactor, *where).connect(factory)


class AttemptTests(AlikeTestCase):
    """
    Attempts that fail, alike.
    """

    async def fails(self, attempt: Callable[[Factories], Deferred[Any]], made: Any = None) -> Any:
        """
        The type and the words of the failure, and what the factory was called.
        """
        results = []
        for stock in (True, False):
            self.choose(stock)
            factory = Factories(made)
            began: list[bool] = []
            result = attempt(factory)
            began.append(result.called)
            try:
                await result
            except BaseException as error:
                await deferLater(reactor, 0)
                results.append((type(error), getattr(error, "osError", None), factory.calls, began))
        self.assertEqual(len(results), 2)
        self.assertEqual(*results)
        while multiplexerOf(reactor) in reactor.getReaders():  # nothing is left of it
            await deferLater(reactor, 0)
        return results[1][:2]

    async def test_refused(self) -> None:
        """
        Nobody listens.
        """
        server = self.listening()
        port = server.getsockname()[1]
        server.close()
        kind, number = await self.fails(to("127.0.0.1", port))
        self.assertEqual((kind.__name__, number), ("ConnectionRefusedError", errno.ECONNREFUSED))

    async def test_noWay(self) -> None:
        """
        The system knows at once that it cannot be reached, and we are told later all the same.
        """
        kind, _ = await self.fails(to("255.255.255.255", 7070))
        self.assertEqual(kind.__name__, "NoRouteError")

    async def test_noDescriptor(self) -> None:
        """
        No socket is to be had.
        """

        def none(*arguments: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        real = socket.socket
        self.patch(socket, "SocketType", none)
        self.patch(socket, "socket", none)
        kind, _ = await self.fails(to("127.0.0.1", 7070))
        self.assertEqual(kind.__name__, "ConnectBindError")
        self.patch(socket, "socket", real)

    def full(self) -> int:
        """
        The port of a server whose queue is full: it answers nothing more.
        """
        server = self.listening()
        server.listen(0)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
            self.addCleanup(waiting.close)
        port: int = server.getsockname()[1]
        return port

    async def test_timeout(self) -> None:
        """
        Nobody answers in time.
        """
        kind, _ = await self.fails(to("127.0.0.1", self.full(), 0.2))
        self.assertEqual(kind.__name__, "TimeoutError")

    async def test_cancel(self) -> None:
        """
        An attempt is given up.
        """
        port = self.full()

        def attempt(factory: Factories) -> Deferred[Any]:
            result = addressEndpoint(reactor, "127.0.0.1", port).connect(factory)
            reactor.callLater(0.05, result.cancel)
            return result

        kind, _ = await self.fails(attempt)
        self.assertEqual(kind.__name__, "ConnectingCancelledError")

    async def test_cancelWhenBuilding(self) -> None:
        """
        An attempt that is given up while its protocol is made ends as any other that is.
        """
        server = self.listening()
        results: list[Deferred[Any]] = []

        class Cancelling(Factories):
            def buildProtocol(self, address: object) -> Any:
                results[0].cancel()
                return super().buildProtocol(address)

        self.choose(False)
        factory = Cancelling(None)
        results.append(
            addressEndpoint(reactor, "127.0.0.1", server.getsockname()[1]).connect(factory)
        )
        with self.assertRaises(ConnectingCancelledError):
            await results[0]
        await deferLater(reactor, 0)
        self.assertEqual(factory.calls[0], "start")
        self.assertEqual(factory.calls.count("stop"), 1)

    async def test_newsOfAnother(self) -> None:
        """
        What the kernel reports of a socket that was closed, and whose number this one has now, does
        not end the attempt.
        """
        self.choose(False)
        port = self.full()
        result = addressEndpoint(reactor, "127.0.0.1", port).connect(Factories(None))
        (attempt,) = filter(None, multiplexerOf(reactor)._table)
        attempt.doRead()
        attempt.doWrite()
        attempt.connectionLost(LOST)
        self.assertFalse(result.called)
        # but the end of the reactor does
        attempt.connectionLost(Failure(ConnectionLost()))
        with self.assertRaises(ConnectError):
            await result

    async def test_protocolFailsAtOnce(self) -> None:
        """
        A protocol that raises when it is told of the connection: it is closed, and who waits for it
        is told. (With Twisted's own endpoints they wait for ever.)
        """
        self.choose(False)
        server = self.listening()

        def fail(self: Recorder, data: bytes) -> None:
            raise ZeroDivisionError

        recorder = Recorder({"made": fail})
        endpoint = addressEndpoint(reactor, *server.getsockname())
        with self.assertRaises(ZeroDivisionError):
            await endpoint.connect(Factories(recorder))
        self.assertEqual([name for name, _ in recorder.happened], ["made", "lost"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_noProtocol(self) -> None:
        """
        A factory that has no protocol for it, or fails to make one.
        """
        port = self.listening().getsockname()[1]
        kind, _ = await self.fails(to("127.0.0.1", port))
        self.assertEqual(kind.__name__, "NoProtocol")
        kind, _ = await self.fails(to("127.0.0.1", port), ZeroDivisionError())
        self.assertIs(kind, ZeroDivisionError)


class WhichTests(TestCase):
    """
    Which transport a connection has.
    """

    async def test_which(self) -> None:
        """
        The fast one, unless it lacks something of Twisted's, or an address has a scope.
        """
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            for lacks in ([], ["something"]):
                self.patch(private_names, "_missing", lacks)
                factory = Factory.forProtocol(Protocol)
                factory.noisy = False
                protocol: Any = await addressEndpoint(reactor, "127.0.0.1", port).connect(factory)
                self.assertEqual(isinstance(protocol.transport, OutgoingConnection), not lacks)
                protocol.transport.abortConnection()
            self.patch(private_names, "_missing", [])
            endpoint = addressEndpoint(reactor, "fe80::1%lo", port)
            self.assertIsInstance(endpoint, TCP6ClientEndpoint)
