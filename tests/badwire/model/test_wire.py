"""
Tests of the wire in memory: packets come out of a device, and go back into it.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.pair.testing import MemoryIOSystem, Tunnel
from twisted.pair.tuntap import TuntapPort
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_packet import TEXT, V4, V6, inet, inet6, lite, made, read
from twisted_netdemo.badwire.model.events import CUT, HEALED, Arrived, Changed, Event, Sent, Taken
from twisted_netdemo.badwire.model.packet import mirror, verify
from twisted_netdemo.badwire.model.under_way import NotUnderWay
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.sandbox.network import FAR, FAR6
from twisted_netdemo.faults.figure_texts import FigureError
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import Positions, Probability

ALWAYS = Probability(1.0)


class Wide(Tunnel):  # type: ignore[misc]  # Twisted leaves it untyped
    """
    A device that takes large packets, until it is full.
    """

    SEND_BUFFER_SIZE = 65536


class Remembering:
    """
    A listener that keeps what it is told.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.datas: list[bytes] = []

    def sent(self, event: Sent, data: bytes) -> None:
        self.events.append(event)
        self.datas.append(data)

    def arrived(self, event: Arrived, data: bytes) -> None:
        self.events.append(event)
        self.datas.append(data)

    def taken(self, event: Taken, data: bytes) -> None:
        self.events.append(event)
        self.datas.append(data)

    def changed(self, event: Changed) -> None:
        self.events.append(event)


class WireCase(SynchronousTestCase):
    """
    A wire whose device is a test's.
    """

    def build(
        self, up: Impairments | None = None, down: Impairments | None = None, **options: Any
    ) -> None:
        """
        @param up: how bad the way up is; not at all by default.
        """
        self.clock = Clock()
        self.clock.advance(1000)
        self.told = Remembering()
        self.wire = Wire(
            self.clock,
            {"up": up or Impairments(), "down": down or Impairments()},
            options.pop("seed", 1),
            [socket.inet_aton(FAR), socket.inet_pton(socket.AF_INET6, FAR6)],
            [self.told],
            **options,
        )
        system = MemoryIOSystem()
        system.registerSpecialDevice(Wide._DEVICE_NAME, Wide)
        self.port = TuntapPort(b"wire", self.wire, 65536, None, system)
        # without a reactor to wait for the device
        self.port.startReading = self.port.stopReading = lambda: None
        self.port.startListening()
        self.device: Wide = system.getTunnel(self.port)

    def leave(self, *packets: bytes) -> None:
        """
        Let the kernel send packets.
        """
        for packet in packets:
            self.device.addToReadBuffer(packet)
        self.port.doRead()

    def came(self) -> list[bytes]:
        """
        The packets that the kernel was given back since the last call.
        """
        came = [bytes(each) for each in self.device.writeBuffer]
        self.device.writeBuffer.clear()
        return came

    def datagram(self, number: int = 0, up: bool = True) -> bytes:
        """
        One datagram.
        """
        ports = (40000, 53) if up else (53, 40000)
        return made(V4, inet.UDP(sport=ports[0], dport=ports[1]), bytes([number]) + TEXT)

    @property
    def changed(self) -> list[Changed]:
        return [event for event in self.told.events if isinstance(event, Changed)]

    @property
    def sent(self) -> list[Sent]:
        return [event for event in self.told.events if isinstance(event, Sent)]

    @property
    def arrived(self) -> list[Arrived]:
        return [event for event in self.told.events if isinstance(event, Arrived)]


class GoodWireTests(WireCase):
    """
    A wire that does nothing bad is a way to the far address.
    """

    def test_comesBack(self) -> None:
        """
        A packet to the far address arrives at once, from the far address, with right checksums.
        """
        self.build()
        for data in (self.datagram(), made(V6, inet.TCP(flags="S"))):
            self.leave(data)
            (came,) = self.came()
            self.assertEqual(came, mirror(read(data)))
            self.assertTrue(verify(read(came)))

    def test_log(self) -> None:
        """
        The log tells when it left and arrived, what it was, and what its receiver did with it.
        """
        self.build()
        self.clock.advance(2.5)
        self.leave(self.datagram())
        sent, arrived = self.told.events
        self.assertEqual(
            sent,
            Sent(
                t=2.5,
                n=0,
                flow=0,
                direction="up",
                protocol="udp",
                version=4,
                source=40000,
                destination=53,
                length=100,
                flags="",
                seq=1,
                ack=None,
                attempt=1,
                fates=(),
                delay=0.0,
                checksum=True,
                head=(b"\0" + TEXT)[:24],
            ),
        )
        self.assertEqual(arrived, Arrived(2.5, 0, 0, 0, "up", "delivered", 0))
        self.assertEqual(self.told.datas, [self.datagram(), mirror(read(self.datagram()))])

    def test_elsewhere(self) -> None:
        """
        A packet to another address, or a malformed one, is not on the wire.
        """
        self.build()
        others = [
            bytes(inet.IP(src="10.77.0.1", dst="10.77.0.3") / inet.UDP()),
            bytes(inet6.IPv6(src="fd77::1", dst="ff02::2") / inet6.ICMPv6ND_RS()),
            b"",
            b"\x45",
        ]
        self.leave(*others)
        self.assertEqual((self.came(), self.told.events, self.wire.unread), ([], [], 4))
        self.assertEqual(self.wire.malformed, 2)

    def test_wrongFromTheSender(self) -> None:
        """
        A checksum that its sender got wrong is told, and the packet discarded by its receiver.
        """
        self.build()
        data = self.datagram()
        self.leave(data[:-1] + b"\0")
        self.assertFalse(self.sent[0].checksum)
        self.assertEqual(self.arrived[0].effect, "discarded")
        self.assertEqual(len(self.came()), 1)


class FateTests(WireCase):
    """
    The faults that a user asks for happen, and the log says so.
    """

    def test_lost(self) -> None:
        """
        A lost packet never arrives; the other direction has figures of its own.
        """
        self.build(up=Impairments(loss=ALWAYS, duplicate=ALWAYS, delay=1.0))
        self.leave(self.datagram(), self.datagram(up=False))
        self.clock.advance(10)
        self.assertEqual(len(self.came()), 1)
        self.assertEqual([event.fates for event in self.sent], [("lost",), ()])
        self.assertEqual(self.sent[0].delay, 0.0)
        self.assertEqual([event.direction for event in self.arrived], ["down"])

    def test_duplicated(self) -> None:
        """
        Both copies arrive, damaged alike, and each has its line.
        """
        self.build(up=Impairments(duplicate=ALWAYS, corrupt=Positions(((2, 2),))))
        self.leave(self.datagram(), self.datagram(1))
        first, second, third, fourth = self.came()
        self.assertEqual((first, third), (second, fourth))
        self.assertEqual(
            [event.fates for event in self.sent], [("duplicated",), ("duplicated", "corrupted")]
        )
        self.assertEqual([event.copy for event in self.arrived], [0, 1, 0, 1])
        self.assertEqual(
            [event.effect for event in self.arrived],
            ["delivered", "again", "discarded", "discarded"],
        )

    def test_corrupted(self) -> None:
        """
        A corrupted packet arrives with one bit flipped, and its receiver's checksum finds it.
        """
        self.build(up=Impairments(corrupt=ALWAYS))
        data = self.datagram()
        self.leave(data)
        (came,) = self.came()
        whole = int.from_bytes(came, "big") ^ int.from_bytes(mirror(read(data)), "big")
        self.assertEqual(whole.bit_count(), 1)
        self.assertFalse(verify(read(came)))
        self.assertEqual(self.told.datas[0], data)

    def test_corruptAndTaken(self) -> None:
        """
        A damaged packet without a checksum is accepted: that follows from the packet.
        """
        self.build(up=Impairments(corrupt=ALWAYS))
        self.leave(
            self.datagram(),
            made(V4, inet.UDP(sport=40000, dport=53, chksum=0), TEXT),
            lite(V4, 8),
            lite(V6, 0),
        )
        self.assertEqual({event.fates for event in self.sent}, {("corrupted",)})
        effects = [event.effect for event in self.arrived]
        self.assertEqual(effects, ["discarded", "delivered", "delivered", "discarded"])

    def test_complaint(self) -> None:
        """
        An ICMP error names the packet that it quotes.
        """
        self.build()
        asked = made(V4, inet.UDP(sport=40000, dport=9), TEXT)
        self.leave(self.datagram(), asked)
        (came,) = self.came()[1:]
        self.leave(made(V4, inet.ICMP(type=3, code=3), came))
        self.assertEqual([event.quotes for event in self.sent], [None, None, 1])
        self.assertEqual(self.sent[2].flow, self.sent[1].flow)

    def test_windows(self) -> None:
        """
        The log has the room that a segment offers: shifted where both ends agreed to, not in a SYN;
        where one end did not, as it stands; unknown where no SYN was seen.
        """
        up, down = {"sport": 40000, "dport": 80}, {"sport": 80, "dport": 40000}
        for far, shown in (([("WScale", 3)], [9, 5, 7 << 2, 7 << 3]), ([], [9, 5, 7, 7])):
            self.build()
            self.leave(
                made(V4, inet.TCP(flags="S", window=9, options=[("WScale", 2)], **up)),
                made(V4, inet.TCP(flags="SA", window=5, options=far, **down)),
                made(V4, inet.TCP(flags="A", window=7, seq=1, **up)),
                made(V4, inet.TCP(flags="A", window=7, seq=1, **down)),
                made(V6, inet.TCP(flags="A", window=7, **up)),
            )
            self.assertEqual([event.window for event in self.sent], [*shown, None])

    def test_nothingToCorrupt(self) -> None:
        """
        A packet without a bit that may be flipped is not said to be corrupted.
        """
        self.build(up=Impairments(corrupt=ALWAYS))
        self.leave(made(V4))
        self.assertEqual(self.sent[0].fates, ())

    def test_undetectable(self) -> None:
        """
        Words exchanged pass every checksum; where there are no two of them, nothing is said.
        """
        self.build(up=Impairments(undetectable=ALWAYS))
        self.leave(self.datagram(), self.datagram(up=False), made(V4, inet.UDP(), b"x"))
        came = self.came()
        self.assertEqual([event.fates for event in self.sent], [("undetectable",), (), ()])
        self.assertNotEqual(came[0], mirror(read(self.datagram())))
        self.assertTrue(all(verify(read(each)) for each in came))

    def test_delayed(self) -> None:
        """
        A delayed packet arrives after its delay, and until then the wire is not idle.
        """
        self.build(up=Impairments(delay=0.05))
        self.leave(self.datagram())
        self.assertEqual((self.came(), self.wire.isIdle), ([], False))
        self.clock.advance(0.049)
        self.assertEqual(self.came(), [])
        self.clock.advance(0.002)
        self.assertEqual((len(self.came()), self.wire.isIdle), (1, True))
        self.assertEqual(self.sent[0].delay, 50.0)
        self.assertAlmostEqual(self.arrived[0].t, 0.051)

    def test_reordered(self) -> None:
        """
        A reordered packet arrives after later ones, as many as were asked for.
        """
        self.build(up=Impairments(reorder=Positions(((1, 1),)), gap=2, hold=0.04))
        self.leave(*(self.datagram(number) for number in range(3)))
        self.assertEqual([event.n for event in self.arrived], [1, 2, 0])
        self.assertEqual(self.sent[0].fates, ("reordered",))

    def test_reorderedAlone(self) -> None:
        """
        Where no later ones come, it arrives after the time that it is held at most.
        """
        self.build(up=Impairments(reorder=ALWAYS, hold=0.04))
        self.leave(self.datagram())
        self.clock.advance(0.039)
        self.assertEqual(self.came(), [])
        self.clock.advance(0.002)
        self.assertEqual(len(self.came()), 1)

    def test_queue(self) -> None:
        """
        A bottleneck lets packets through one after another, and drops at its queue's tail.
        """
        size = len(self.datagram())
        self.build(up=Impairments(rate=8.0 * size, queue=2))
        self.leave(*(self.datagram(number) for number in range(5)))
        self.assertEqual([event.fates for event in self.sent], [(), (), (), ("queue",), ("queue",)])
        for second in range(1, 5):
            self.clock.advance(1.0)
            self.assertEqual(len(self.came()), 1 if second <= 3 else 0)

    def test_blackout(self) -> None:
        """
        In a blackout nothing passes, and before and after it all does.
        """
        self.build(blackouts=[(1.0, 2.0), (4.0, 5.0)])
        for _ in range(6):
            self.leave(self.datagram())
            self.clock.advance(1.0)
        self.assertEqual(
            [event.fates for event in self.sent],
            [(), ("blackout",), (), (), ("blackout",), ()],
        )
        self.assertEqual(len(self.came()), 4)

    def test_places(self) -> None:
        """
        Positions count the packets of a flow and direction, repeats among them.
        """
        self.build(up=Impairments(loss=Positions(((2, 3),))))
        syn = made(V4, inet.TCP(sport=1, dport=2, seq=5, flags="S"))
        self.leave(syn, syn, syn, syn, self.datagram())
        self.assertEqual(
            [(event.attempt, event.fates) for event in self.sent],
            [(1, ()), (2, ("lost",)), (3, ("lost",)), (4, ()), (1, ())],
        )


class RepeatableTests(WireCase):
    """
    A fate follows from the seed and from which packet it is.
    """

    BAD = Impairments(
        loss=Probability(0.3),
        duplicate=Probability(0.3),
        reorder=Probability(0.3),
        corrupt=Probability(0.3),
        delay=0.01,
    )

    def fates(self, seed: int, client: int, start: int, order: list[int]) -> dict[int, Any]:
        """
        The fates of segments, by their place in the stream.
        """
        self.build(up=self.BAD, seed=seed)
        tcp = {"sport": client, "dport": 80}
        self.leave(made(V4, inet.TCP(flags="S", seq=start, **tcp)))
        for place in order:
            seq = start + 1 + 100 * place
            self.leave(made(V4, inet.TCP(flags="PA", seq=seq, ack=9, **tcp), bytes([place]) * 100))
            self.clock.advance(0.001 * place)
        return {event.seq: event.fates for event in self.sent if event.attempt == 1}

    def test_same(self) -> None:
        """
        Another client's port, other first numbers and other pauses change nothing.
        """
        order = list(range(50))
        first = self.fates(7, 40000, 5, order)
        self.assertEqual(self.fates(7, 51234, 2**31, order), first)
        self.assertGreater(len(set(first.values())), 5)

    def test_otherSeed(self) -> None:
        """
        Another seed is another wire.
        """
        order = list(range(50))
        self.assertNotEqual(self.fates(8, 40000, 5, order), self.fates(7, 40000, 5, order))


class FlowsTests(WireCase):
    """
    Some flows meet the figures; the others travel unharmed.
    """

    def client(self, port: int, server: int = 53) -> bytes:
        return made(V4, inet.UDP(sport=port, dport=server), TEXT)

    def test_chosen(self) -> None:
        """
        Flows are counted over all ports, in the order of their opening; positions go on within each
        flow. Nothing of what makes the wire bad reaches the others.
        """
        self.build(
            up=Impairments(loss=Positions(((2, 2),)), delay=1.0, rate=1e6),
            blackouts=[(5.0, 6.0)],
            flows=Positions(((1, 1), (3, 3))),
        )
        for port, server in ((1, 53), (2, 80), (3, 53), (1, 53), (2, 80), (3, 53)):
            self.leave(self.client(port, server))
        self.assertEqual([event.flow for event in self.arrived], [1, 1])
        self.clock.advance(5.5)
        self.assertEqual([event.flow for event in self.arrived], [1, 1, 0, 2])
        self.leave(self.client(1), self.client(2, 80))
        self.assertEqual(
            [event.fates for event in self.sent],
            [(), (), (), ("lost",), (), ("lost",), ("blackout",), ()],
        )

    def test_changed(self) -> None:
        """
        A change of the figures is one for the same flows; a line that is cut is cut for all.
        """
        self.build(flows=Positions(((2, 2),)))
        self.leave(self.client(1), self.client(2))
        self.wire.change("both", {"loss": "100%"})
        self.leave(self.client(1), self.client(2))
        self.wire.cut()
        self.leave(self.client(1), self.client(2))
        fates = [event.fates for event in self.sent]
        self.assertEqual(fates, [(), (), (), ("lost",), ("blackout",), ("blackout",)])


class ChangeTests(WireCase):
    """
    The wire changes while it runs.
    """

    def test_figures(self) -> None:
        """
        Figures are in force from the next packet on, in their direction alone, and those that were
        not set stay; the log has the texts.
        """
        self.build(up=Impairments(delay=0.5))
        self.leave(self.datagram())
        self.clock.advance(1)
        self.wire.change("up", {"loss": "100%"})
        self.leave(self.datagram(), self.datagram(up=False))
        self.wire.change("both", {"loss": " ", "duplicate": "100%", "rate": ""})
        self.leave(self.datagram())
        self.clock.advance(1)
        self.assertEqual(
            [(event.direction, event.fates) for event in self.sent],
            [("up", ()), ("up", ("lost",)), ("down", ()), ("up", ("duplicated",))],
        )
        self.assertEqual(self.sent[3].delay, 500.0)
        self.assertEqual(
            self.changed,
            [
                Changed(1.0, 1, "up", {"loss": "100%"}),
                Changed(1.0, 3, "both", {"loss": "0%", "duplicate": "100%", "rate": "none"}),
            ],
        )

    def test_atomic(self) -> None:
        """
        A wrong figure changes nothing, in either direction, and is one line that names it.
        """
        self.build(down=Impairments(loss=Positions(((9, 9),))))
        for figures, line in (
            ({"delay": "20ms", "loss": "200%"}, "loss: '200%' is neither"),
            ({"delay": "20ms", "los": "1%"}, "los: there is no such figure; did you mean loss?"),
            ({"delay": "20ms", "jitter": "20"}, "jitter: '20' is not a duration"),
            ({"delay": "20ms", "loss-burst": "3"}, "loss-burst: 3 needs a ratio"),
            ({"delay": "20ms", "loss": "@" + "1," * 1000 + "1"}, "loss: a text of 2002 characters"),
            ({}, "figures: there are none"),
        ):
            with self.subTest(line):
                error = self.assertRaises(FigureError, self.wire.change, "both", figures)
                self.assertTrue(str(error).startswith(line), error)
                self.assertNotIn("\n", str(error))
        self.leave(self.datagram())
        self.assertEqual((self.sent[0].delay, self.changed), (0.0, []))

    def test_underWay(self) -> None:
        """
        A packet that is under way keeps its time when the delay falls, and later ones of its flow
        wait behind it.
        """
        self.build(up=Impairments(delay=1.0))
        self.leave(self.datagram())
        self.clock.advance(0.5)
        self.wire.change("up", {"delay": "10ms"})
        self.leave(self.datagram(1))
        self.clock.advance(0.4)
        self.assertEqual(self.arrived, [])
        self.clock.advance(0.2)
        self.assertEqual([event.n for event in self.arrived], [0, 1])
        self.assertEqual([event.delay for event in self.sent], [1000.0, 10.0])

    def test_cut(self) -> None:
        """
        A line that is cut lets nothing pass until it is healed; a packet under way still arrives.
        """
        self.build(up=Impairments(delay=1.0))
        self.leave(self.datagram())
        self.wire.heal()
        self.wire.cut()
        self.wire.cut()
        self.leave(self.datagram(), self.datagram(up=False))
        self.clock.advance(5)
        self.wire.heal()
        self.leave(self.datagram(up=False))
        self.assertEqual(
            [event.fates for event in self.sent], [(), ("blackout",), ("blackout",), ()]
        )
        self.assertEqual([event.n for event in self.arrived], [0, 3])
        self.assertEqual(
            self.changed, [Changed(0.0, 1, "both", CUT), Changed(5.0, 3, "both", HEALED)]
        )

    def test_cutOneWay(self) -> None:
        """
        A line can be cut one way: packets the other way arrive. To cut it again is no news.
        """
        self.build()
        self.wire.cut("up")
        self.leave(self.datagram(), self.datagram(up=False))
        self.wire.cut()
        self.wire.heal("up")
        self.wire.heal()
        self.assertEqual([event.fates for event in self.sent], [("blackout",), ()])
        self.assertEqual(
            [(event.direction, event.figures) for event in self.changed],
            [("up", CUT), ("down", CUT), ("up", HEALED), ("down", HEALED)],
        )

    def fates(self, seed: int, *changes: tuple[int, str]) -> list[tuple[str, ...]]:
        """
        The fates of 60 datagrams, at whose places the loss changes.
        """
        self.build(up=Impairments(corrupt=Probability(0.3), duplicate=Probability(0.3)), seed=seed)
        at = dict(changes)
        for place in range(60):
            if place in at:
                self.wire.change("up", {"loss": at[place]})
            self.leave(self.datagram(place))
        self.assertEqual([each.n for each in self.changed], [*at])
        return [event.fates for event in self.sent]

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10**6), st.integers(0, 29), st.integers(30, 59), st.integers(0, 100))
    def test_sameFates(self, seed: int, first: int, moved: int, percent: int) -> None:
        """
        The same seed and the same place of a change are the same fates. The packets before it, and
        those after a change that was moved, are untouched; more loss loses the same ones and more.
        """
        less = self.fates(seed, (first, f"{percent}%"))
        self.assertEqual(self.fates(seed, (first, f"{percent}%")), less)
        later = self.fates(seed, (moved, f"{percent}%"))
        never = self.fates(seed)
        self.assertEqual(later[:moved], never[:moved])
        self.assertEqual(less[:first], never[:first])
        self.assertEqual(later[moved:], less[moved:])
        more = self.fates(seed, (first, f"{percent + (100 - percent) / 2}%"))
        for one, other in zip(less, more, strict=True):
            self.assertTrue(other in (one, ("lost",)), (one, other))


class HandTests(WireCase):
    """
    Packets are lost by hand.
    """

    def test_take(self) -> None:
        """
        A packet that is under way is taken with all of its copies; the others keep their times.
        """
        self.build(up=Impairments(delay=1.0, duplicate=Positions(((2, 2),))))
        self.leave(*(self.datagram(number) for number in range(3)))
        self.clock.advance(0.5)
        self.wire.take(1)
        self.clock.advance(0.5)
        self.assertEqual([event.n for event in self.arrived], [0, 2])
        self.assertEqual(self.told.events[3], Taken(0.5, 1, 0, "up"))
        self.assertEqual(self.told.datas[3], self.datagram(1))

    def test_idle(self) -> None:
        """
        A wire whose last packet was taken has nothing to wait for.
        """
        self.build(up=Impairments(delay=1.0))
        self.leave(self.datagram())
        self.wire.take(0)
        self.assertTrue(self.wire.isIdle)
        self.clock.advance(1)
        self.assertEqual((self.came(), self.clock.getDelayedCalls()), ([], []))

    def test_held(self) -> None:
        """
        A packet that is held back for later ones can be taken, and lets those pass.
        """
        self.build(up=Impairments(reorder=Positions(((1, 1),)), gap=2, hold=0.04))
        self.leave(self.datagram(0), self.datagram(1))
        self.wire.take(0)
        self.leave(self.datagram(2), self.datagram(3))
        self.clock.advance(1)
        self.assertEqual([event.n for event in self.arrived], [1, 2, 3])

    def test_notUnderWay(self) -> None:
        """
        A packet that has arrived, was lost or taken, or does not exist yet, cannot be taken.
        """
        self.build(up=Impairments(loss=Positions(((1, 1),))), down=Impairments(delay=1.0))
        self.leave(self.datagram(), self.datagram(), self.datagram(up=False))
        self.wire.take(2)
        for n, why in (
            (-1, "packet -1 is no longer under way"),
            (0, "packet 0 is no longer under way"),
            (1, "packet 1 is no longer under way"),
            (2, "packet 2 is no longer under way"),
            (3, "packet 3 has not left yet"),
        ):
            error = self.assertRaises(NotUnderWay, self.wire.take, n)
            self.assertEqual(str(error), why)
        self.assertEqual(len(self.told.events), 5)

    def test_loseNext(self) -> None:
        """
        The next packet in a direction is lost, or the next one with a payload, whatever else its
        fate would be; each choice is for one packet, and moves no other's fate.
        """
        tcp = {"sport": 40000, "dport": 80}
        syn = made(V4, inet.TCP(flags="S", **tcp))
        data = made(V4, inet.TCP(flags="PA", seq=1, ack=1, **tcp), TEXT)
        self.build(up=Impairments(duplicate=ALWAYS, loss=Positions(((5, 5),))))
        self.wire.loseNext("up", "data")
        self.leave(syn, self.datagram(), data, data, data)
        self.wire.loseNext("up")
        self.wire.loseNext("up", "data")
        self.wire.cut()
        self.leave(syn, data, data)
        self.assertEqual(
            [event.fates for event in self.sent],
            [
                ("duplicated",),
                ("chosen",),
                *[("duplicated",)] * 3,
                ("chosen",),
                ("chosen",),
                ("blackout",),
            ],
        )


class DeviceTests(WireCase):
    """
    A device that fails does not end the wire.
    """

    def test_refused(self) -> None:
        """
        A packet that the device does not take is counted, and logged once.
        """
        self.build()

        def full(data: bytes) -> int:
            raise OSError(errno.ENOBUFS, "No buffer space available")

        self.device.write = full
        self.leave(self.datagram(), self.datagram())
        self.assertEqual(self.wire.refused, 2)

    def test_stopped(self) -> None:
        """
        Packets that are under way when the device closes are lost without an error.
        """
        self.build(up=Impairments(delay=1.0))
        self.leave(self.datagram())
        self.wire.doStop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
