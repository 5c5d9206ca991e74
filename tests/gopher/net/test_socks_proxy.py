"""
Fetches through a proxy, and addresses that are refused.
"""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.gopher.cli.test_plugins import CommandTestCase
from tests.gopher.peers import freePort, peer, sends, untilListening
from tests.gopher.test_network import Answer, NetworkTestCase, Served, hello, silent
from tests.processes import folder, needs, start
from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.errors import (
    AddressRefused,
    CannotConnect,
    CannotResolve,
    CannotResolveProxy,
    ConnectTimedOut,
    ProxyFailed,
)
from twisted_netdemo.gopher.exit_statuses import statusOf
from twisted_netdemo.gopher.net.address_cache import AddressCache
from twisted_netdemo.gopher.net.address_guard import isGlobal
from twisted_netdemo.gopher.net.socks_proxy import SocksProxy, proxyAddress

CHOSEN, CONNECTED = b"\x05\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0"


class OptionTests(SynchronousTestCase):
    READ = {
        "socks5h://127.0.0.1:9050": ("127.0.0.1", 9050),
        "socks5h://127.0.0.1": ("127.0.0.1", 1080),
        "SOCKS5H://[::1]:1080/": ("::1", 1080),
        "socks5h://Proxy.example:1": ("proxy.example", 1),
    }
    OTHER = "is not socks5h://HOST:PORT: only SOCKS 5 is supported"
    REFUSED = {
        "127.0.0.1:9050": OTHER,
        "socks5://h:1": OTHER,
        "http://h:1": OTHER,
        "": OTHER,
        "socks5h://": "the host is missing",
        "socks5h://me:secret@h:1": "passwords for proxies are not supported",
        "socks5h://h:0": "0 is not a port number",
        "socks5h://h:65536": "65536 is not a port number",
        "socks5h://h:x": "'x' is not a port number",
        "socks5h://h/x": "is not a host name",
        "socks5h://::1": "an IPv6 address needs brackets",
    }

    def test_addresses(self) -> None:
        """
        A proxy is written as curl has it, and whatever else is refused, no secret repeated.
        """
        for text, address in self.READ.items():
            self.assertEqual(proxyAddress(text), address)
        for text, words in self.REFUSED.items():
            error = self.assertRaises(ValueError, proxyAddress, text)
            self.assertIn(words, str(error), text)
            self.assertNotIn("secret", str(error))

    def test_withAllow(self) -> None:
        """
        A caller that has addresses judged cannot have a proxy connect to them.
        """
        endpoint: Any = SocksProxy(None, "127.0.0.1")
        self.assertRaises(ValueError, Agent, None, endpoint=endpoint, allow=isGlobal)


class ProxyTests(NetworkTestCase):
    def proxied(self, answers: list[bytes]) -> tuple[SocksProxy, Served]:
        """
        A proxy that gives one of these answers to each piece that comes.
        """
        from twisted.internet import reactor

        port, served = self.serve(silent)
        rest = list(answers)

        class Proxy(Answer):
            transport: Any

            def dataReceived(self, data: bytes) -> None:
                served.asked += data
                if rest:
                    self.transport.write(rest.pop(0))

        served.protocol = Proxy
        return SocksProxy(reactor, "127.0.0.1", port), served

    async def test_names(self) -> None:
        """
        The name is sent to the proxy, C{.onion} too, and then the request; no resolver is asked.
        """
        proxy, served = self.proxied([CHOSEN, CONNECTED, b"hello\r\n"])
        response = await self.agent(endpoint=proxy).fetch("gopher://abc.onion/0x")
        connection: Any = served.open.pop()
        connection.transport.loseConnection()
        self.assertEqual(await response.text(), "hello\n")
        self.assertEqual(served.asked, b"\x05\x01\x00\x05\x01\x00\x03\x09abc.onion\x00\x46x\r\n")
        self.assertEqual([line for line in self.told if "resolved" in line], [])

    async def test_refusals(self) -> None:
        """
        A failure that the proxy reports is one line with its reason, and curl's status 97.
        """
        for answers, words in (
            ([b"\x05\xff"], "the proxy wants a password"),
            ([CHOSEN, b"\x05\x05"], "the proxy says that the connection was refused"),
            ([CHOSEN, b"\x05\x04\x00"], "the proxy says that the host is unreachable"),
            ([b"HTTP/1.0 400\r\n"], "the proxy does not speak SOCKS 5"),
        ):
            proxy, served = self.proxied(answers)
            error = await self.fails(ProxyFailed, "gopher://h/0x", endpoint=proxy)
            self.assertEqual((str(error), statusOf(error)), (f"h:70: {words}", 97))
            self.assertNotIn(b"x\r\n", served.asked)

    async def test_unreachable(self) -> None:
        """
        A proxy that is not there is said to be that, not the host.
        """
        from twisted.internet import reactor

        port = freePort()
        proxy = SocksProxy(reactor, "127.0.0.1", port)
        error = await self.fails(CannotConnect, "gopher://h/", endpoint=proxy)
        self.assertEqual(str(error), f"the proxy 127.0.0.1:{port}: Connection refused")
        for host in ("no-such-host.invalid", "proxy.onion"):
            proxy = SocksProxy(reactor, host)
            error = await self.fails(CannotResolveProxy, "gopher://h/", endpoint=proxy)
            self.assertEqual(str(error), f"cannot resolve the proxy {host}")
            self.assertEqual(statusOf(error), 5)

    async def test_silent(self) -> None:
        """
        The connect timeout covers a proxy that does not answer; its connection is closed.
        """
        proxy, served = self.proxied([CHOSEN])
        await self.fails(ConnectTimedOut, "gopher://h/", endpoint=proxy, connectTimeout=0.2)
        await served.emptied()


class OnionTests(NetworkTestCase):
    async def test_refused(self) -> None:
        """
        Without a proxy, no resolver is asked for a name that ends in C{.onion} (RFC 7686).
        """
        for host in ("abc.onion", "www.abc.onion.", "ABC.Onion", "onion"):
            error = await self.fails(CannotResolve, f"gopher://{host}/")
            self.assertIn("--proxy", str(error))
            self.assertEqual(self.told, [])
        error = await self.fails(CannotResolve, "gopher://onion.invalid/")
        self.assertEqual(str(error), "cannot resolve onion.invalid")


class Names:
    """
    A reactor whose resolver returns the test's addresses.
    """

    def __init__(self, *hosts: str) -> None:
        from twisted.internet import reactor

        real: Any = reactor
        self.seconds, self.callLater = real.seconds, real.callLater
        self.connectTCP = real.connectTCP
        self.nameResolver = self
        self.hosts = hosts

    def resolveHostName(self, receiver: Any, name: str, port: int, *arguments: Any) -> Any:
        receiver.resolutionBegan(None)
        for host in self.hosts:
            kind = IPv6Address if ":" in host else IPv4Address
            receiver.addressResolved(kind("TCP", host, port))
        receiver.resolutionComplete()


class AllowTests(NetworkTestCase):
    async def refused(self, agent: Agent, url: str) -> str:
        try:
            response = await agent.fetch(url)
        except AddressRefused as error:
            self.assertEqual(statusOf(error), 7)
            return str(error)
        raise AssertionError(await response.text())

    async def test_refused(self) -> None:
        """
        A program that follows a stranger's menu is not led to this host, by whatever address or
        name; there is no connection.
        """
        from twisted.internet import reactor

        port, served = self.serve(hello)
        for host in (
            "127.0.0.1",
            "127.1",
            "2130706433",
            "localhost",
            "[::ffff:127.0.0.1]",
            "[::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::1]",
            "[fe80::1%25lo]",
        ):
            words = await self.refused(Agent(reactor, allow=isGlobal), f"gopher://{host}:{port}/")
            self.assertTrue(words.endswith(" is not allowed"), words)
        for resolved in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.1 ::1"):
            agent = Agent(Names(*resolved.split()), allow=isGlobal)
            words = await self.refused(agent, f"gopher://evil.example:{port}/")
            self.assertTrue(words.startswith(f"evil.example:{port}: "), words)
        self.assertEqual(served.connected, 0)

    async def test_allowed(self) -> None:
        """
        Of a name's addresses those are tried that are allowed.
        """
        port, _ = self.serve(hello)
        agent = Agent(
            Names("127.0.0.2", "127.0.0.1"),
            allow=lambda address: address == ip_address("127.0.0.1"),
        )
        for url in (f"gopher://two.example:{port}/0", f"gopher://127.0.0.1:{port}/0"):
            for _ in range(2):
                self.assertEqual(await (await agent.fetch(url)).text(), "hello\n")

    async def test_atItsTime(self) -> None:
        """
        It is judged each time that one is connected to: also an address that another agent has
        remembered, and one that was allowed before.
        """
        from twisted.internet import reactor

        port, served = self.serve(hello)
        addresses = AddressCache()
        url = f"gopher://localhost:{port}/0"
        careless = Agent(reactor, addresses=addresses, family=4)
        self.assertEqual(await (await careless.fetch(url)).text(), "hello\n")
        key = ("localhost", port, 4)
        self.assertEqual(addresses.find(key, careless._clock.seconds()), "127.0.0.1")
        allowed = [False]
        careful = Agent(reactor, addresses=addresses, family=4, allow=lambda each: allowed[0])
        for host in ("localhost", "127.0.0.1"):
            url = f"gopher://{host}:{port}/0"
            for now in (False, True, False):
                allowed[0] = now
                before = served.connected
                if now:
                    self.assertEqual(await (await careful.fetch(url)).text(), "hello\n")
                else:
                    await self.refused(careful, url)
                self.assertEqual(served.connected, before + now)


class RealTests(CommandTestCase):
    def setUp(self) -> None:
        self.port = freePort()
        program = start(self, needs("microsocks"), "-i", "127.0.0.1", "-p", str(self.port))
        untilListening(program, self.port)
        self.proxy = f"socks5h://127.0.0.1:{self.port}"

    def test_microsocks(self) -> None:
        """
        With another project's proxy: a name that it resolves, an address, a large file over TLS
        from a verified server; and a host that the proxy cannot reach.
        """
        asked: list[bytes] = []
        port = peer(self, sends(b"hi\r\n"), asked=asked)
        urls = [f"gopher://{host}:{port}/0x" for host in ("localhost", "127.0.0.1")]
        self.assertEqual(self.fetch(*urls, "--proxy", self.proxy), (0, b"hi\nhi\n", ""))
        self.assertEqual(asked, [b"x\r\n"] * 2)
        certificate, key = writeCertificate(folder(self), "one")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        body = bytes(range(256)) * 20000
        secure = peer(self, sends(body), context=context)
        url = f"gophers://localhost:{secure}/9x"
        status, out, _ = self.fetch(url, "--proxy", self.proxy, "--cafile", str(certificate))
        self.assertEqual((status, out == body), (0, True))
        closed = freePort()
        status, out, said = self.fetch(f"gopher://127.0.0.1:{closed}/0", "--proxy", self.proxy)
        self.assertEqual((status, out), (97, b""))
        self.assertEqual(
            said,
            f"Error connecting to server: 127.0.0.1:{closed}: the proxy says that the connection "
            "was refused\n",
        )

    def test_verbose(self) -> None:
        """
        -v tells that the proxy is asked, and that it is the other end of the connection.
        """
        port = peer(self, sends(b"hi\r\n"))
        _, _, said = self.fetch(f"gopher://localhost:{port}/0", "--proxy", self.proxy, "-v")
        self.assertRegex(
            said,
            rf"\A\* asking the proxy 127.0.0.1:{self.port} for localhost:{port}\n"
            rf"\* trying 127.0.0.1:{self.port}\n"
            rf"\* connected: 127.0.0.1:\d+ -> 127.0.0.1:{self.port}\n",
        )
