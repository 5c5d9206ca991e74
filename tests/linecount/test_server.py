"""
Sessions in memory, on a fake clock.
"""

from __future__ import annotations

import weakref
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.splits import pieces
from twisted_netdemo.linecount import wire
from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.service.observe.metrics import Histogram, Metric
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits
from twisted_netdemo.service.tcp.session import LINGER, LINGER_BYTES
from twisted_netdemo.testing import MemoryTransport, connect

WELCOME = b"Welcome, ('127.0.0.1', 62460)\nPlease enter a string: "


class SessionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self._event)
        self.addCleanup(globalLogPublisher.removeObserver, self._event)

    def _event(self, event: LogEvent) -> None:
        if "outcome" in event:
            self.events.append(event)

    def factory(self, **options: Any) -> LineCountFactory:
        return LineCountFactory(self.clock, **options)

    def session(self, **options: Any) -> MemoryTransport:
        return connect(self.factory(**options))

    def said(self, transport: MemoryTransport) -> bytes:
        value: bytes = transport.value()
        return value

    def outcomes(self) -> list[tuple[str, int]]:
        return [(event["outcome"], event["characters"]) for event in self.events]

    def test_wholeSession(self) -> None:
        """
        A session is a greeting, a prompt, an answer and the end of the output; it is closed when
        the client closes.
        """
        transport = self.session()
        self.assertEqual(self.said(transport), WELCOME)
        transport.protocol.dataReceived(b"123\n")
        self.assertEqual(self.said(transport), WELCOME + b"You entered 3 characters.\n")
        self.assertEqual(transport.ended, "half")
        transport.peerEnds()
        self.assertEqual(transport.ended, "closed")

    def test_twistedsFake(self) -> None:
        """
        Twisted's own transport in memory, which has no half-close, is asked to close.
        """
        factory = self.factory()
        transport = StringTransport()
        protocol: Any = factory.buildProtocol(transport.getPeer())
        protocol.makeConnection(transport)
        protocol.dataReceived(b"123\n")
        self.assertTrue(transport.value().endswith(b"You entered 3 characters.\n"))
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(factory.outcomes, {"answered": 1})

    def test_endOfInputEndsTheLine(self) -> None:
        """
        A client that half-closes without a line feed is answered.
        """
        transport = self.session()
        transport.protocol.dataReceived(b"123")
        transport.peerEnds()
        self.assertEqual(self.said(transport), WELCOME + b"You entered 3 characters.\n")
        self.assertEqual(transport.ended, "closed")

    @given(st.data(), st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")))
    def test_everySplit(self, data: st.DataObject, line: bytes) -> None:
        """
        The answer is the same, whatever pieces the line and the bytes after it arrive in.
        """
        answers = []
        for parts in ([line + b"\nmore"], data.draw(pieces(line + b"\nmore"))):
            transport = self.session()
            for part in parts:
                transport.protocol.dataReceived(part)
            answers.append(self.said(transport))
            self.assertEqual(transport.ended, "half")
        self.assertEqual(answers[0], answers[1])

    def test_peersAreNamed(self) -> None:
        """
        The greeting shows IPv6 with its scope and mapped addresses as IPv4; for a client on a UNIX
        socket it shows the server's socket.
        """
        for peer, here, greeting in [
            (IPv6Address("TCP", "::1", 7), None, b"Welcome, ('::1', 7)\n"),
            (IPv6Address("TCP", "fe80::1%eth0", 7, 0, 2), None, b"Welcome, ('fe80::1%eth0', 7)\n"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 7), None, b"Welcome, ('192.0.2.1', 7)\n"),
            (
                UNIXAddress(None),
                UNIXAddress("/run/linecount"),
                b"Welcome, a local client on UNIX socket /run/linecount\n",
            ),
        ]:
            transport = connect(self.factory(), peer, here)
            self.assertEqual(self.said(transport), greeting + b"Please enter a string: ")

    def test_bytes(self) -> None:
        """
        C{--unit bytes} counts bytes, in the same words.
        """
        transport = self.session(unit="bytes")
        transport.protocol.dataReceived("你好\n".encode())
        self.assertTrue(self.said(transport).endswith(b"You entered 6 characters.\n"))

    def test_slowDripDoesNotExtendTheDeadline(self) -> None:
        """
        A client that sends a byte a second times out like a silent one.
        """
        transport = self.session(timeout=60.0)
        for _ in range(59):
            transport.protocol.dataReceived(b"x")
            self.clock.advance(1)
        self.assertEqual(transport.ended, "")
        self.clock.advance(1)
        self.assertEqual(self.said(transport), WELCOME + b"Timed out: no line within 60 seconds.\n")
        self.assertEqual(transport.ended, "half")
        self.assertEqual(self.outcomes(), [("timed-out", 0)])

    def test_unfinishedLine(self) -> None:
        """
        A session that has ended keeps no unfinished line in memory while the client closes.
        """

        class Reader(wire.LineReader):
            """
            Can be weakly referenced.
            """

            def __init__(self, limit: int) -> None:
                super().__init__(limit)
                readers.append(weakref.ref(self))

        readers: list[weakref.ref[wire.LineReader]] = []
        self.patch(wire, "LineReader", Reader)
        late, cut = self.session(timeout=60.0), self.session(timeout=600.0)
        for transport in (late, cut):
            transport.protocol.dataReceived(b"x" * 1000)
        self.clock.advance(60)
        cut.protocol.cutShort()
        self.assertEqual((late.ended, cut.ended), ("half", "half"))
        self.assertEqual([reader() for reader in readers], [None, None])

    def test_tooLong(self) -> None:
        """
        The client learns that its line is too long as soon as that is sure.
        """
        transport = self.session(maxLine=10)
        transport.protocol.dataReceived(b"x" * 12)
        self.assertEqual(self.said(transport), WELCOME + b"Line too long: the limit is 10 bytes.\n")
        self.assertEqual(transport.ended, "half")

    def test_perClient(self) -> None:
        """
        One connection too many from an address gets no greeting; another address still does.
        """
        factory = self.factory(limits=ConnectionLimits(10, 1))
        first, second = connect(factory), connect(factory)
        other = connect(factory, IPv4Address("TCP", "127.0.0.2", 1))
        self.assertEqual(self.said(second), b"Too many connections from your address.\n")
        self.assertEqual(second.ended, "half")
        self.assertTrue(self.said(other).startswith(b"Welcome, "))
        first.protocol.dataReceived(b"1\n")
        self.assertTrue(self.said(first).endswith(b"You entered 1 characters.\n"))
        first.peerEnds()
        self.assertTrue(self.said(connect(factory)).startswith(b"Welcome, "))

    def test_full(self) -> None:
        """
        Above the total, a new client is told to come again.
        """
        factory = self.factory(limits=ConnectionLimits(1, 0))
        connect(factory)
        second = connect(factory)
        self.assertEqual(self.said(second), b"Server is full; try again later.\n")
        self.assertEqual([event["outcome"] for event in self.events], ["refused"])

    def test_manyRefusedAreClosedAtOnce(self) -> None:
        """
        Refused clients that stay do not pile up.
        """
        factory = self.factory(limits=ConnectionLimits(1, 0))
        connect(factory)
        ended = [connect(factory).ended for _ in range(600)]
        self.assertEqual((ended[0], ended[-1]), ("half", "closed"))
        self.assertLess(len(factory.sessions), 600)

    def test_lingers(self) -> None:
        """
        A client that does not close is closed after its time.
        """
        transport = self.session()
        transport.protocol.dataReceived(b"1\n")
        self.clock.advance(LINGER - 0.1)
        self.assertEqual(transport.ended, "half")
        self.clock.advance(0.1)
        self.assertEqual(transport.ended, "closed")

    def test_muchAfterTheLine(self) -> None:
        """
        2 MiB after the line are dropped; a client that goes on sending is closed after a second.
        """
        transport = self.session()
        transport.protocol.dataReceived(b"1\n")
        for _ in range(LINGER_BYTES // 65536 * 3):
            transport.protocol.dataReceived(bytes(65536))
        self.assertEqual(transport.ended, "half")
        self.clock.advance(1.1)
        transport.protocol.dataReceived(bytes(65536))
        self.assertEqual(transport.ended, "closed")

    def test_vanished(self) -> None:
        """
        A client that is lost before its line leaves nothing but an event.
        """
        factory = self.factory()
        transport = connect(factory)
        transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.outcomes(), [("vanished", 0)])
        self.assertEqual((factory.waiting(), factory.limits.present), (0, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lostAfterTheAnswer(self) -> None:
        """
        A session that is lost after its answer counts as answered, once.
        """
        transport = self.session()
        transport.protocol.dataReceived(b"12\n")
        transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.outcomes(), [("answered", 2)])

    def test_event(self) -> None:
        """
        A session's event has the peer, the outcome, the count and the time, but no text,
        and not the line.
        """
        transport = self.session()
        self.clock.advance(1.5)
        transport.protocol.dataReceived(b"secret\n")
        [event] = self.events
        self.assertEqual(
            {key: event[key] for key in ("peer", "outcome", "characters", "seconds")},
            {"peer": "127.0.0.1:62460", "outcome": "answered", "characters": 6, "seconds": 1.5},
        )
        self.assertIsNone(event["log_format"])
        self.assertNotIn("secret", repr(event))

    def test_cutShort(self) -> None:
        """
        At the stop, sessions without an answer get their last words; those with one are left alone.
        """
        factory = self.factory()
        waiting, answered = connect(factory), connect(factory)
        answered.protocol.dataReceived(b"1\n")
        none = factory.whenNone()
        factory.cutShort()
        self.assertEqual(self.said(waiting), WELCOME + b"Server is shutting down.\n")
        self.assertTrue(self.said(answered).endswith(b"You entered 1 characters.\n"))
        self.assertNoResult(none)
        waiting.peerEnds()
        factory.abort()
        self.assertEqual(answered.ended, "aborted")
        self.successResultOf(none)
        self.assertEqual(self.outcomes(), [("answered", 1), ("cut-short", 0)])

    def test_noneThere(self) -> None:
        """
        Without sessions there is nothing to wait for.
        """
        self.successResultOf(self.factory().whenNone())

    def test_metrics(self) -> None:
        """
        The metrics count what happened.
        """
        factory = self.factory()
        connect(factory).protocol.dataReceived(b"12345\n")
        connect(factory).protocol.connectionLost(Failure(ConnectionLost()))
        metrics: dict[str, Metric] = {metric.name: metric for metric in factory.metrics()}
        self.assertEqual(metrics["linecount_sessions"].value, {"answered": 1, "vanished": 1})
        self.assertEqual(metrics["linecount_characters"].value, 5)
        self.assertEqual(metrics["linecount_connections_open"].value, 1)
        seconds = metrics["linecount_session_seconds"].value
        assert isinstance(seconds, Histogram)
        self.assertEqual(sum(seconds.counts), 2)
