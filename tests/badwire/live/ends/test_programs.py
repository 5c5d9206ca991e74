"""
Tests of what the programs at both ends do, and how it is told.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.badwire.live.ends.test_kernel import OPENING
from twisted_netdemo.badwire.live.ends.far_programs import READER, SLOW, _Readers
from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers
from twisted_netdemo.badwire.live.ends.near_programs import DATAGRAM, MOST, NearPrograms, Refused
from twisted_netdemo.badwire.live.ends.observed import ObservedFactory, ObservedProtocol
from twisted_netdemo.badwire.live.ends.program_events import SHOWN, ProgramEvents
from twisted_netdemo.testing import MemoryTransport

HERE, PEER = (IPv4Address("TCP", "10.77.0.1", port) for port in (51423, 40000))


class Told:
    """
    Keeps what a program does.
    """

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def __call__(self, what: str, opener: int, other: int, data: bytes = b"") -> None:
        self.told.append((what, opener, other, data))


@implementer(IHalfCloseableProtocol)
class Echo(Protocol):
    """
    Sends back what comes; at the end of its input a last word.
    """

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.writeSequence([data, b"!"])

    def readConnectionLost(self) -> None:
        assert self.transport is not None
        self.transport.write(b"bye")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        self.hasEnded = True


class ObservedTests(SynchronousTestCase):
    def connect(self, kind: type[Protocol]) -> tuple[ObservedProtocol, MemoryTransport, Told]:
        told = Told()
        protocol = ObservedFactory(ServerFactory.forProtocol(kind), told).buildProtocol(PEER)
        assert protocol is not None
        transport = MemoryTransport(protocol, PEER, HERE)
        protocol.makeConnection(transport)
        return protocol, transport, told

    def test_conversation(self) -> None:
        """
        What a program reads and writes is told, and so is the end of its input, which reaches a
        program that can close by halves.
        """
        protocol, transport, told = self.connect(Echo)
        protocol.dataReceived(b"hello")
        protocol.readConnectionLost()
        self.assertEqual(transport.value(), b"hello!bye")
        self.assertEqual(
            told.told,
            [
                ("connected", 40000, 51423, b""),
                ("read", 40000, 51423, b"hello"),
                ("wrote", 40000, 51423, b"hello!"),
                ("end", 40000, 51423, b""),
                ("wrote", 40000, 51423, b"bye"),
            ],
        )

    def test_whole(self) -> None:
        """
        A program that cannot close by halves has its connection closed.
        """
        protocol, transport, _ = self.connect(Protocol)
        protocol.readConnectionLost()
        self.assertEqual(transport.ended, "closed")

    def test_lost(self) -> None:
        """
        A connection that breaks is an error.
        """
        protocol, _, told = self.connect(Protocol)
        protocol.connectionLost(Failure(ConnectionLost("broken")))
        what, _, _, words = told.told[-1]
        self.assertEqual((what, bool(words)), ("error", True))


class ReaderTests(SynchronousTestCase):
    def test_fast(self) -> None:
        """
        A reader counts the bytes that it reads, and says how many at the end.
        """
        reader = _Readers(False).buildProtocol(PEER)
        transport = MemoryTransport(reader)
        reader.makeConnection(transport)
        reader.dataReceived(b"abc")
        reader.dataReceived(b"de")
        reader.readConnectionLost()
        self.assertEqual(transport.value(), b"5 bytes read\r\n")

    def test_slow(self) -> None:
        """
        A slow one reads nothing until it is told to; one that has gone is told nothing.
        """
        readers = _Readers(True)
        transports = []
        for _ in range(2):
            reader = readers.buildProtocol(PEER)
            transports.append(MemoryTransport(reader))
            reader.makeConnection(transports[-1])
        self.assertEqual([each.producerState for each in transports], ["paused"] * 2)
        transports[0].abortConnection()
        readers.go()
        self.assertEqual(transports[1].producerState, "producing")
        self.assertEqual(readers.waiting, {})


class Datagrams:
    """
    A UDP port and its transport.
    """

    def __init__(self, protocol: DatagramProtocol) -> None:
        self.protocol = protocol
        self.sent: list[bytes] = []
        self.hasStopped = False
        protocol.transport = self
        protocol.startProtocol()

    def getHost(self) -> IPv4Address:
        return IPv4Address("UDP", "10.77.0.1", 40001)

    def connect(self, host: str, port: int) -> None:
        self.peer = host, port

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        assert address == self.peer == ("10.77.0.2", 51423)
        self.sent.append(data)

    def stopListening(self) -> None:
        self.hasStopped = True


class NearTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.tcp, self.udp = Told(), Told()
        self.near = NearPrograms(self.reactor, self.tcp, self.udp)

    def connected(self) -> tuple[Any, MemoryTransport]:
        """
        The last connection is there.
        """
        host, _, factory = self.reactor.tcpClients[-1][:3]
        self.assertEqual(host, "10.77.0.2")
        protocol = factory.buildProtocol(None)
        transport = MemoryTransport(protocol, HERE, PEER)
        protocol.makeConnection(transport)
        return protocol, transport

    def drain(self, transport: MemoryTransport) -> list[int]:
        """
        Take all that is written, and return how much it was each time.
        """
        parts = []
        while transport.producer is not None:
            transport.producer.resumeProducing()
            parts.append(len(transport.value()))
            transport.clear()
        return parts

    def test_line(self) -> None:
        """
        A line goes to linecount, with its line feed, and what comes back is told to its end.
        """
        self.near.say("tcp", "\u00fc")
        protocol, transport = self.connected()
        transport.producer.resumeProducing()
        self.assertEqual(transport.value(), b"\xc3\xbc\n")
        self.drain(transport)
        protocol.dataReceived(b"answer")
        protocol.readConnectionLost()
        self.assertEqual([each[0] for each in self.tcp.told], ["connected", "wrote", "read", "end"])
        self.assertEqual(transport.ended, "closed")

    def test_transfer(self) -> None:
        """
        A transfer goes to one of the readers; its output ends behind it.
        """
        for isSlow, port in ((False, READER), (True, SLOW)):
            self.near.transfer(1000, isSlow)
            self.assertEqual(self.reactor.tcpClients[-1][1], port)
            _, transport = self.connected()
            self.assertEqual((self.drain(transport), transport.ended), ([1000, 0], "half"))

    def test_large(self) -> None:
        """
        A large transfer is written as the kernel takes it: no part of it is more than 130 kB. What
        is left is not held when the connection breaks.
        """
        self.near.transfer(10_000_000, False)
        _, transport = self.connected()
        parts = self.drain(transport)
        self.assertEqual((sum(parts), max(parts)), (10_000_000, 130_000))
        self.assertEqual(sum(len(each[3]) for each in self.tcp.told), 10_000_000)

        self.near.transfer(1_000_000, False)
        _, transport = self.connected()
        transport.producer.resumeProducing()
        producer = transport.producer
        transport.abortConnection()
        producer.resumeProducing()
        self.assertEqual(len(transport.value()), 130_000)

    def test_refused(self) -> None:
        """
        A connection that fails is an error in the kernel's words.
        """
        self.near.say("tcp", "x")
        factory = self.reactor.tcpClients[-1][2]
        connector = self.reactor.connectors[-1]
        factory.clientConnectionFailed(connector, Failure(ConnectionRefusedError(111, "refused")))
        self.assertEqual(self.tcp.told, [("error", 0, 51423, b"Connection refused")])

    def test_many(self) -> None:
        """
        There are so many connections at a time; one that has ended makes room.
        """
        for _ in range(MOST):
            self.near.say("tcp", "x")
        self.assertRaises(Refused, self.near.say, "tcp", "x")
        factory = self.reactor.tcpClients[0][2]
        factory.clientConnectionLost(self.reactor.connectors[0], Failure(ConnectionDone()))
        self.near.say("tcp", "x")

    def test_datagrams(self) -> None:
        """
        Datagrams leave from one port, so that they are one flow; one that is too long is refused.
        An answer is told, and so is that nobody listens.
        """
        sockets: list[Datagrams] = []

        def listenUDP(port: int, protocol: DatagramProtocol, *others: object) -> Datagrams:
            sockets.append(Datagrams(protocol))
            return sockets[-1]

        self.reactor.listenUDP = listenUDP
        self.assertRaises(Refused, self.near.say, "udp", "x" * (DATAGRAM + 1))
        self.near.say("udp", "\u00fc")
        self.near.say("udp", "")
        [socket] = sockets
        self.assertEqual(socket.sent, [b"\xc3\xbc", b""])
        socket.protocol.datagramReceived(b"answer", ("10.77.0.2", 51423))
        socket.protocol.connectionRefused()
        self.assertEqual([each[0] for each in self.udp.told], ["wrote", "wrote", "read", "error"])
        self.near.stop()
        self.assertTrue(socket.hasStopped)


class EventTests(SynchronousTestCase):
    """
    What programs do, as events.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.flows = FlowNumbers()
        self.published: list[Any] = []
        self.events = ProgramEvents(
            self.clock,
            self.clock.seconds,
            self.flows,
            lambda event: self.published.append(json.loads(event)),
        )
        self.near = self.events.of("near", "tcp")

    def know(self) -> None:
        self.flows.sent(OPENING)
        self.events.opened()

    def test_flow(self) -> None:
        """
        An event before a flow's first packet waits for the flow's number; after a while it is told
        without one.
        """
        self.near("connected", 40000, 51423)
        self.events.of("near", "udp")("wrote", 7, 9, b"lonely")
        self.assertEqual(self.published, [])
        self.know()
        [first] = self.published
        self.assertEqual((first["flow"], first["what"], first["side"]), (3, "connected", "near"))
        for _ in range(10):
            self.clock.advance(0.02)
        self.assertEqual((self.published[1]["flow"], self.published[1]["text"]), (None, "lonely"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_series(self) -> None:
        """
        Reads in quick succession are one event, with all bytes and the beginning of the text; what
        comes between ends the series.
        """
        self.know()
        self.near("read", 40000, 51423, b"a")
        for letter in (b"b", b"c", b"d" * 5000):
            self.near("read", 40000, 51423, letter)
        self.near("end", 40000, 51423)
        self.assertEqual([each["bytes"] for each in self.published], [1, 5002, 0])
        shown = self.published[1]["text"]
        self.assertTrue(shown.startswith("bcd") and len(shown) == SHOWN + 1, shown)
        self.near("read", 40000, 51423, b"e")
        self.near("read", 40000, 51423, b"f")
        self.clock.advance(0.02)
        self.assertEqual([each["text"] for each in self.published[3:]], ["e", "f"])

    def test_bytes(self) -> None:
        """
        A text that is none has marks in place of what cannot be read.
        """
        self.know()
        self.near("read", 40000, 51423, b"\xff\x00<b>")
        self.assertEqual(self.published[0]["text"], "\ufffd\x00<b>")

    def test_stop(self) -> None:
        """
        At the end all is told that waits.
        """
        self.near("connected", 40000, 51423)
        self.events.stop()
        self.assertEqual(len(self.published), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
