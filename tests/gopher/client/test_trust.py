"""
Trust over TLS: a table of certificates, and checks that cannot be made.
"""

from __future__ import annotations

import fcntl
import ssl as standard
import warnings
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.x509 import DNSName, GeneralName, IPAddress
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet import ssl
from twisted.internet.endpoints import TCP4ClientEndpoint

from tests.certificates import Authority, fingerprint, writeCertificate
from tests.gopher.peers import peer, sends
from tests.gopher.test_network import Answer, NetworkTestCase, Served, hello
from tests.processes import folder
from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.client.trust import Pinned, Unverified, Verified
from twisted_netdemo.gopher.errors import CertificateRejected, FetchError, HandshakeFailed
from twisted_netdemo.gopher.exit_statuses import statusOf
from twisted_netdemo.gopher.net import certificate_check
from twisted_netdemo.gopher.net.pins import Pins

HOST = "a.example.test"


class Row(NamedTuple):
    """
    A certificate of an authority that is trusted, and how a fetch from a host that has it ends.

    @ivar words: how the refusal begins; without them, it is trusted.
    """

    names: Sequence[GeneralName]
    words: str = ""
    host: str = HOST
    options: dict[str, Any] = {}


def names(*texts: str) -> list[GeneralName]:
    return [DNSName(text) for text in texts]


def addresses(*texts: str) -> list[GeneralName]:
    return [IPAddress(ip_address(text)) for text in texts]


OTHER = "the certificate is for another host"
UNMATCHED = "the certificate cannot be matched with "
INVALID = ("*.test", "*", "127.0.0.1", "*.", "a.*.test", "*a*.example.test", "*..test", "")
CLIENT_ONLY = {"uses": [ExtendedKeyUsageOID.CLIENT_AUTH]}

ROWS = [
    Row(names(HOST)),
    Row(names(HOST), host=HOST.upper() + "."),
    Row(names("b.example.test", HOST)),
    Row(names("b.example.test"), OTHER),
    Row([], ""),  # see test_noNames
    *(Row(names(each), UNMATCHED) for each in INVALID),
    *(Row(names(each, "b.example.test"), UNMATCHED) for each in INVALID),
    *(Row(names("b.example.test", each), UNMATCHED) for each in INVALID),
    *(Row(names(HOST, each), UNMATCHED) for each in INVALID),
    Row(names("*.example.test")),
    Row(names("*.example.test"), OTHER, "b.a.example.test"),
    Row(names("*.example.test"), OTHER, "example.test"),
    Row(names("a_b.example.test"), host="a_b.example.test"),
    Row(names(HOST), OTHER, "a_b"),
    Row(names("127.0.0.1"), UNMATCHED, "127.0.0.1"),
    Row(names(HOST), OTHER, "127.0.0.1"),
    Row(names(HOST), UNMATCHED, "2130706433"),
    Row(addresses("127.0.0.1"), host="127.0.0.1"),
    Row(addresses("127.0.0.1"), OTHER, "127.0.0.2"),
    Row(addresses("127.0.0.1"), OTHER, "::ffff:127.0.0.1"),
    Row(addresses("127.0.0.1"), OTHER),
    Row(addresses("::1", "fe80::1"), host="::1"),
    Row(addresses("::1", "fe80::1"), host="fe80::1%lo"),
    Row(addresses("::1"), OTHER, "::2"),
    Row(names(HOST), "the certificate has expired", options={"days": -1}),
    Row(names(HOST), "the certificate is not valid yet", options={"days": 9, "since": -1}),
    Row(names(HOST), "the certificate is not made for a server", options=CLIENT_ONLY),
]


class TrustTestCase(NetworkTestCase):
    def setUp(self) -> None:
        self.folder: Path = folder(self)

    def serveAs(
        self, certificate: tuple[Path, Path], answer: Callable[[Any], None] = hello
    ) -> tuple[int, Served]:
        paths = [str(path) for path in reversed(certificate)]
        return self.serve(answer, context=ssl.DefaultOpenSSLContextFactory(*paths))

    def pinned(self, name: str = "pins") -> Pinned:
        return Pinned(Pins(str(self.folder / name)), lambda *pinned: None)

    async def ask(self, host: str, port: int, trust: Any) -> str | FetchError:
        """
        The result of a fetch from a server on loopback, under the host name of the test.
        """
        from twisted.internet import reactor

        real: Any = reactor

        def endpoint(host: str, unused: int) -> TCP4ClientEndpoint:
            return TCP4ClientEndpoint(real, "127.0.0.1", port)

        where = f"[{host}]" if ":" in host else host
        agent = Agent(reactor, trust=trust, endpoint=endpoint)
        try:
            return await (await agent.fetch(f"gophers://{where}/0")).text()
        except FetchError as error:
            return error

    def assertRefused(self, result: str | FetchError, words: str, served: Served) -> None:
        """
        One line, status 60, and nothing was sent.
        """
        assert isinstance(result, FetchError), result
        self.assertTrue(str(result).startswith(words), f"{result} is not {words}")
        self.assertEqual(str(result).splitlines(), [str(result)])
        self.assertEqual((statusOf(result), served.asked), (60, b""))


class CertificateTests(TrustTestCase):
    async def test_table(self) -> None:
        """
        With --cafile it is trusted if it is for the host, valid today, and made for a server; what
        cannot be judged is refused. With --tofu none of that counts.
        """
        authority = Authority(self.folder)
        verified = Verified(str(authority.path))
        for number, row in enumerate(ROWS):
            certificate = authority.issue(f"server{number}", row.names, **row.options)
            port, served = self.serveAs(certificate)
            with self.subTest(str(row)):
                result = await self.ask(row.host, port, verified)
                if row.words:
                    self.assertRefused(result, row.words, served)
                elif row.names:
                    self.assertEqual(result, "hello\n")
                else:  # service-identity before 24.1 calls it another host's
                    served.asked = b""
                    self.assertRefused(result, "the certificate ", served)
                pinned = self.pinned(f"pins{number}")
                self.assertEqual(await self.ask(row.host, port, pinned), "hello\n")

    async def test_selfSigned(self) -> None:
        """
        One that is signed by itself is refused, unless it is trusted as it is, or pinned.
        """
        certificate = writeCertificate(self.folder, "self", HOST)
        port, served = self.serveAs(certificate)
        words = "the certificate is signed by itself, not by a trusted authority"
        authority = Verified(str(Authority(self.folder).path))
        for stranger in (authority, Verified()):
            self.assertRefused(await self.ask(HOST, port, stranger), words, served)
        for trust in (Verified(str(certificate[0])), self.pinned(), Unverified()):
            self.assertEqual(await self.ask(HOST, port, trust), "hello\n")

    async def test_strangersAuthority(self) -> None:
        """
        An authority that is not trusted counts for nothing, whatever name it has.
        """
        port, served = self.serveAs(Authority(self.folder).issue("server", names(HOST)))
        trusted = Verified(str(Authority(folder(self)).path))
        words = "the certificate is not signed by "
        self.assertRefused(await self.ask(HOST, port, trusted), words, served)
        self.assertEqual(await self.ask(HOST, port, self.pinned()), "hello\n")

    async def test_oldVersion(self) -> None:
        """
        A server that knows no TLS newer than 1.1 is not talked to, whoever it is.
        """
        authority = Authority(self.folder)
        context = standard.SSLContext(standard.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("server", names(HOST)))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):  # the test provokes the warning
            context.minimum_version = standard.TLSVersion.TLSv1
            context.maximum_version = standard.TLSVersion.TLSv1_1
        asked: list[bytes] = []
        port = peer(self, sends(b"hello\r\n"), context, asked)
        for trust in (Verified(str(authority.path)), self.pinned(), Unverified()):
            result = await self.ask(HOST, port, trust)
            assert isinstance(result, HandshakeFailed), result
            self.assertTrue(str(result).startswith("the TLS handshake failed: "), result)
            self.assertEqual((statusOf(result), asked), (35, []))


class FailClosedTests(TrustTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.certificate = writeCertificate(self.folder, "one", HOST)
        self.port, self.served = self.serveAs(self.certificate)

    async def test_brokenChecks(self) -> None:
        """
        A check that ends in an exception, of whatever kind, has not been passed.
        """

        class Broken(Unverified):
            def accept(self, *arguments: Any) -> str:
                raise RuntimeError("no idea")

        def dies(where: str, fingerprint: str) -> None:
            raise KeyError("dead")

        words = "the certificate cannot be checked: "
        telling = Pinned(Pins(str(self.folder / "pins")), dies)
        for trust in (Broken(), telling):
            self.assertRefused(await self.ask(HOST, self.port, trust), words, self.served)

    async def test_brokenExplanation(self) -> None:
        """
        A handshake that fails ends the fetch, even if the reason cannot be found.
        """

        class Speechless(Verified):
            def explain(self, *arguments: Any) -> FetchError:
                raise RuntimeError("no idea")

        result = await self.ask(HOST, self.port, Speechless())
        self.assertEqual(str(result), "the TLS handshake failed: no idea")
        self.assertIsInstance(result, HandshakeFailed)

    async def test_noContext(self) -> None:
        """
        If OpenSSL cannot be used at all, the error says so, and no server is asked.
        """

        class Unusable(Unverified):
            def creator(self, host: str) -> Any:
                raise SSL.Error("no cipher")

        result = await self.ask(HOST, self.port, Unusable())
        self.assertEqual(str(result), "TLS cannot be used: no cipher")
        self.assertEqual(self.served.connected, 0)

    async def test_sameHost(self) -> None:
        """
        A host has one pin, with a final dot or without: the other spelling is no first use.
        """
        pinned = self.pinned()
        self.assertEqual(await self.ask(HOST, self.port, pinned), "hello\n")
        self.served.asked = b""
        port, served = self.serveAs(writeCertificate(self.folder, "two", HOST))
        result = await self.ask(HOST + ".", port, pinned)
        self.assertRefused(result, f"the certificate of {HOST}:70 has changed: ", served)
        self.assertIsInstance(result, CertificateRejected)
        self.assertIn(fingerprint(self.certificate[0]), str(result))

    def lockPins(self, times: int) -> None:
        """
        Another program has the pins locked until it has been asked for them so often.
        """
        path = self.folder / "pins"
        path.touch()
        file = path.open()
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_EX)
        add = Pins.add

        def counted(pins: Pins, where: str, fingerprint: str) -> str:
            nonlocal times
            self.assertEqual(self.served.asked, b"")
            times -= 1
            if times == 0:
                fcntl.flock(file, fcntl.LOCK_UN)
            return add(pins, where, fingerprint)

        self.patch(Pins, "add", counted)

    async def test_lockedPins(self) -> None:
        """
        While another program pins, the fetch waits, and others go on; nothing is sent until the
        certificate is pinned.
        """
        self.lockPins(3)
        self.assertEqual(await self.ask(HOST, self.port, self.pinned()), "hello\n")
        self.assertIsNot(Pins(str(self.folder / "pins")).get(f"{HOST}:70"), None)

    async def test_speaksFirst(self) -> None:
        """
        Bytes that a server sends before the request are kept, and only used after it is trusted.
        """

        class Hasty(Answer):
            def connectionMade(self) -> None:
                super().connectionMade()
                self.transport.write(b"first\r\n")

        self.lockPins(3)
        self.served.protocol = Hasty
        result = await self.ask(HOST, self.port, self.pinned())
        self.assertEqual(result, "first\nhello\n")

    async def test_lockedForever(self) -> None:
        """
        A program that has the pins and does not go on, since somebody has stopped it, is not waited
        for without end.
        """
        self.patch(certificate_check, "_TIMEOUT", 0.05)
        self.lockPins(-1)
        result = await self.ask(HOST, self.port, self.pinned())
        self.assertRefused(result, "the pins cannot be used: another program keeps ", self.served)
