"""
The relay of datagrams, on a fake clock and without sockets.
"""

from __future__ import annotations

import errno
from typing import Any

from twisted.logger import formatEvent

from tests.impair.datagrams import FIRST, SECOND, RelayCase
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.model import Conditions, Fates
from twisted_netdemo.faults.reached import Asked, Reached
from twisted_netdemo.faults.trigger import Positions, Probability


def counts(received: int, lost: int, out: int, unread: int, **fates: int) -> dict[str, Any]:
    """
    One direction's part of the summary.
    """
    return {"in": received, "lost": lost, "out": out, "unread": unread, "fates": fates}


class Unreached(RelayCase):
    """
    Positions that no client's datagrams reached.
    """

    def test_said(self) -> None:
        """
        A fault that was to befall a datagram which never came is warned of when the relay stops;
        the longest client counts.
        """
        relay = self.relay(up=Impairments(loss=Positions(((7, 7),))))
        relay.reached = Reached([Asked("up-loss", Positions(((2, 2), (7, 7))), ("up",))])
        for source in (FIRST, SECOND, FIRST, FIRST):
            self.send(relay, b"x", source)
        relay.stop()
        lines = [event["line"] for event in self.events if "line" in event]
        self.assertEqual(lines, ["--up-loss @7: no client had more than 3 datagrams up"])


class Ways(RelayCase):
    """
    Datagrams find their way there and back.
    """

    def test_thereAndBack(self) -> None:
        """
        A client's datagram reaches the target, and the answer the client, from the address that
        the client wrote to.
        """
        relay = self.relay()
        self.send(relay, b"hello")
        [connection] = self.connections
        self.assertEqual(connection.sent, [(b"hello", 0.0)])
        connection.received(b"answer")
        self.assertEqual(self.port.sent, [(b"answer", FIRST, "192.0.2.1")])

    def test_manyClients(self) -> None:
        """
        Each client has its own way to the target, and gets its own answers.
        """
        relay = self.relay()
        for source in (FIRST, SECOND, FIRST):
            self.send(relay, b"from %d" % source[1], source)
        first, second = self.connections
        self.assertEqual([data for data, _ in first.sent], [b"from 4001"] * 2)
        second.received(b"to second")
        first.received(b"to first")
        self.assertEqual(
            [(d, to) for d, to, *_ in self.port.sent],
            [(b"to second", SECOND), (b"to first", FIRST)],
        )
        self.assertEqual(relay.clients, 2)

    def test_delays(self) -> None:
        """
        Each direction takes its own time.
        """
        relay = self.relay(Impairments(delay=0.02), Impairments(delay=0.03))
        self.send(relay, b"hello")
        self.clock.advance(0.019)
        self.assertEqual(self.connections[0].sent, [])
        self.clock.advance(0.001)
        self.assertEqual(self.connections[0].sent, [(b"hello", 0.02)])
        self.connections[0].received(b"answer")
        self.clock.advance(0.029)
        self.assertEqual(self.port.sent, [])
        self.clock.advance(0.001)
        self.assertEqual(self.port.sent, [(b"answer", FIRST, "192.0.2.1")])

    def test_manyDelays(self) -> None:
        """
        Of many datagrams under way each leaves at its own time, in order.
        """
        relay = self.relay(Impairments(delay=0.02))
        for n in range(100):
            self.send(relay, b"%d" % n)
            self.clock.advance(0.001)
        self.clock.pump([0.001] * 30)
        self.assertEqual(
            self.connections[0].sent, [(b"%d" % n, round(0.02 + n * 0.001, 6)) for n in range(100)]
        )

    def test_change(self) -> None:
        """
        The conditions change while datagrams are under way: these keep their times, later ones of
        their client wait behind them, and another client's have the new conditions at once.
        Positions count all datagrams, those before the change too.
        """
        relay = self.relay(Impairments(delay=1))
        relay.truth = None
        self.send(relay, b"slow")
        relay.conditions["up"].change(Impairments())
        self.send(relay, b"behind it")
        self.send(relay, b"at once", SECOND)
        first, second = self.connections
        self.assertEqual((first.sent, second.sent), ([], [(b"at once", 0.0)]))
        self.clock.advance(1)
        self.assertEqual(first.sent, [(b"slow", 1.0), (b"behind it", 1.0)])
        relay.conditions["up"].change(Impairments(loss=Positions(((4, 4),))))
        self.send(relay, b"the third")
        self.send(relay, b"the fourth")
        relay.conditions["up"].change(Impairments())
        self.send(relay, b"the fifth")
        self.assertEqual(first.sent[2:], [(b"the third", 1.0), (b"the fifth", 1.0)])

    def test_flood(self) -> None:
        """
        A thousand that are due at one time leave in parts, and others' calls come in between.
        """
        relay = self.relay(Impairments(delay=1))
        for n in range(1000):
            self.send(relay, b"%d" % n)
        seen: list[int] = []
        self.clock.callLater(1, lambda: seen.append(len(self.connections[0].sent)))
        self.clock.advance(1)
        for _ in range(100):
            self.clock.advance(0)
        self.assertLess(seen[0], 200)
        arrived = [data for data, _ in self.connections[0].sent]
        self.assertEqual(arrived, [b"%d" % n for n in range(1000)])

    def test_idle(self) -> None:
        """
        A client that is silent for the idle time is forgotten, and its socket closed after as long
        again; when it comes back it is a new client, whose place and numbers begin anew.
        """
        relay = self.relay(idle=60)
        self.send(relay, b"one")
        self.clock.advance(30)
        self.send(relay, b"other", SECOND)
        self.clock.advance(20)
        self.connections[0].received(b"an answer counts")
        self.clock.advance(59)
        self.send(relay, b"before", SECOND)
        self.assertEqual((relay.clients, len(self.connections)), (3, 3))
        self.clock.advance(1)
        self.send(relay, b"again")
        self.assertEqual((relay.clients, len(self.connections)), (4, 4))
        self.clock.advance(39)
        self.assertEqual([c.isClosed for c in self.connections], [False, False, False, False])
        self.clock.advance(1)
        self.assertEqual([c.isClosed for c in self.connections], [False, True, False, False])
        self.clock.advance(20)
        self.assertEqual([c.isClosed for c in self.connections], [True, True, False, False])
        *_, last, _ = self.truth(relay)
        self.assertEqual((last["head"], last["n"]), (b"again".hex(), 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """
        An answer that comes after its client was forgotten is in the log, the truth and the counts,
        and is dropped, even if the client has come back.
        """
        relay = self.relay(idle=60)
        self.send(relay, b"question")
        self.connections[0].received(b"soon")
        self.clock.advance(60)
        self.connections[0].received(b"late")
        self.send(relay, b"again")
        self.connections[0].received(b"later")
        self.clock.advance(60)
        self.assertTrue(self.connections[0].isClosed)
        self.assertEqual([data for data, *_ in self.port.sent], [b"soon"])
        said = [formatEvent(event) for event in self.events]
        self.assertIn(
            "Answers came after their client had been forgotten, and are dropped (1 since this "
            "was last said): a longer --idle waits for them.",
            said,
        )
        *lines, summary = self.truth(relay)
        self.assertEqual(
            [(line["n"], line["fates"], line["copies"]) for line in lines],
            [(0, [], 1), (0, [], 1), (1, ["late"], 0), (0, [], 1), (2, ["late"], 0)],
        )
        self.assertEqual(summary["summary"]["down"], counts(3, 2, 1, 6, late=2))

    def test_refused(self) -> None:
        """
        A target that refuses is in the log, the truth and the counts, as often as the system tells.
        """
        relay = self.relay()
        self.clock.advance(1)
        self.send(relay, b"one")
        for _ in range(2):
            self.connections[0].refused(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
        _, *lines, summary = self.truth(relay)
        self.assertEqual(lines, [{"refused": {"t": 1.0, "client": "127.0.0.1:4001"}}] * 2)
        self.assertEqual(summary["summary"]["refused"], 2)
        self.assertEqual(summary["summary"]["up"], counts(1, 0, 1, 2))
        said = [formatEvent(event) for event in self.events]
        self.assertIn("Datagrams do not reach the target: refused (1 since", said[0])
        self.assertIn(
            "The target refused 2 datagram(s); the relay does not tell their clients.", said
        )

    def test_underWayIsNotIdle(self) -> None:
        """
        A client is not forgotten before its datagrams have arrived and could be answered.
        """
        relay = self.relay(Impairments(delay=100), idle=10)
        self.send(relay, b"slow")
        self.clock.pump([1] * 100)
        self.assertEqual([data for data, _ in self.connections[0].sent], [b"slow"])
        self.assertFalse(self.connections[0].isClosed)
        self.clock.pump([1] * 9)
        self.connections[0].received(b"in time")
        self.clock.pump([1] * 9)
        self.connections[0].received(b"in time too")
        self.clock.pump([1] * 10)
        self.connections[0].received(b"late")
        self.assertEqual(len(self.port.sent), 2)


class InEachDirection(RelayCase):
    """
    Every fate, as a client and a target see it.
    """

    def up(self, count: int = 8, **figures: Any) -> list[bytes]:
        relay = self.relay(Impairments(**figures))
        for n in range(count):
            self.send(relay, b"%d" % n)
            self.clock.advance(0.001)
        self.clock.pump([0.001] * 1100)
        self.lines = self.truth(relay)
        return [data for data, _ in self.connections[0].sent]

    def line(self, n: int) -> dict[str, Any]:
        [line] = [line for line in self.lines[:-1] if line["n"] == n]
        return line

    def test_lossAtPlaces(self) -> None:
        """
        C{--loss @2,5-7}: the 2nd and the 5th to 7th never arrive, and the truth says so at once.
        """
        arrived = self.up(loss=Positions(((2, 2), (5, 7))))
        self.assertEqual(arrived, [b"0", b"2", b"3", b"7"])
        self.assertEqual([line["n"] for line in self.lines[:-1]], list(range(8)))
        lost = [line["n"] for line in self.lines[:-1] if line["fates"] == ["lost"]]
        self.assertEqual(lost, [1, 4, 5, 6])
        self.assertEqual((self.line(1)["copies"], self.line(1)["sent"]), (0, []))
        self.assertEqual([self.line(n)["sent"] for n in (0, 2, 3, 7)], [[0], [1], [2], [3]])

    def test_duplicate(self) -> None:
        """
        A duplicated one arrives twice in a row.
        """
        arrived = self.up(4, duplicate=Positions(((2, 2),)))
        self.assertEqual(arrived, [b"0", b"1", b"1", b"2", b"3"])
        self.assertEqual(self.line(1)["fates"], ["duplicated"])
        self.assertEqual((self.line(1)["copies"], self.line(1)["sent"]), (2, [1, 2]))
        self.assertEqual(self.line(2)["sent"], [3])

    def test_reorder(self) -> None:
        """
        A reordered one leaves right after three later ones; its line comes when it has left.
        """
        arrived = self.up(6, reorder=Positions(((2, 2),)))
        self.assertEqual(arrived, [b"0", b"2", b"3", b"4", b"1", b"5"])
        self.assertEqual([line["n"] for line in self.lines[:-1]], [0, 2, 3, 4, 1, 5])
        self.assertEqual((self.line(1)["fates"], self.line(1)["sent"]), (["reordered"], [4]))

    def test_reorderTheLast(self) -> None:
        """
        Where no three follow, it leaves after a second.
        """
        self.assertEqual(self.up(3, reorder=Positions(((2, 2),))), [b"0", b"2", b"1"])
        self.assertEqual(self.connections[0].sent[-1][1], 1.001)

    def test_corrupt(self) -> None:
        """
        A corrupted one differs in one bit; the truth shows it as it was received.
        """
        arrived = self.up(3, corrupt=Positions(((2, 2),)), duplicate=Positions(((2, 2),)))
        self.assertEqual(arrived[1], arrived[2])
        self.assertNotEqual(arrived[1], b"1")
        difference = arrived[1][0] ^ ord("1")
        self.assertEqual((len(arrived[1]), difference.bit_count()), (1, 1))
        self.assertEqual(self.line(1)["head"], b"1".hex())
        self.assertEqual(self.line(1)["fates"], ["duplicated", "corrupted"])

    def test_nothingToCorrupt(self) -> None:
        """
        An empty datagram arrives empty, and the truth does not say that it was corrupted.
        """
        relay = self.relay(Impairments(corrupt=Probability(1)))
        self.send(relay, b"")
        self.assertEqual(self.connections[0].sent, [(b"", 0.0)])
        line, summary = self.truth(relay)
        self.assertEqual((line["fates"], line["length"], line["head"]), ([], 0, ""))
        self.assertEqual(summary["summary"]["up"]["fates"], {})

    def test_queue(self) -> None:
        """
        A datagram that finds no room in the bottleneck's queue is dropped, a fate of its own. A
        datagram takes the time of its packet, headers included.
        """
        relay = self.relay(Impairments(rate=8000, queue=2))
        for _ in range(5):
            self.send(relay, bytes(72))
        self.clock.pump([0.1] * 5)
        self.assertEqual([when for _, when in self.connections[0].sent], [0.1, 0.2, 0.3])
        lines = self.truth(relay)
        self.assertEqual([line["n"] for line in lines if line.get("fates") == ["queue"]], [3, 4])
        self.assertEqual(lines[-1]["summary"]["up"], counts(5, 2, 3, 2, queue=2))

    def test_rateOverIPv6(self) -> None:
        """
        A client that speaks IPv6 has longer headers.
        """
        relay = self.relay(Impairments(rate=8000))
        self.send(relay, bytes(52), ("fe80::1", 4001))
        self.clock.pump([0.1])
        self.assertEqual([when for _, when in self.connections[0].sent], [0.1])

    def test_fatesAreThoseOfTheModel(self) -> None:
        """
        Each client and direction has the fates that the model has for its number, whichever
        client comes in between.
        """
        figures = Impairments(
            loss=Probability(0.3), duplicate=Probability(0.2), delay=0.01, jitter=0.01
        )
        relay = self.relay(figures, figures)
        for n in range(200):
            for source in (FIRST, SECOND):
                self.send(relay, b"%d" % n, source)
            for connection in self.connections:
                connection.received(b"down %d" % n)
        self.clock.advance(1)
        lines = self.truth(relay)[:-1]
        self.assertEqual(len(lines), 800)
        for place, client in enumerate(("127.0.0.1:4001", "[fe80::1%eth0]:4002")):
            for direction in ("up", "down"):
                fates = Fates(Conditions(figures), 42, direction, place)
                expected = [fates.next(n) for n in range(200)]
                got = sorted(
                    (line["n"], line["fates"], line["copies"], line["delay_ms"])
                    for line in lines
                    if (line["client"], line["direction"]) == (client, direction)
                )
                self.assertEqual(
                    got,
                    [
                        (n, [*fate.outcome.words], fate.outcome.copies, round(fate.delay * 1000, 3))
                        for n, fate in enumerate(expected)
                    ],
                )


class WhenThingsFail(RelayCase):
    """
    One line, and the relay goes on.
    """

    def test_noSocket(self) -> None:
        """
        With no socket for a new client, those that are there are served; the log says why.
        """
        relay = self.relay()
        self.send(relay, b"hello")
        self.refusal = OSError(errno.EMFILE, "Too many open files")
        for _ in range(3):
            self.send(relay, b"hello", SECOND)
        self.send(relay, b"still")
        self.assertEqual([d for d, _ in self.connections[0].sent], [b"hello", b"still"])
        self.assertEqual(len([line for line in self.said() if line.startswith("A new client")]), 1)

    def test_tooMany(self) -> None:
        """
        A client above the most is not relayed, and said so once; it is when another has been
        forgotten, and its socket closed.
        """
        relay = self.relay(most=1)
        self.send(relay, b"hello")
        for _ in range(3):
            self.send(relay, b"hello", SECOND)
        self.send(relay, b"still")
        self.assertEqual([d for d, _ in self.connections[0].sent], [b"hello", b"still"])
        self.assertEqual(len([line for line in self.said() if line.startswith("A new client")]), 1)
        self.clock.advance(60)
        self.send(relay, b"hello", SECOND)
        self.assertEqual(len(self.connections), 1)
        self.clock.advance(60)
        self.send(relay, b"hello", SECOND)
        self.assertEqual([d for d, _ in self.connections[1].sent], [b"hello"])
        self.refusal = None
        self.send(relay, b"hello", SECOND)
        self.assertEqual(relay.clients, 2)

    def test_toMany(self) -> None:
        """
        A datagram to all on a network, or to a group, is not relayed, and no answer leaves from
        such an address; the log says so once.
        """
        relay = self.relay()
        self.send(relay, b"hello")
        for destination in ("192.0.2.255", "255.255.255.255", "224.0.0.1", "ff02::1%eth0"):
            for source in (FIRST, SECOND):
                relay.datagramsReceived([(b"all", source, (destination, None, None), None)])
        [connection] = self.connections
        self.assertEqual([data for data, _ in connection.sent], [b"hello"])
        connection.received(b"answer")
        self.assertEqual(self.port.sent, [(b"answer", FIRST, "192.0.2.1")])
        self.assertEqual((relay.clients, relay.tallies["up"].received), (1, 1))
        self.assertEqual(len([line for line in self.said() if "to a broadcast" in line]), 1)

    def test_notSent(self) -> None:
        """
        A datagram that the system does not take counts as lost, with no copy sent, and is logged.
        """
        relay = self.relay()
        self.send(relay, b"one")
        self.connections[0].works = False
        self.send(relay, b"two")
        self.send(relay, b"three")
        self.assertEqual(
            len([line for line in self.said() if "do not reach the target" in line]), 1
        )
        one, two, _, summary = self.truth(relay)
        self.assertEqual((one["sent"], two["sent"], two["copies"]), ([0], [], 0))
        self.assertEqual(summary["summary"]["up"], counts(3, 2, 1, 2))

    def test_notAnswered(self) -> None:
        """
        The same goes for an answer.
        """
        relay = self.relay()
        self.send(relay, b"question")
        self.port.unreachable = {FIRST[0]}
        self.connections[0].received(b"answer")
        self.port.unreachable.clear()
        self.connections[0].received(b"answer")
        lines = [line for line in self.truth(relay)[:-1] if line["direction"] == "down"]
        self.assertEqual([(line["copies"], line["sent"]) for line in lines], [(0, []), (1, [0])])

    def test_stop(self) -> None:
        """
        At the end what is under way counts as lost, and nothing leaves any more.
        """
        relay = self.relay(Impairments(delay=1))
        self.send(relay, b"late")
        line, summary = self.truth(relay)
        self.assertEqual((line["fates"], line["copies"], line["delay_ms"]), ([], 0, 1000.0))
        self.assertEqual(
            summary,
            {
                "summary": {
                    "seed": 42,
                    "clients": 1,
                    "missing": 0,
                    "refused": 0,
                    "up": counts(1, 1, 0, 2),
                    "down": counts(0, 0, 0, 3),
                }
            },
        )
        self.clock.advance(5)
        self.assertEqual(self.connections[0].sent, [])
        self.assertTrue(self.connections[0].isClosed)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Lines(RelayCase):
    """
    The truth file's line.
    """

    def test_line(self) -> None:
        """
        It has every field that is documented, and no more than 64 bytes of the datagram.
        """
        relay = self.relay(Impairments(delay=0.02))
        self.clock.advance(1.5)
        self.send(relay, bytes(range(100)))
        self.clock.advance(0.02)
        line, _ = self.truth(relay)
        self.assertEqual(
            line,
            {
                "t": 1.5,
                "direction": "up",
                "client": "127.0.0.1:4001",
                "n": 0,
                "length": 100,
                "fates": [],
                "copies": 1,
                "delay_ms": 20.0,
                "head": bytes(range(64)).hex(),
                "sent": [0],
            },
        )
