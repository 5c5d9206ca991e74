"""
The agent over real sockets on loopback: names, both versions of IP, resets, and TLS.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.certificates import fingerprint, writeCertificate
from tests.processes import folder
from twisted_netdemo.gopher.body import Verdict
from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.client.connection import GopherConnection
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.client.trust import Pinned, Unverified, Verified
from twisted_netdemo.gopher.errors import (
    CannotConnect,
    CannotResolve,
    CertificateRejected,
    ConnectionBroke,
    ConnectTimedOut,
    FetchError,
    HandshakeFailed,
    NothingCame,
)
from twisted_netdemo.gopher.files import whole_files
from twisted_netdemo.gopher.net.pins import Pins
from twisted_netdemo.service.tcp.fast.client import OutgoingConnection
from twisted_netdemo.service.tcp.fast.private_names import isAvailable


class Answer(Protocol):
    """
    Answers the first line with bytes of the test's choice, and ends in its way.
    """

    factory: Served

    def connectionMade(self) -> None:
        self.factory.connected += 1
        self.factory.open.add(self)

    def dataReceived(self, data: bytes) -> None:
        self.factory.asked += data
        if self.factory.asked.endswith(b"\r\n"):
            self.factory.answer(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.open.discard(self)
        if not self.factory.open and self.factory.whenEmpty is not None:
            self.factory.whenEmpty.callback(None)


class Served(Factory):
    protocol = Answer
    noisy = False

    def __init__(self, answer: Callable[[Any], None]) -> None:
        self.answer = answer
        self.asked = b""
        self.connected = 0
        self.open: set[Answer] = set()
        self.whenEmpty: Deferred[None] | None = None

    def emptied(self) -> Deferred[None]:
        self.whenEmpty = Deferred()
        if not self.open:
            self.whenEmpty.callback(None)
        return self.whenEmpty


def hello(transport: Any) -> None:
    transport.write(b"hello\r\n")
    transport.loseConnection()


def reset(transport: Any) -> None:
    linger = struct.pack("ii", 1, 0)
    handle = transport.socket
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abortConnection()


def silent(transport: Any) -> None:
    pass


class NetworkTestCase(TestCase):
    def serve(
        self, answer: Callable[[Any], None], interface: str = "127.0.0.1", context: Any = None
    ) -> tuple[int, Served]:
        from twisted.internet import reactor

        tcp: Any = IReactorTCP(reactor)
        factory = Served(answer)
        if context is None:
            port = tcp.listenTCP(0, factory, interface=interface)
        else:
            port = tcp.listenSSL(0, factory, context, interface=interface)
        self.addCleanup(factory.emptied)
        self.addCleanup(port.stopListening)
        return port.getHost().port, factory

    def agent(self, **options: Any) -> Agent:
        from twisted.internet import reactor

        self.told: list[str] = []
        return Agent(reactor, tell=self.told.append, **options)

    async def text(self, url: str, **options: Any) -> str:
        response = await self.agent(**options).fetch(url)
        return await response.text()

    async def fails(self, kind: type[FetchError], url: str, **options: Any) -> FetchError:
        try:
            text = await self.text(url, **options)
        except FetchError as error:
            self.assertIsInstance(error, kind, str(error))
            return error
        raise AssertionError(f"{url} gave {text!r}")

    def half(self, transport: Any) -> None:
        self.transport = transport
        transport.write(b"half")

    async def breaksOff(self, url: str, end: Callable[[Any], None], **options: Any) -> FetchError:
        """
        The failure of a fetch that the server ends once its first bytes have arrived.
        """
        response = await self.agent(**options).fetch(url)
        body = response.bytes()
        end(self.transport)
        try:
            await body
        except ConnectionBroke as error:
            return error
        raise AssertionError("it did not break")


class TCPTests(NetworkTestCase):
    async def test_name(self) -> None:
        """
        A name is resolved, its addresses are tried, and the two ends are told.
        """
        port, _ = self.serve(hello)
        self.assertEqual(await self.text(f"gopher://localhost:{port}/0"), "hello\n")
        self.assertIn("resolved localhost: ", self.told[0])
        self.assertIn(f"trying 127.0.0.1:{port}", self.told)
        self.assertTrue(any(f" -> 127.0.0.1:{port}" in line for line in self.told))

    async def test_circles(self) -> None:
        """
        After a fetch all its objects are freed, without the garbage collector.
        """
        from twisted.internet import reactor

        if not isAvailable():
            raise SkipTest("Twisted's own transports leave circles")

        class Reader(Protocol):
            def __init__(self) -> None:
                self.done: Deferred[None] = Deferred()

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                self.done.callback(None)

        def alive() -> list[object]:
            kinds = (GopherConnection, Response, OutgoingConnection)
            return [one for one in gc.get_objects() if isinstance(one, kinds)]

        port, _ = self.serve(hello)
        gc.collect()
        gc.disable()
        before = len(alive())  # which tests before this one may hold
        self.addCleanup(gc.enable)
        reader = Reader()
        (await self.agent().fetch(f"gopher://127.0.0.1:{port}/0")).deliverBody(reader)
        await reader.done
        del reader
        await deferLater(reactor, 0)  # type: ignore[arg-type]  # the caller has returned by then
        self.assertEqual(len(alive()), before)

    async def test_ipv6(self) -> None:
        """
        An IPv6 literal is connected to as it is.
        """
        port, _ = self.serve(hello, "::1")
        self.assertEqual(await self.text(f"gopher://[::1]:{port}/0"), "hello\n")
        self.assertIn(f"trying [::1]:{port}", self.told)

    async def test_families(self) -> None:
        """
        With one version of IP asked for, addresses of the other are as if not there.
        """
        port, _ = self.serve(hello)
        self.assertEqual(await self.text(f"gopher://127.0.0.1:{port}/0", family=4), "hello\n")
        await self.fails(CannotResolve, f"gopher://127.0.0.1:{port}/0", family=6)
        await self.fails(CannotResolve, f"gopher://[::1]:{port}/0", family=4)

    async def test_unknownName(self) -> None:
        """
        A name without an address is another error than a server that does not answer.
        """
        error = await self.fails(CannotResolve, "gopher://no-such-host.invalid/")
        self.assertEqual(str(error), "cannot resolve no-such-host.invalid")
        error = await self.fails(CannotResolve, "gopher://[fe80::1%25nope]/")
        self.assertEqual(str(error), "cannot resolve fe80::1%nope")

    async def test_oddName(self) -> None:
        """
        A name that DNS may know though it is no host name proper is asked for as it is.
        """
        from twisted.internet import reactor

        real: Any = reactor
        port, _ = self.serve(hello)
        asked: list[str] = []

        class Names:
            seconds, callLater, connectTCP = real.seconds, real.callLater, real.connectTCP

            def resolveHostName(self, receiver: Any, host: str, *arguments: Any) -> Any:
                asked.append(host)
                return real.nameResolver.resolveHostName(receiver, "localhost", *arguments)

            nameResolver = property(lambda self: self)

        response = await Agent(Names()).fetch(f"gopher://a_b:{port}/0")
        self.assertEqual(await response.text(), "hello\n")
        self.assertEqual(asked, ["a_b"])

    async def test_refused(self) -> None:
        """
        A closed port is reported in the system's words.
        """
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            error = await self.fails(CannotConnect, f"gopher://127.0.0.1:{port}/")
        self.assertEqual(str(error), f"127.0.0.1:{port}: Connection refused")

    async def test_nextAddress(self) -> None:
        """
        When the first of two addresses refuses, the second is tried at once.
        """
        from twisted.internet import reactor
        from twisted.internet.address import IPv4Address

        port, _ = self.serve(hello)
        waited: list[float] = []
        real: Any = reactor

        class TwoAddresses:
            nameResolver: Any = None
            seconds = real.seconds
            connectTCP = real.connectTCP

            def __init__(self) -> None:
                self.nameResolver = self

            def callLater(self, seconds: float, *arguments: Any) -> Any:
                call = real.callLater(seconds, *arguments)
                reset = call.reset
                call.reset = lambda to: (waited.append(to), reset(to))
                return call

            def resolveHostName(self, receiver: Any, *arguments: Any) -> Any:
                receiver.resolutionBegan(None)
                for host in ("127.0.0.2", "127.0.0.1"):
                    receiver.addressResolved(IPv4Address("TCP", host, port))
                receiver.resolutionComplete()

        response = await Agent(TwoAddresses()).fetch(f"gopher://two.example:{port}/0")
        self.assertEqual(await response.text(), "hello\n")
        self.assertEqual(waited, [0])

    async def test_remembered(self) -> None:
        """
        The address that answered is asked at once the next time; where it no longer answers, the
        name is resolved anew, and nobody notices.
        """
        port, _ = self.serve(hello)
        agent = self.agent(family=4)
        url = f"gopher://localhost:{port}/0"
        for _ in range(2):
            self.told.clear()
            self.assertEqual(await (await agent.fetch(url)).text(), "hello\n")
        trying = f"trying 127.0.0.1:{port}, which answered for localhost before"
        self.assertEqual(self.told[0], trying)
        self.assertFalse([line for line in self.told if line.startswith("resolved")])
        key = ("localhost", port, 4)
        agent._addresses.remember(key, "127.0.0.2", agent._clock.seconds())
        self.told.clear()
        self.assertEqual(await (await agent.fetch(url)).text(), "hello\n")
        self.assertEqual(self.told[1], "resolved localhost: 127.0.0.1")
        self.assertEqual(agent._addresses.find(key, agent._clock.seconds()), "127.0.0.1")

    async def test_rememberedIsSilent(self) -> None:
        """
        Where it takes too long to answer, that one fetch fails, and the next one resolves anew.
        """
        agent = self.agent(family=4, connectTimeout=0.2)
        with socket.create_server(("127.0.0.3", 0), backlog=0) as full:
            port = full.getsockname()[1]
            for _ in range(4):
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
                self.addCleanup(waiting.close)
            key = ("localhost", port, 4)
            agent._addresses.remember(key, "127.0.0.3", agent._clock.seconds())
            with self.assertRaises(ConnectTimedOut):
                await agent.fetch(f"gopher://localhost:{port}/0")
        await deferLater(agent._reactor, 0)  # we are told first, then the attempt is given up
        self.assertIsNone(agent._addresses.find(key, agent._clock.seconds()))

    async def test_reset(self) -> None:
        """
        A reset before the first byte, and one in the middle, are told apart.
        """
        port, _ = self.serve(reset)
        await self.fails(NothingCame, f"gopher://127.0.0.1:{port}/0")

        error = await self.breaksOff(f"gopher://127.0.0.1:{self.serve(self.half)[0]}/0", reset)
        self.assertEqual(error.partial, b"half")

    async def test_flood(self) -> None:
        """
        An endless stream ends at the limit, and the connection with it.
        """

        class Flood:
            def __init__(self, transport: Any) -> None:
                self.transport = transport
                transport.registerProducer(self, False)

            def resumeProducing(self) -> None:
                self.transport.write(b"x" * 65536)

            def stopProducing(self) -> None:
                pass

        port, factory = self.serve(Flood)
        error = await self.fails(FetchError, f"gopher://127.0.0.1:{port}/0", maxSize=1 << 20)
        self.assertEqual(len(error.partial), 1 << 20)
        await factory.emptied()

    async def test_cancel(self) -> None:
        """
        To cancel is to close the connection, which the server sees.
        """
        connected: Deferred[None] = Deferred()
        port, factory = self.serve(lambda transport: connected.callback(None))
        fetched = self.agent().fetch(f"gopher://127.0.0.1:{port}/0")
        await connected
        fetched.cancel()
        self.failureResultOf(fetched)
        await factory.emptied()


class TLSTests(NetworkTestCase):
    def setUp(self) -> None:
        self.folder: Path = folder(self)
        self.certificate, self.key = writeCertificate(self.folder, "one")
        self.cafile = str(self.certificate)

    def context(self, name: str = "one", **options: Any) -> Any:
        return ssl.DefaultOpenSSLContextFactory(
            str(self.folder / f"{name}.key"), str(self.folder / f"{name}.pem"), **options
        )

    def serveTLS(
        self, answer: Callable[[Any], None] = hello, name: str = "one"
    ) -> tuple[str, Served]:
        port, factory = self.serve(answer, context=self.context(name))
        return f"gophers://localhost:{port}/0", factory

    async def test_verified(self) -> None:
        """
        A certificate of an authority that is trusted is good for its names and addresses.
        """
        url, _ = self.serveTLS()
        trust = Verified(self.cafile)
        response = await self.agent(trust=trust).fetch(url)
        self.assertIn(response.tlsVersion, ("TLSv1.2", "TLSv1.3"))
        self.assertEqual(await response.text(), "hello\n")
        self.assertTrue(any(fingerprint(self.certificate) in line for line in self.told))
        self.assertEqual(
            await self.text(url.replace("localhost", "127.0.0.1"), trust=trust), "hello\n"
        )

    async def test_unknownAuthority(self) -> None:
        """
        One that the system does not know is refused, and nothing was sent.
        """
        url, factory = self.serveTLS()
        error = await self.fails(CertificateRejected, url)
        self.assertIn("authority", str(error))
        self.assertEqual(factory.asked, b"")

    async def test_expired(self) -> None:
        """
        One that has expired is said to have.
        """
        certificate, _ = writeCertificate(self.folder, "old", days=-1)
        url, factory = self.serveTLS(name="old")
        error = await self.fails(CertificateRejected, url, trust=Verified(str(certificate)))
        self.assertEqual(str(error), "the certificate has expired")
        self.assertEqual(factory.asked, b"")

    async def test_notYet(self) -> None:
        """
        One that is not valid yet, by our clock, is said to be that.
        """
        certificate, _ = writeCertificate(self.folder, "new", days=9, since=-1)
        url, factory = self.serveTLS(name="new")
        error = await self.fails(CertificateRejected, url, trust=Verified(str(certificate)))
        self.assertEqual(str(error), "the certificate is not valid yet")
        self.assertEqual(factory.asked, b"")

    async def test_otherHost(self) -> None:
        """
        One for another host is refused, and nothing was sent.
        """
        certificate, _ = writeCertificate(self.folder, "other", "example.org")
        url, factory = self.serveTLS(name="other")
        error = await self.fails(CertificateRejected, url, trust=Verified(str(certificate)))
        self.assertIn("another host", str(error))
        self.assertEqual(factory.asked, b"")

    async def test_insecure(self) -> None:
        """
        A user that insists can take any certificate.
        """
        url, _ = self.serveTLS()
        self.assertEqual(await self.text(url, trust=Unverified()), "hello\n")

    async def test_firstUse(self) -> None:
        """
        A pin is made on first use and said, then it must match; a changed certificate shows both,
        nothing is sent, and the pin stays.
        """
        url, factory = self.serveTLS()
        where = url.removeprefix("gophers://").removesuffix("/0")
        pins = Pins(str(self.folder / "data" / "pins"))
        said: list[tuple[str, str]] = []
        trust = Pinned(pins, lambda *pinned: said.append(pinned))
        old = fingerprint(self.certificate)
        for _ in range(2):
            self.assertEqual(await self.text(url, trust=trust), "hello\n")
            self.assertEqual(said, [(where, old)])
        factory.asked = b""
        certificate, _ = writeCertificate(self.folder, "two")
        otherURL, other = self.serveTLS(name="two")
        changed = Pins(str(self.folder / "changed"))
        otherWhere = otherURL.removeprefix("gophers://").removesuffix("/0")
        changed.add(otherWhere, old)
        error = await self.fails(
            CertificateRejected,
            otherURL,
            trust=Pinned(changed, lambda *pinned: said.append(pinned)),
        )
        self.assertIn(old, str(error))
        self.assertIn(fingerprint(certificate), str(error))
        self.assertEqual(other.asked, b"")
        self.assertEqual(changed.get(otherWhere), old)
        self.assertEqual(len(said), 1)

    async def test_noPins(self) -> None:
        """
        Where the pins cannot be read or kept, nothing is trusted, and nothing was sent.
        """

        def full(*arguments: Any) -> None:
            raise OSError(28, "No space left on device")

        url, factory = self.serveTLS()
        (self.folder / "broken").write_text("nonsense\n")
        (self.folder / "file").write_text("")
        os.mkfifo(self.folder / "pipe")
        for name in ("broken", "file/pins", "pipe", "new"):
            if name == "new":
                self.patch(whole_files.PartialFile, "write", full)
            trust = Pinned(Pins(str(self.folder / name)), lambda *pinned: None)
            error = await self.fails(CertificateRejected, url, trust=trust)
            self.assertTrue(str(error).startswith("the pins cannot be used: "), error)
        self.assertEqual(factory.asked, b"")

    async def test_plainServer(self) -> None:
        """
        A server that does not speak TLS is an error, never a reason to ask in the open.
        """

        class Greeter(Protocol):
            def connectionMade(self) -> None:
                self.transport.write(b"220 hello\r\n")

        port, factory = self.serve(hello)
        factory.protocol = Greeter  # type: ignore[assignment] # speaks first
        await self.fails(HandshakeFailed, f"gophers://127.0.0.1:{port}/0", trust=Unverified())
        self.assertEqual(factory.asked, b"")

    async def test_closesInHandshake(self) -> None:
        """
        A server that closes in the handshake is said to have done so.
        """

        class Closer(Protocol):
            def dataReceived(self, data: bytes) -> None:
                self.transport.loseConnection()

        port, factory = self.serve(hello)
        factory.protocol = Closer  # type: ignore[assignment] # closes at the first bytes
        error = await self.fails(HandshakeFailed, f"gophers://127.0.0.1:{port}/0")
        self.assertIn("closed", str(error))

    async def test_silentHandshake(self) -> None:
        """
        The connect timeout covers the handshake.
        """
        port, factory = self.serve(silent)
        await self.fails(ConnectTimedOut, f"gophers://127.0.0.1:{port}/0", connectTimeout=0.2)
        await factory.emptied()

    async def test_noGoodbye(self) -> None:
        """
        TLS that ends without close_notify is marked; a reset under TLS is a break.
        """

        url, _ = self.serveTLS(self.half)
        response = await self.agent(trust=Unverified()).fetch(url)
        self.transport.transport.loseConnection()
        self.assertEqual(await response.text(), "half")
        self.assertEqual(response.verdict, Verdict("suspect", "TLS ended without close_notify"))
        error = await self.breaksOff(
            url, lambda transport: reset(transport.transport), trust=Unverified()
        )
        self.assertEqual(error.partial, b"half")

    async def test_whole(self) -> None:
        """
        TLS that ends as it should is whole, and paces as TCP does.
        """
        body = b"x" * (1 << 20)

        def much(transport: Any) -> None:
            transport.write(body)
            transport.loseConnection()

        url, _ = self.serveTLS(much)
        response = await self.agent(trust=Unverified()).fetch(url)
        size = 0
        async for chunk in response.chunks():
            size += len(chunk)
        self.assertEqual((size, response.verdict), (len(body), Verdict("whole")))
