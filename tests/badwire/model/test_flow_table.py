"""
Tests of which packet is which.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_packet import TEXT, V4, V6, inet, inet6, made, read
from twisted_netdemo.badwire.model import flow_table as module
from twisted_netdemo.badwire.model.flow_table import FlowTable, Identity


class Conversation:
    """
    Two ends whose packets are identified as they leave.
    """

    def __init__(self, client: int = 40000, server: int = 80) -> None:
        self.flows = FlowTable()
        self.client, self.server = client, server

    def tcp(self, up: bool, flags: str, seq: int, ack: int = 0, data: bytes = b"") -> Identity:
        ports = (self.client, self.server) if up else (self.server, self.client)
        seq, ack = seq % 2**32, ack % 2**32
        layer = inet.TCP(sport=ports[0], dport=ports[1], flags=flags, seq=seq, ack=ack)
        return self.flows.identify(read(made(V4, layer, data)))

    def datagram(self, up: bool, data: bytes = b"x") -> Identity:
        ports = (self.client, self.server) if up else (self.server, self.client)
        return self.flows.identify(read(made(V4, inet.UDP(sport=ports[0], dport=ports[1]), data)))


def numbers(identity: Identity) -> tuple[str, str, int, int | None, int]:
    """
    What the log says of it.
    """
    side = identity.side
    return side.direction, identity.flags, identity.seq, identity.ack, identity.attempt


class SegmentTests(SynchronousTestCase):
    """
    TCP's segments have numbers that do not depend on what the kernel drew.
    """

    def test_connection(self) -> None:
        """
        SYN is number 0 and the first byte number 1, in both directions, whatever the numbers
        began with, also where they wrap.
        """
        for mine, its in ((5, 7), (2**32 - 1, 2**32 - 3), (2**31, 0)):
            talk = Conversation()
            said = [
                talk.tcp(True, "S", mine),
                talk.tcp(False, "SA", its, mine + 1),
                talk.tcp(True, "A", mine + 1, its + 1),
                talk.tcp(True, "PA", mine + 1, its + 1, b"hello"),
                talk.tcp(False, "PA", its + 1, mine + 6, b"hi"),
                talk.tcp(False, "FA", its + 3, mine + 6),
                talk.tcp(True, "FA", mine + 6, its + 4),
            ]
            self.assertEqual(
                [numbers(each) for each in said],
                [
                    ("up", "S", 0, None, 1),
                    ("down", "SA", 0, 1, 1),
                    ("up", "A", 1, 1, 1),
                    ("up", "PA", 1, 1, 1),
                    ("down", "PA", 1, 6, 1),
                    ("down", "FA", 3, 6, 1),
                    ("up", "FA", 6, 4, 1),
                ],
            )

    def test_again(self) -> None:
        """
        Bytes that are sent again are the second attempt, even in segments of other sizes.
        """
        talk = Conversation()
        talk.tcp(True, "S", 0)
        attempts = [
            talk.tcp(True, "S", 0),
            talk.tcp(True, "A", 1, 1, bytes(100)),
            talk.tcp(True, "A", 101, 1, bytes(100)),
            talk.tcp(True, "A", 1, 1, bytes(200)),
            talk.tcp(True, "A", 51, 1, bytes(50)),
            talk.tcp(True, "A", 1, 1, bytes(100)),
            talk.tcp(True, "FA", 201, 1),
            talk.tcp(True, "FA", 201, 1),
        ]
        self.assertEqual([each.attempt for each in attempts], [2, 1, 1, 2, 2, 3, 1, 2])
        self.assertEqual(len({each.key for each in attempts}), len(attempts))

    def test_acknowledgements(self) -> None:
        """
        Each acknowledgement is an attempt of its own, so that each has a fate of its own.
        """
        talk = Conversation()
        talk.tcp(True, "S", 0)
        talk.tcp(False, "SA", 0, 1)
        said = [talk.tcp(True, "A", 1, ack) for ack in (1, 101, 201, 201)]
        self.assertEqual([each.attempt for each in said], [1, 2, 3, 4])
        self.assertEqual(len({each.key for each in said}), 4)

    def test_refused(self) -> None:
        """
        The RST of a port where nobody listens belongs to the flow, and counts from 0.
        """
        talk = Conversation()
        talk.tcp(True, "S", 99)
        self.assertEqual(numbers(talk.tcp(False, "RA", 0, 100)), ("down", "RA", 0, 1, 1))

    def test_samePortsAgain(self) -> None:
        """
        Another connection between the same ports is another flow; a SYN sent again is not.
        """
        talk = Conversation()
        talk.tcp(True, "S", 99)
        self.assertEqual(talk.tcp(True, "S", 99).side.flow.number, 0)
        flow = talk.tcp(True, "S", 12345).side.flow
        self.assertEqual((flow.number, flow.place), (1, 1))

    def test_long(self) -> None:
        """
        Past 4 GiB the numbers count on.
        """
        talk = Conversation()
        talk.tcp(True, "S", 0)
        at = 1
        for _ in range(5):
            self.assertEqual(talk.tcp(True, "A", at, 1, b"x").seq, at)
            at += 2**30
        self.assertGreater(at, 2**32)

    def test_bounded(self) -> None:
        """
        The memory of a connection is bounded; bytes that come again and again are not
        forgotten.
        """
        self.patch(module, "REPEATS", 10)
        talk = Conversation()
        talk.tcp(True, "S", 0)
        for number in range(100):
            side = talk.tcp(True, "A", 1 + number, 1).side
            self.assertEqual(talk.tcp(True, "PA", 1, 1).attempt, number + 1)
        self.assertLessEqual(len(side._attempts), 10)


class FlowTests(SynchronousTestCase):
    """
    Packets that belong together are one flow.
    """

    def test_clientsPortDoesNotMatter(self) -> None:
        """
        The k-th flow to a port is the same one in each run, whatever the client's port.
        """
        for ports in ((40000, 40001), (55555, 33333)):
            talk = Conversation()
            flows = []
            for talk.client in ports:
                flows.append(talk.tcp(True, "S", 1).side.flow)
            talk.server = 81
            flows.append(talk.tcp(True, "S", 1).side.flow)
            self.assertEqual(
                [(flow.number, flow.protocol, flow.port, flow.place) for flow in flows],
                [(0, "tcp", 80, 0), (1, "tcp", 80, 1), (2, "tcp", 81, 0)],
            )

    def test_datagrams(self) -> None:
        """
        Datagrams are numbered from 1 in each direction.
        """
        talk = Conversation()
        said = [talk.datagram(up) for up in (True, True, False, True, False)]
        self.assertEqual(
            [numbers(each)[0::2] for each in said],
            [("up", 1, 1), ("up", 2, 1), ("down", 1, 1), ("up", 3, 1), ("down", 2, 1)],
        )
        self.assertEqual({each.side.flow.number for each in said}, {0})

    def test_onePort(self) -> None:
        """
        A socket that sends to its own port has one direction.
        """
        talk = Conversation(9, 9)
        self.assertEqual(
            [talk.datagram(True).side.direction, talk.datagram(False).side.direction],
            ["up", "up"],
        )

    def test_versions(self) -> None:
        """
        The same ports over the other IP are another flow.
        """
        flows = FlowTable()
        layer = inet.UDP(sport=1, dport=2)
        first = flows.identify(read(made(V4, layer)))
        second = flows.identify(read(made(V6, layer)))
        self.assertEqual([first.side.flow.number, second.side.flow.number], [0, 1])
        self.assertEqual([first.side.flow.version, second.side.flow.version], [4, 6])

    def test_echo(self) -> None:
        """
        An echo's reply is down, in its request's flow; another identifier is another flow.
        """
        flows = FlowTable()

        def said(data: bytes) -> tuple[int, str, int]:
            identity = flows.identify(read(data))
            return identity.side.flow.number, identity.side.direction, identity.seq

        for ip, request, reply in (
            (V4, lambda i: inet.ICMP(type=8, id=i), lambda i: inet.ICMP(type=0, id=i)),
            (V6, lambda i: inet6.ICMPv6EchoRequest(id=i), lambda i: inet6.ICMPv6EchoReply(id=i)),
        ):
            first = flows.count
            self.assertEqual(said(made(ip, request(7), TEXT)), (first, "up", 1))
            self.assertEqual(said(made(ip, reply(7), TEXT)), (first, "down", 1))
            self.assertEqual(said(made(ip, request(8), TEXT)), (first + 1, "up", 1))
            self.assertEqual(said(made(ip, request(7), TEXT)), (first, "up", 2))

    def test_error(self) -> None:
        """
        An ICMP error belongs to the flow that it complains of, on the way back.
        """
        talk = Conversation(4000, 9)
        talk.datagram(True)
        # As it arrives at the sender of the datagram's mirror image.
        quoted = inet.IP(src="10.77.0.2", dst="10.77.0.1") / inet.UDP(sport=4000, dport=9)
        error = made(V4, inet.ICMP(type=3, code=3), bytes(quoted))
        identity = talk.flows.identify(read(error))
        self.assertEqual(identity.side.flow.number, 0)
        self.assertEqual(identity.side.direction, "down")

    def test_fragments(self) -> None:
        """
        The fragments of a datagram share its flow and number, and are told apart by their offset.
        """
        flows = FlowTable()
        for ip in (V4, V6):
            layer = inet.UDP(sport=1, dport=2)
            number = flows.identify(read(made(ip, layer, b"whole"))).seq
            if ip is V4:
                whole = inet.IP(src=ip.src, dst=ip.dst, id=300) / layer / bytes(3000)
                parts = inet.fragment(whole, 1480)
            else:
                whole = ip / inet6.IPv6ExtHdrFragment(id=301) / layer / bytes(3000)
                parts = inet6.fragment6(whole, 1280)
            said = [flows.identify(read(bytes(part))) for part in parts]
            self.assertEqual({each.seq for each in said}, {number + 1})
            self.assertEqual(len({each.key for each in said}), 3)
            self.assertEqual(len({each.side.flow.number for each in said}), 1)
            self.assertEqual(flows.identify(read(made(ip, layer, b"whole"))).seq, number + 2)

    def test_fragmentsOfOthers(self) -> None:
        """
        Two senders may choose the same identification: their fragments are two datagrams.
        """
        flows = FlowTable()
        parts = []
        for source in (V4.src, "10.77.0.5"):
            whole = inet.IP(src=source, dst=V4.dst, id=300) / inet.UDP(sport=1, dport=2)
            parts.append(inet.fragment(whole / bytes(3000), 1480))
        said = [
            flows.identify(read(bytes(part))) for pair in zip(*parts, strict=True) for part in pair
        ]
        self.assertEqual([each.seq for each in said], [1, 2] * 3)

    def test_others(self) -> None:
        """
        A protocol without ports is one flow.
        """
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 24, 0, 0, 64, 99, 0, b"near", b"afar")
        flows = FlowTable()
        said = [flows.identify(read(header + b"data")) for _ in range(2)]
        self.assertEqual([each.seq for each in said], [1, 2])
        self.assertEqual({each.side.flow.protocol for each in said}, {"99"})

    def test_bounded(self) -> None:
        """
        Flows and datagrams that are long over are forgotten.
        """
        self.patch(module, "FLOWS", 10)
        self.patch(module, "DATAGRAMS", 10)
        talk = Conversation()
        for talk.client in range(1000, 1100):
            talk.tcp(True, "S", 1)
        self.assertLessEqual(len(talk.flows._sides), 20)
        for number in range(1, 100):
            whole = inet.IP(src=V4.src, dst=V4.dst, id=number) / inet.UDP() / bytes(3000)
            talk.flows.identify(read(bytes(inet.fragment(whole, 1480)[0])))
        self.assertLessEqual(len(talk.flows._fragments), 10)
