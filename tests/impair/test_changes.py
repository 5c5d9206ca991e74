"""
Relays that change while they run.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.impair.datagrams import FIRST, SECOND, RelayCase
from tests.impair.streams import StreamCase, connect
from tests.schemas import assertConforms
from twisted_netdemo.faults.figure_texts import FigureError
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import Positions, Probability
from twisted_netdemo.impair.stream_faults import StreamFaults


class Datagrams(RelayCase):
    """
    UDP.
    """

    def lines(self) -> list[dict[str, Any]]:
        lines = self.truth(self.started)
        assertConforms(self, "impair-truth", *lines)
        return lines

    def start(self, **figures: Any) -> None:
        self.started = self.relay(**figures)

    def sent(self) -> list[bytes]:
        return [data for data, _ in self.connections[0].sent]

    def test_change(self) -> None:
        """
        The figures given are in force from the next datagram on, and the others stay; the truth
        says when, and how many had come.
        """
        self.start(up=Impairments(delay=0.01))
        self.send(self.started, b"one")
        self.clock.pump([0.01, 0.99])
        self.started.change({"both": {"loss": " 100% "}, "down": {"loss": "0%"}})
        self.send(self.started, b"two")
        self.clock.advance(1)
        self.connections[0].received(b"answer")
        self.started.change({"up": {"loss": ""}})
        self.send(self.started, b"three")
        self.clock.advance(0.01)
        self.assertEqual(self.connections[0].sent, [(b"one", 0.01), (b"three", 2.01)])
        self.assertEqual(
            [line["changed"] for line in self.lines() if "changed" in line],
            [
                {"t": 1.0, "n": 1, "direction": "both", "figures": {"loss": "100%"}},
                {"t": 1.0, "n": 0, "direction": "down", "figures": {"loss": "0%"}},
                {"t": 2.0, "n": 2, "direction": "up", "figures": {"loss": "0%"}},
            ],
        )

    @given(st.integers(0, 20))
    def test_sameFates(self, place: int) -> None:
        """
        A datagram has the fate that it would have had if the figures had always been these:
        neither the place of a change nor its time moves a draw, and places go on counting.
        """
        always = self.relay(up=Impairments(loss=Probability(0.5), duplicate=Positions(((7, 7),))))
        changed = self.relay()
        for n in range(20):
            if n == place:
                changed.change({"up": {"loss": "50%", "duplicate": "@7"}})
                self.clock.advance(1)
            for relay in (always, changed):
                self.send(relay, b"%d" % n)
        first, second = ([data for data, _ in each.sent] for each in self.connections[-2:])
        after = [data for data in first if int(data) >= place]
        self.assertEqual(second, [b"%d" % n for n in range(place)] + after)
        for relay in (always, changed):
            relay.stop()

    def test_cut(self) -> None:
        """
        Between C{cut} and C{heal} nothing that comes gets through, in either direction, whatever
        the figures; a datagram that was under way does. To cut twice is to cut once.
        """
        self.start(up=Impairments(delay=0.01))
        self.send(self.started, b"under way")
        self.started.cut()
        self.started.cut()
        self.started.change({"up": {"delay": "0ms"}})
        self.send(self.started, b"cut")
        self.connections[0].received(b"cut too")
        self.clock.advance(0.5)
        self.started.heal()
        self.started.heal()
        self.send(self.started, b"healed")
        self.assertEqual(self.sent(), [b"under way", b"healed"])
        lines = self.lines()
        self.assertEqual(
            [line["changed"]["figures"] for line in lines if "changed" in line],
            [{"line": "cut"}, {"delay": "0ms"}, {"line": "healed"}],
        )
        self.assertEqual(lines[-1]["summary"]["up"]["fates"], {"blackout": 1})
        self.assertEqual(lines[-1]["summary"]["down"]["lost"], 1)

    def test_cutWithoutTruth(self) -> None:
        """
        A relay without any figure, which passes datagrams on unseen, can be cut too.
        """
        self.start()
        self.started.truth = None
        for source in (FIRST, SECOND):
            self.started.cut()
            self.send(self.started, b"cut", source)
            self.started.heal()
            self.send(self.started, b"healed", source)
        self.assertEqual([each.sent[0][0] for each in self.connections], [b"healed"] * 2)
        self.started.stop()

    def test_mistakes(self) -> None:
        """
        A change that is wrong in part changes nothing.
        """
        self.start(up=Impairments(loss=Probability(0.2)))
        before = self.started.conditions["up"].impairments
        for changes in (
            {"both": {"loss": "50%"}, "up": {"delay": "5"}},
            {"up": {"loss": "50%"}, "down": {"slice": "5"}},
            {"up": {"loss": "@3", "loss-burst": "3"}},
            {"up": {"los": "3%"}},
        ):
            self.assertRaises(FigureError, self.started.change, changes)
            self.assertIs(self.started.conditions["up"].impairments, before)
        self.assertEqual([*self.lines()[0]], ["summary"])


class Streams(StreamCase):
    """
    TCP.
    """

    def changes(self) -> list[dict[str, Any]]:
        return [line["changed"] for line in self.truth() if "changed" in line]

    def test_change(self) -> None:
        """
        An open connection gets the new delay, rate and slice, and the bytes under way keep theirs;
        the order is kept.
        """
        client, server = self.connected(11, up=Impairments(delay=0.01))
        client.protocol.dataReceived(b"slow ")
        self.relay.change({"up": {"delay": "0ms", "slice": "3"}, "down": {"delay": "5ms"}})
        client.protocol.dataReceived(b"quick")
        server.protocol.dataReceived(b"answer")
        self.pump(20)
        self.assertEqual(server.writes, [(b"slow ", 0.021), (b"qui", 0.021), (b"ck", 0.021)])
        self.assertEqual(client.writes, [(b"answer", 0.016)])
        self.relay.change({"both": {"rate": "1200kbit", "slice": "none"}})
        client.protocol.dataReceived(bytes(3000))
        self.pump(40)
        self.assertEqual([len(data) for data, _ in server.writes[3:]], [1448, 1448, 104])
        self.assertEqual(
            self.changes()[0],
            {"t": 0.011, "n": 1, "direction": "up", "figures": {"delay": "0ms", "slice": "3"}},
        )

    def test_resetAfterCountsFromChange(self) -> None:
        """
        A connection counts the bytes of a new C{reset-after} from the change on, a connection that
        is opened later from its beginning; a change of another figure starts no new count.
        """
        client, server = self.connected()
        client.protocol.dataReceived(bytes(100))
        self.relay.change({"up": {"reset-after": "10"}})
        client.protocol.dataReceived(bytes(6))
        self.relay.change({"up": {"delay": "0ms"}})
        self.assertEqual(server.ends, [])
        client.protocol.dataReceived(bytes(6))
        self.assertEqual((len(server.data), server.ends), (110, ["reset"]))
        other = connect(self.clock, self.relay)
        self.pump(1)
        otherServer = self.target.accept(1)
        other.protocol.dataReceived(bytes(12))
        self.assertEqual((len(otherServer.data), otherServer.ends), (10, ["reset"]))

    def test_changeWhileConnecting(self) -> None:
        """
        A change before the target has answered does not begin to read the client.
        """
        self.start()
        self.relay.change({"up": {"slice": "3"}})
        self.assertFalse(self.client.isReading)
        server = self.target.accept()
        self.assertTrue(self.client.isReading)
        self.client.protocol.dataReceived(b"text")
        self.assertEqual([data for data, _ in server.writes], [b"tex", b"t"])

    def test_cut(self) -> None:
        """
        C{cut} is silence, not a reset: bytes sent meanwhile, and the half-close after them, arrive
        after C{heal}, once, in order, on the same connection.
        """
        client, server = self.connected(11, up=Impairments(delay=0.01))
        client.protocol.dataReceived(b"under way, ")
        self.relay.cut()
        client.protocol.dataReceived(b"cut, ")
        server.protocol.dataReceived(b"cut too")
        client.protocol.readConnectionLost()
        self.clock.advance(100)
        self.assertEqual((client.writes, server.writes), ([], []))
        self.assertEqual(client.ends + server.ends, [])
        self.relay.heal()
        self.assertEqual((server.data, client.data), (b"under way, cut, ", b"cut too"))
        self.assertEqual(server.ends, ["half-closed"])
        server.protocol.dataReceived(b" again")
        self.assertEqual(client.data, b"cut too again")
        self.assertEqual(
            [each["figures"] for each in self.changes()], [{"line": "cut"}, {"line": "healed"}]
        )

    def test_cutWhileConnecting(self) -> None:
        """
        A client that connects to a line that is cut reaches the target when it is healed; one that
        has gone by then leaves nothing behind.
        """
        self.start()
        self.relay.cut()
        stays, goes = (connect(self.clock, self.relay) for _ in range(2))
        goes.protocol.connectionLost(Failure(ConnectionLost()))
        self.clock.advance(100)
        self.assertEqual(len(self.target.asked), 1)  # of the client from before
        self.relay.heal()
        self.assertEqual((len(self.target.asked), self.target.cancelled), (3, 1))
        server = self.target.accept(1)
        stays.protocol.dataReceived(b"text")
        self.assertEqual(server.data, b"text")
        self.assertEqual(len(self.relay._pairs), 2)

    def test_cutWithSlowReader(self) -> None:
        """
        A reader that catches up while the line is cut gets nothing new, and all of it after.
        """
        client, server = self.connected()
        server.takes = False
        for word in (b"one ", b"two ", b"three"):
            client.protocol.dataReceived(word)
        self.relay.cut()
        server.takes = True
        server.flush()
        before = server.data
        self.assertIn(before, (b"", b"one "))
        self.relay.heal()
        self.assertEqual(server.data, b"one two three")

    def test_cutIsBounded(self) -> None:
        """
        A client that goes on sending into a line that is cut is read no more after a while.
        """
        client, server = self.connected()
        self.relay.cut()
        sent = 0
        while client.isReading:
            client.protocol.dataReceived(bytes(10_000))
            sent += 10_000
            self.assertLess(sent, 1_000_000)
        self.relay.heal()
        self.assertTrue(client.isReading)
        self.assertEqual(len(server.data), sent)

    def test_lostWhileCut(self) -> None:
        """
        The target learns that its client is gone when the line is healed, not before.
        """
        client, server = self.connected()
        self.relay.cut()
        client.protocol.dataReceived(b"last words")
        client.protocol.connectionLost(Failure(ConnectionLost()))
        self.clock.advance(10)
        self.assertEqual((server.data, server.ends), (b"", []))
        self.relay.heal()
        self.pump(1)
        self.assertEqual((server.data, server.ends), (b"last words", ["reset"]))
        self.assertEqual(self.truth()[-1]["reset"]["by"], "client")
        self.assertFalse(self.relay._pairs)

    def test_reset(self) -> None:
        """
        C{reset} ends all connections at both ends, whether the line is cut or not; new ones are
        relayed.
        """
        client, server = self.connected()
        self.relay.cut()
        self.relay.reset()
        self.relay.heal()
        self.pump(1)
        self.assertEqual({*client.ends, *server.ends}, {"reset"})
        self.assertEqual(self.truth()[-1]["reset"]["by"], "relay")
        other = connect(self.clock, self.relay)
        self.pump(1)
        other.protocol.dataReceived(b"text")
        self.assertEqual(self.target.accept(1).data, b"text")

    def test_stopWhileCut(self) -> None:
        """
        A relay can stop while its line is cut: all ends are reset, and nothing is left.
        """
        client, server = self.connected()
        self.relay.cut()
        client.protocol.dataReceived(b"text")
        self.relay.stop()
        self.pump(1)
        self.assertEqual((client.ends, server.ends), (["reset"], ["reset"]))
        self.assertEqual(server.data, b"")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_mistakes(self) -> None:
        """
        A change that is wrong in part changes nothing.
        """
        self.connected()
        for changes, words in (
            ({"both": {"delay": "5ms"}, "up": {"slice": "0"}}, "slice: '0' is not a size of 1"),
            ({"up": {"slice": "5"}, "down": {"delay": "5"}}, "delay: '5' is not a duration"),
            ({"up": {"loss": "5%"}}, "loss: a TCP connection has no such figure"),
            ({"up": {"queue": "5"}}, "queue: a TCP connection has no such figure"),
        ):
            error = self.assertRaises(FigureError, self.relay.change, changes)
            self.assertIn(words, str(error))
            for way in self.relay.ways.values():
                self.assertEqual(
                    (way.conditions.impairments.delay, way.faults), (0, StreamFaults())
                )
        self.assertEqual(self.changes(), [])


class Texts(SynchronousTestCase):
    """
    The figures of a stream as texts.
    """

    def test_none(self) -> None:
        """
        C{none} takes a fault back, and an untold one stays.
        """
        faults = StreamFaults(5, 10, 20).withFigures({"slice": "none", "hang-after": "1KiB"})
        self.assertEqual(faults, StreamFaults(None, 10, 1024))
