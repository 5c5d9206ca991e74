"""
The relay of TCP connections, on a fake clock and without sockets.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from tests.impair.streams import StreamCase, connect
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.impair.stream_faults import StreamFaults
from twisted_netdemo.impair.tcp_relay import SILENCE


class Bytes(StreamCase):
    """
    Every byte arrives, at its time.
    """

    def test_bothWays(self) -> None:
        """
        Each end receives what the other has sent.
        """
        client, server = self.connected()
        client.protocol.dataReceived(b"question")
        server.protocol.dataReceived(b"answer")
        self.assertEqual((server.data, client.data), (b"question", b"answer"))
        self.assertTrue(client.noDelay and server.noDelay)

    def test_delay(self) -> None:
        """
        The opening takes the way up like the bytes after it; a greeting that the target sends at
        once has taken both ways when it arrives.
        """
        self.start(Impairments(delay=0.02), Impairments(delay=0.03))
        self.pump(19)
        self.assertEqual(self.target.asked, [])
        self.assertFalse(self.client.isReading)
        self.pump(1)
        self.assertEqual(self.target.asked[0][0], 0.02)
        server = self.target.accept()
        self.assertTrue(self.client.isReading)
        server.protocol.dataReceived(b"Welcome")
        self.pump(30)
        self.assertEqual(self.client.writes, [(b"Welcome", 0.05)])

    def test_jitter(self) -> None:
        """
        A varying delay leaves the order alone.
        """
        client, server = self.connected(60, up=Impairments(delay=0.02, jitter=0.02))
        for n in range(50):
            client.protocol.dataReceived(b"%d " % n)
            self.pump(1)
        self.pump(50)
        self.assertEqual(server.data.split(), [b"%d" % n for n in range(50)])
        self.assertGreater(len({when for _, when in server.writes}), 10)

    def test_rate(self) -> None:
        """
        A long text comes segment after segment at the rate of the bottleneck, which counts the
        bits of their packets.
        """
        client, server = self.connected(up=Impairments(rate=8 * 150_000))
        client.protocol.dataReceived(bytes(3 * 1448))
        self.pump(40)
        self.assertEqual(
            server.writes, [(bytes(1448), 0.011), (bytes(1448), 0.021), (bytes(1448), 0.031)]
        )

    def test_rateOverIPv6(self) -> None:
        """
        Over IPv6 a packet has less room; a client that speaks IPv4 to a socket for both does not
        speak IPv6.
        """
        for host, room in (("::1", 1428), ("fe80::1%lo", 1428), ("::ffff:127.0.0.1", 1448)):
            self.start(up=Impairments(rate=8 * 150_000))
            client = connect(self.clock, self.relay, IPv6Address("TCP", host, 4001))
            begun = self.clock.seconds()
            self.pump(2)
            server = self.target.accept(1)
            client.protocol.dataReceived(bytes(2 * room))
            self.pump(30)
            self.assertEqual(
                [(data, round(when - begun, 6)) for data, when in server.writes],
                [(bytes(room), 0.012), (bytes(room), 0.022)],
            )

    def test_bottleneckIsShared(self) -> None:
        """
        Two connections through the same bottleneck take twice as long.
        """
        client, server = self.connected(up=Impairments(rate=8 * 150_000))
        other = connect(self.clock, self.relay)
        self.pump(1)
        otherServer = self.target.accept(1)
        client.protocol.dataReceived(bytes(1448))
        other.protocol.dataReceived(bytes(1448))
        self.pump(30)
        self.assertEqual((server.writes[0][1], otherServer.writes[0][1]), (0.012, 0.022))

    def test_slice(self) -> None:
        """
        C{--slice 3} makes each write a piece of three bytes at most.
        """
        client, server = self.connected(upFaults=StreamFaults(slice=3))
        client.protocol.dataReceived(b"12345678")
        self.assertEqual([data for data, _ in server.writes], [b"123", b"456", b"78"])

    @given(
        st.lists(st.binary(max_size=50), max_size=8),
        st.sampled_from([None, 1, 7, 100]),
        st.sampled_from([None, 80_000.0]),
        st.sampled_from([0.0, 0.004]),
    )
    def test_intact(
        self, chunks: list[bytes], piece: int | None, rate: float | None, jitter: float
    ) -> None:
        """
        However it is cut, delayed and slowed, the text is the same.
        """
        figures = Impairments(delay=0.005, jitter=jitter, rate=rate)
        client, server = self.connected(20, up=figures, upFaults=StreamFaults(slice=piece))
        for chunk in chunks:
            client.protocol.dataReceived(chunk)
            self.pump(3)
        client.protocol.readConnectionLost()
        self.clock.pump([0.1] * 40)
        self.assertEqual(server.data, b"".join(chunks))
        self.assertEqual(server.ends, ["half-closed"])

    def test_slowReader(self) -> None:
        """
        Where the target does not read, the client is not read either, and no more than a bounded
        number of bytes is kept; once it reads, all arrives.
        """
        client, server = self.connected()
        server.takes = False
        sent = 0
        while client.isReading:
            client.protocol.dataReceived(bytes(10_000))
            sent += 10_000
            self.assertLess(sent, 1_000_000)
        server.takes = True
        server.flush()
        self.assertTrue(client.isReading)
        self.assertEqual(len(server.data), sent)

    def test_longFatLine(self) -> None:
        """
        As much as fits on the line may be under way: a long delay does not slow a fast line down
        to a bufferful a round trip.
        """
        client, server = self.connected(101, up=Impairments(delay=0.1))
        sent = 0
        while client.isReading:
            client.protocol.dataReceived(bytes(65536))
            sent += 65536
        self.assertGreater(sent, 4_000_000)
        self.assertLess(sent, 5_000_000)
        self.pump(101)
        self.assertEqual(len(server.data), sent)


class Ends(StreamCase):
    """
    However a connection ends, the other side learns it, after the bytes before it.
    """

    def finished(self) -> bool:
        return not self.relay._pairs

    def test_halfClose(self) -> None:
        """
        A client that has said all still hears the answer; then both connections close.
        """
        client, server = self.connected(down=Impairments(delay=0.01))
        client.protocol.dataReceived(b"123\n")
        client.protocol.readConnectionLost()
        self.assertEqual((server.data, server.ends), (b"123\n", ["half-closed"]))
        server.protocol.dataReceived(b"You entered 3 characters.\n")
        server.protocol.readConnectionLost()
        self.assertEqual((client.data, client.ends), (b"", []))
        self.pump(10)
        self.assertEqual(client.data, b"You entered 3 characters.\n")
        self.assertEqual(client.ends, ["half-closed", "closed"])
        self.assertEqual(server.ends, ["half-closed", "closed"])
        self.pump(20)
        self.assertTrue(self.finished())
        self.assertEqual(client.ends, ["half-closed", "closed"])

    def test_endWaitsForSlowReader(self) -> None:
        """
        The half-close comes after the last byte, not before.
        """
        client, server = self.connected()
        server.takes = False
        client.protocol.dataReceived(b"text")
        client.protocol.readConnectionLost()
        self.assertEqual(server.ends, [])
        server.takes = True
        server.flush()
        self.assertEqual((server.data, server.ends), (b"text", ["half-closed"]))

    def test_clientResets(self) -> None:
        """
        A client's reset reaches the target, a delay later.
        """
        self.start(up=Impairments(delay=0.01))
        self.pump(10)
        server = self.target.accept()
        self.client.protocol.dataReceived(b"text")
        self.client.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(server.ends, [])
        self.pump(10)
        self.assertEqual((server.data, server.ends), (b"text", ["reset"]))
        self.pump(10)
        self.assertTrue(self.finished())

    def test_targetRefuses(self) -> None:
        """
        Where nobody listens at the target, the client is reset, and the log says why, once.
        """
        events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.start()
        connect(self.clock, self.relay)
        for n in range(2):
            self.target.asked[n][2].errback(ConnectionRefusedError())
        self.pump(1)
        self.assertEqual(self.client.ends, ["reset"])
        self.assertTrue(self.finished())
        said = [formatEvent(e) for e in events if "impair" in e["log_namespace"]]
        self.assertEqual(len(said), 1)
        self.assertIn("Connections do not reach the target: Connection was refused", said[0])

    def test_clientGoesWhileConnecting(self) -> None:
        """
        A client that has gone before the target answered leaves nothing behind.
        """
        self.start()
        self.client.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.target.cancelled, 1)
        self.assertTrue(self.finished())

    def test_stop(self) -> None:
        """
        Stopping resets both ends: neither may take a part for the whole.
        """
        client, server = self.connected(60, up=Impairments(rate=8000))
        client.protocol.dataReceived(bytes(5000))
        self.relay.stop()
        self.assertEqual((client.ends, server.ends), (["reset"], ["reset"]))
        self.pump(9000)
        self.assertEqual(server.data, b"")
        self.assertTrue(self.finished())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_comesAfterStop(self) -> None:
        """
        A client whose opening is under way at the stop is reset, and the target never sees it.
        """
        self.start()
        self.relay.stop()
        late = connect(self.clock, self.relay)
        self.pump(1)
        self.assertEqual(late.ends, ["reset"])
        self.assertEqual(len(self.target.asked), 1)  # by the client that was there before
        self.assertTrue(self.finished())


class StreamFaultsTests(StreamCase):
    """
    C{--reset-after} and C{--hang-after}.
    """

    def test_resetAfter(self) -> None:
        """
        Exactly so many bytes arrive, then both ends are reset.
        """
        client, server = self.connected(downFaults=StreamFaults(resetAfter=10))
        server.protocol.dataReceived(b"123456")
        self.assertEqual((client.data, client.ends), (b"123456", []))
        server.protocol.dataReceived(b"7890abc")
        self.assertEqual(client.data, b"1234567890")
        self.assertEqual((client.ends, server.ends), (["reset"], ["reset"]))

    def test_resetAfterWhatIsTaken(self) -> None:
        """
        The reset waits until the system has taken the bytes before it.
        """
        client, server = self.connected(downFaults=StreamFaults(resetAfter=4))
        client.takes = False
        server.protocol.dataReceived(b"12345")
        self.assertEqual(client.ends, [])
        client.takes = True
        client.flush()
        self.assertEqual((client.data, client.ends), (b"1234", ["reset"]))

    def test_hangAfter(self) -> None:
        """
        Nothing more passes in either direction, without a word; after an hour both are reset.
        """
        client, server = self.connected(upFaults=StreamFaults(hangAfter=4))
        client.protocol.dataReceived(b"12345")
        self.assertEqual(server.data, b"1234")
        client.protocol.dataReceived(b"67")
        server.protocol.dataReceived(b"anyone?")
        self.assertEqual((server.data, client.data), (b"1234", b""))
        self.assertFalse(client.isReading or server.isReading)
        self.clock.advance(SILENCE - 1)
        self.assertEqual(client.ends + server.ends, [])
        self.clock.advance(1)
        self.assertEqual((client.ends, server.ends), (["reset"], ["reset"]))

    def test_whatComesFirst(self) -> None:
        """
        Of both, the one with fewer bytes happens.
        """
        self.assertEqual(StreamFaults(resetAfter=5, hangAfter=4).last(), (4, "hang"))
        self.assertEqual(StreamFaults(resetAfter=3, hangAfter=4).last(), (3, "reset"))
        self.assertIsNone(StreamFaults().last())
