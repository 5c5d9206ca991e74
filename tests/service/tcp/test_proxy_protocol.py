"""
The PROXY protocol in memory: before a session, and instead of one.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.service.networks import LOOPBACK
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits
from twisted_netdemo.service.tcp.proxy_protocol import ProxiedFactory
from twisted_netdemo.testing import MemoryTransport, connect
from twisted_netdemo.testing.streams import HERE

HEADER = b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n"


class ProxyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sessions = LineCountFactory(self.clock, timeout=60.0)
        self.factory = ProxiedFactory(self.sessions, self.clock, 60.0)
        self.warnings: list[LogEvent] = []
        globalLogPublisher.addObserver(self._event)
        self.addCleanup(globalLogPublisher.removeObserver, self._event)

    def _event(self, event: LogEvent) -> None:
        if event.get("log_level") is not None and event["log_level"].name == "warn":
            self.warnings.append(event)

    def connect(self, peer: Any = HERE) -> MemoryTransport:
        return connect(self.factory, peer)

    def test_nothingBeforeTheHeader(self) -> None:
        """
        The greeting waits for the header, and shows the client that it names.
        """
        transport = self.connect()
        self.assertEqual(transport.value(), b"")
        transport.protocol.dataReceived(HEADER[:7])
        self.assertEqual(transport.value(), b"")
        transport.protocol.dataReceived(HEADER[7:])
        self.assertTrue(transport.value().startswith(b"Welcome, ('192.0.2.7', 1234)\n"))

    def test_everyPiece(self) -> None:
        """
        Header and line in one segment, or byte by byte: the answer is there.
        """
        for step in (1, 2, 1000):
            transport = self.connect()
            stream = HEADER + b"123\n"
            for at in range(0, len(stream), step):
                transport.protocol.dataReceived(stream[at : at + step])
            self.assertTrue(transport.value().endswith(b"You entered 3 characters.\n"))
            self.assertEqual(transport.ended, "half")

    def test_proxysOwn(self) -> None:
        """
        A health check has the proxy's own address.
        """
        transport = self.connect()
        transport.protocol.dataReceived(b"PROXY UNKNOWN\r\n")
        self.assertTrue(transport.value().startswith(b"Welcome, ('127.0.0.1', 51423)\n"))

    def test_healthCheck(self) -> None:
        """
        A version 2 health check is greeted and answered, and is no session: not in the counts, nor
        in the limits of the proxy's address, nor in the log; it has its deadline all the same.
        """
        local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
        self.sessions.limits = ConnectionLimits(1, 1)
        heard: list[LogEvent] = []
        globalLogPublisher.addObserver(heard.append)
        self.addCleanup(globalLogPublisher.removeObserver, heard.append)
        checks = [self.connect() for _ in range(3)]
        for check in checks:
            check.protocol.dataReceived(local)
            self.assertTrue(check.value().endswith(b"Please enter a string: "))
        checks[0].protocol.dataReceived(b"123\n")
        self.assertTrue(checks[0].value().endswith(b"You entered 3 characters.\n"))
        checks[1].loseConnection()
        self.clock.advance(60)
        self.assertIn(b"Timed out", checks[2].value())
        self.clock.advance(10)
        self.assertEqual(self.sessions.waiting(), 0)
        self.assertEqual((dict(self.sessions.outcomes), heard), ({}, []))
        client = self.connect()
        client.protocol.dataReceived(HEADER + b"123\n")
        self.assertEqual(dict(self.sessions.outcomes), {"answered": 1})

    def test_healthCheckOfVersion1(self) -> None:
        """
        A version 1 health check, which names the connection that it comes on, is no session either;
        a client behind the proxy is one, also with the same address and port.
        """
        check, client = self.connect(), self.connect()
        header = b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n123\n"
        check.protocol.dataReceived(header % (HERE.port, HERE.port))
        self.assertTrue(check.value().endswith(b"You entered 3 characters.\n"))
        self.assertEqual(dict(self.sessions.outcomes), {})
        client.protocol.dataReceived(header % (HERE.port, 80))
        self.assertEqual(dict(self.sessions.outcomes), {"answered": 1})

    def test_halfClose(self) -> None:
        """
        The end of the client's input passes through, and ends its line.
        """
        transport = self.connect()
        transport.protocol.dataReceived(HEADER + b"123")
        transport.peerEnds()
        self.assertTrue(transport.value().endswith(b"You entered 3 characters.\n"))

    def test_noHeaderInTime(self) -> None:
        """
        The header and the line share one deadline, from the connection's beginning.
        """
        silent, late = self.connect(), self.connect()
        self.clock.advance(59)
        late.protocol.dataReceived(HEADER)
        self.clock.advance(1)
        self.assertEqual((silent.ended, silent.value()), ("aborted", b""))
        self.assertTrue(late.value().endswith(b"Timed out: no line within 60 seconds.\n"))
        self.assertEqual(self.factory.waiting, 0)

    def test_stopped(self) -> None:
        """
        When the server stops listening, deadlines hold for those that it waits for, and no timer
        is left behind them.
        """
        self.factory.doStart()
        silent, late = self.connect(), self.connect()
        late.protocol.dataReceived(HEADER)
        self.factory.doStop()
        self.clock.advance(60)
        self.assertEqual((silent.ended, late.ended), ("aborted", "half"))
        late.peerEnds()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_takenOver(self) -> None:
        """
        Once the line is answered the header's deadline no longer closes anything.
        """
        transport = self.connect()
        transport.protocol.dataReceived(HEADER + b"1\n")
        transport.peerEnds()
        self.clock.advance(120)
        self.assertEqual(transport.ended, "closed")

    def test_limits(self) -> None:
        """
        The client behind the proxy is the one that is counted.
        """
        self.sessions.limits.perClient = 1
        first, second = self.connect(), self.connect()
        first.protocol.dataReceived(HEADER)
        second.protocol.dataReceived(HEADER)
        self.assertEqual(second.value(), b"Too many connections from your address.\n")
        third = self.connect()
        third.protocol.dataReceived(HEADER.replace(b"192.0.2.7", b"192.0.2.8"))
        self.assertTrue(third.value().startswith(b"Welcome, "))

    def test_notBelieved(self) -> None:
        """
        A connection that is not from a proxy of ours is closed, and logged once a minute, and when
        the server stops.
        """
        self.factory.doStart()
        for _ in range(3):
            transport = self.connect(IPv4Address("TCP", "192.0.2.66", 1))
            self.assertEqual(transport.ended, "aborted")
        self.assertEqual(len(self.warnings), 1)
        self.assertEqual(self.warnings[0]["peer"], "192.0.2.66")
        self.factory.doStop()
        self.assertEqual([each["times"] for each in self.warnings], [1, 2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_noHeader(self) -> None:
        """
        A client that speaks without a header is closed and logged; its words are not.
        """
        transport = self.connect()
        transport.protocol.dataReceived(b"123\n")
        self.assertEqual((transport.ended, transport.value()), ("aborted", b""))
        self.assertEqual(len(self.warnings), 1)

    def test_endsBeforeTheHeader(self) -> None:
        """
        A check that connects and closes leaves nothing.
        """
        transport = self.connect()
        transport.peerEnds()
        self.assertEqual(transport.ended, "closed")
        self.assertEqual((self.factory.waiting, self.sessions.waiting()), (0, 0))
        self.assertEqual(self.warnings, [])

    def test_whoIsBelieved(self) -> None:
        """
        By default the loopback and UNIX sockets; a mapped address is IPv4.
        """
        factory = ProxiedFactory(
            self.sessions, self.clock, 60.0, [*LOOPBACK, ipaddress.ip_network("192.0.2.0/24")]
        )
        for peer, believed in [
            (IPv4Address("TCP", "127.8.9.10", 1), True),
            (IPv6Address("TCP", "::1", 1), True),
            (IPv6Address("TCP", "::ffff:127.0.0.1", 1), True),
            (UNIXAddress(None), True),
            (IPv4Address("TCP", "192.0.2.255", 1), True),
            (IPv4Address("TCP", "192.0.3.1", 1), False),
            (IPv6Address("TCP", "fe80::1%eth0", 1), False),
        ]:
            self.assertEqual(factory.believes(peer), believed, peer)
