"""
Tests of packets: read, checked, mirrored and damaged, with scapy as the other opinion.
"""

from __future__ import annotations

import functools
import logging
import random
import socket
import struct
import warnings
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.model.packet import (
    ICMP,
    ICMP6,
    TCP,
    UDP,
    UDPLITE,
    IPPacket,
    mirror,
    parse,
    protocolOf,
    verify,
    vulnerable,
    windowScale,
    withPayload,
)
from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.kinds.corrupt import FAULT as CORRUPT
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.kinds.undetectable import FAULT as UNDETECTABLE

logging.getLogger("scapy").setLevel(logging.ERROR)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.layers import inet, inet6
    from scapy.packet import Raw
    from scapy.utils import checksum

V4 = inet.IP(src="10.77.0.1", dst="10.77.0.2", id=77)
V6 = inet6.IPv6(src="fd77::1", dst="fd77::2")
TEXT = bytes(range(1, 100))


def made(*layers: Any) -> bytes:
    """
    What scapy makes of layers.
    """
    whole = layers[0]
    for layer in layers[1:]:
        whole = whole / layer
    return bytes(whole)


def read(data: bytes) -> IPPacket:
    """
    A packet that must be one.
    """
    packet = parse(data)
    assert packet is not None
    return packet


def errors() -> list[bytes]:
    """
    ICMP errors of both versions, which quote a UDP packet that came from far.
    """
    came4 = inet.IP(src="10.77.0.2", dst="10.77.0.1", id=5) / inet.UDP(sport=4000, dport=9) / TEXT
    came6 = inet6.IPv6(src="fd77::2", dst="fd77::1") / inet.UDP(sport=4000, dport=9) / TEXT
    return [
        made(V4, inet.ICMP(type=3, code=3), Raw(bytes(came4))),
        made(V6, inet6.ICMPv6DestUnreach(code=4), Raw(bytes(came6))),
    ]


@functools.cache
def packets() -> dict[str, bytes]:
    """
    One of each kind.
    """
    tcp = inet.TCP(sport=40000, dport=80, seq=1000, ack=2000, flags="PA", options=[("NOP", None)])
    echo6 = inet6.ICMPv6EchoRequest(id=7, seq=1, data=TEXT)
    kinds = {}
    for name, ip in (("4", V4), ("6", V6)):
        kinds[f"tcp{name}"] = made(ip, tcp, Raw(TEXT))
        kinds[f"ack{name}"] = made(ip, inet.TCP(sport=40000, dport=80, flags="A"))
        kinds[f"udp{name}"] = made(ip, inet.UDP(sport=40000, dport=53), Raw(TEXT))
        kinds[f"empty{name}"] = made(ip, inet.UDP(sport=40000, dport=53))
    kinds["echo4"] = made(V4, inet.ICMP(id=7, seq=1), Raw(TEXT))
    kinds["echo6"] = made(V6, echo6)
    kinds["error4"], kinds["error6"] = errors()
    return kinds


def lite(ip: Any, coverage: int, hasSum: bool = True) -> bytes:
    """
    A datagram of UDP-Lite whose checksum covers so much of it, with its header; 0 for all.
    """
    length = 8 + len(TEXT)
    head = struct.pack("!HHHH", 40000, 9, coverage, 0)
    covered = (head + TEXT)[: coverage or length]
    if ip is V4:
        addresses = inet.IP(bytes(ip)).src, inet.IP(bytes(ip)).dst
        packed = b"".join(map(socket.inet_aton, addresses))
    else:
        packed = b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (ip.src, ip.dst))
    total = checksum(packed + struct.pack("!II", length, UDPLITE) + covered) if hasSum else 0
    named = {"proto": UDPLITE} if ip is V4 else {"nh": UDPLITE}
    return made(
        type(ip)(src=ip.src, dst=ip.dst, **named),
        Raw(head[:6]),
        Raw(struct.pack("!H", total) + TEXT),
    )


class ReadingTests(SynchronousTestCase):
    """
    A parsed packet has the values that its sender gave it.
    """

    def test_tcp(self) -> None:
        """
        A TCP segment's ports, numbers, flags and payload are found in either IP.
        """
        for name in ("tcp4", "tcp6"):
            packet = read(packets()[name])
            self.assertEqual(packet.version, int(name[-1]))
            self.assertEqual(packet.protocol, TCP)
            self.assertEqual((packet.source, packet.destination), (40000, 80))
            self.assertEqual((packet.seq, packet.ack, packet.flags), (1000, 2000, 0x18))
            self.assertEqual(packet.data[packet.payload :], TEXT)
            self.assertEqual(packet.length, len(TEXT))
            self.assertIsNone(packet.fragment)

    def test_windowScale(self) -> None:
        """
        How far a SYN's sender shifts its windows, 14 bits at most; options that end too early, or
        in nonsense, offer nothing.
        """
        for options, scale in (
            ([("NOP", None), ("MSS", 1460), ("WScale", 7)], 7),
            ([("WScale", 200)], 14),
            ([("MSS", 1460)], None),
            ([("EOL", None), ("WScale", 7)], None),
            ([], None),
        ):
            syn = read(made(V4, inet.TCP(flags="S", window=1234, options=options)))
            self.assertEqual((windowScale(syn), syn.window), (scale, 1234))
        for tail in (b"\3\0\0\0", b"\2\x28\3\3", b"\1\1\1\3", b"\1\1\3\3"):
            data = bytearray(made(V4, inet.TCP(flags="S"), Raw(tail)))
            data[32] = 0x60
            self.assertIsNone(windowScale(read(bytes(data))))

    def test_others(self) -> None:
        """
        Likewise a datagram, and an echo, which has no ports.
        """
        for name, protocol in (("udp4", UDP), ("udp6", UDP), ("echo4", ICMP), ("echo6", ICMP6)):
            packet = read(packets()[name])
            self.assertEqual(packet.protocol, protocol)
            self.assertEqual(protocolOf(packet.data), protocol)
            ports = (40000, 53) if protocol == UDP else (None, None)
            self.assertEqual((packet.source, packet.destination), ports)
            self.assertEqual(packet.length, len(TEXT) + (0 if protocol == UDP else 8))

    def test_fragments(self) -> None:
        """
        A fragment tells its offset and whether more follow; only the first has ports.
        """
        whole = inet.IP(src="10.77.0.1", dst="10.77.0.2", id=9) / inet.UDP(sport=1, dport=2)
        parts = [read(bytes(part)) for part in inet.fragment(whole / Raw(bytes(3000)), 1480)]
        self.assertEqual([part.fragment for part in parts], [0, 1480, 2960])
        self.assertEqual([part.more for part in parts], [True, True, False])
        self.assertEqual([part.source for part in parts], [1, None, None])
        self.assertEqual([part.identification for part in parts], [9, 9, 9])
        self.assertEqual(sum(part.length for part in parts), 3000)
        large = V6 / inet6.IPv6ExtHdrFragment(id=99) / inet.UDP(sport=1, dport=2) / bytes(3000)
        parts = [read(bytes(part)) for part in inet6.fragment6(large, 1280)]
        self.assertEqual([part.fragment for part in parts], [0, 1232, 2464])
        self.assertEqual([part.more for part in parts], [True, True, False])
        self.assertEqual({part.identification for part in parts}, {99})
        self.assertEqual({part.protocol for part in parts}, {UDP})
        self.assertEqual({protocolOf(part.data) for part in parts}, {UDP})
        self.assertEqual(sum(part.length for part in parts), 3000)

    def test_padding(self) -> None:
        """
        The padding of a link layer is no part of the packet.
        """
        data = packets()["udp4"]
        self.assertEqual(read(data + bytes(20)).data, data)

    @given(st.sampled_from(sorted(packets())), st.integers(0, 200))
    def test_cutShort(self, name: str, length: int) -> None:
        """
        A packet that is cut short is none, wherever the cut is.
        """
        data = packets()[name]
        if length < len(data):
            self.assertIsNone(parse(data[:length]))

    @given(st.binary(max_size=120))
    def test_noise(self, data: bytes) -> None:
        """
        Nothing that is read as a packet makes anything here fail.
        """
        for noise in (data, b"\x45" + data, b"\x60" + data):
            packet = parse(noise)
            if packet is not None:
                verify(packet)
                mirror(packet)
                for fault in FAULTS:
                    damaged = damage(packet, fault, 1 << 63)
                    self.assertLessEqual(len(damaged.data), len(packet.data))
                protocolOf(packet.data)


def damage(packet: IPPacket, fault: Fault, where: int) -> IPPacket:
    """
    What arrives of a packet with a fault.
    """
    if fault.damage is None:
        return packet
    start, end = vulnerable(packet, fault.reachesHeader)
    return withPayload(packet, start, end, fault.damage(packet.data[start:end], where))


class ChecksumTests(SynchronousTestCase):
    """
    A checksum is right if and only if scapy made it and nothing changed since.
    """

    def test_right(self) -> None:
        """
        Scapy's checksums are right.
        """
        for name, data in packets().items():
            self.assertTrue(verify(read(data)), name)

    @given(st.binary(max_size=80), st.sampled_from([V4, V6]), st.integers(0, 65535))
    def test_anyPayload(self, payload: bytes, ip: Any, port: int) -> None:
        """
        Likewise for payloads of any length, odd ones too.
        """
        for layer in (inet.TCP(sport=port), inet.UDP(dport=port)):
            self.assertTrue(verify(read(made(ip, layer, Raw(payload)))))

    def test_everyFlip(self) -> None:
        """
        Each single bit that is flipped from the transport's header on is caught, and nothing else
        of the packet is changed by it.
        """
        for name, data in packets().items():
            packet = read(data)
            damages = {damage(packet, CORRUPT, where).data for where in range(len(data) * 8)}
            damages -= {data}
            start, end = vulnerable(packet, True)
            self.assertEqual(len(damages), (end - start) * 8, name)
            if not packet.length:
                self.assertEqual(end - start, 12 if packet.protocol == TCP else 4, name)
            for damaged in damages:
                self.assertFalse(verify(read(damaged)), name)
                self.assertEqual(damaged[: packet.transport], data[: packet.transport])
                if packet.protocol == TCP:  # the data offset
                    self.assertEqual(read(damaged).payload, packet.payload)
                elif packet.protocol == UDP:  # length and checksum
                    at = packet.transport
                    self.assertEqual(damaged[at + 4 : at + 8], data[at + 4 : at + 8])

    def test_headerOfIPv4(self) -> None:
        """
        IPv4's own header is checked too.
        """
        data = bytearray(packets()["udp4"])
        data[8] ^= 1
        self.assertFalse(verify(read(bytes(data))))

    def test_none(self) -> None:
        """
        A datagram over IPv4 whose sender made no checksum is taken as it is.
        """
        self.assertTrue(verify(read(made(V4, inet.UDP(chksum=0), Raw(TEXT)))))

    def test_noneOverIPv6(self) -> None:
        """
        Over IPv6 a datagram must have one (RFC 8200 8.1).
        """
        self.assertFalse(verify(read(made(V6, inet.UDP(chksum=0), Raw(TEXT)))))

    def test_udpLite(self) -> None:
        """
        UDP-Lite's checksum covers as much as it says, its header at least; a bit beyond is
        nobody's. Without one, and with a coverage that cannot be, it is wrong.
        """
        for ip in (V4, V6):
            for coverage in (0, 8, 9, 20, 8 + len(TEXT)):
                packet = read(lite(ip, coverage))
                self.assertEqual((packet.source, packet.destination), (40000, 9))
                self.assertEqual(packet.data[packet.payload :], TEXT)
                self.assertTrue(verify(packet))
                for at in range(packet.transport, len(packet.data)):
                    data = bytearray(packet.data)
                    data[at] ^= 1
                    covered = at < packet.transport + (coverage or 8 + len(TEXT))
                    self.assertEqual(verify(packet._replace(data=bytes(data))), not covered)
            for coverage in (1, 7, 9 + len(TEXT)):
                self.assertFalse(verify(read(lite(ip, coverage))))
            self.assertFalse(verify(read(lite(ip, 8, hasSum=False))))

    @given(st.binary(max_size=60), st.integers(0, 2**64 - 1), st.sampled_from([V4, V6]))
    def test_undetectable(self, payload: bytes, where: int, ip: Any) -> None:
        """
        Two words exchanged are damage that no checksum sees; where no two words differ, there is
        none.
        """
        for layer in (inet.TCP(), inet.UDP()):
            packet = read(made(ip, layer, Raw(payload)))
            damaged = damage(packet, UNDETECTABLE, where).data
            words = {payload[at : at + 2] for at in range(0, len(payload) - 1, 2)}
            if len(words) < 2:
                self.assertEqual(damaged, packet.data)
                continue
            self.assertNotEqual(damaged, packet.data)
            self.assertEqual(sorted(damaged), sorted(packet.data))
            self.assertTrue(verify(read(damaged)))

    def test_undetectableEcho(self) -> None:
        """
        An echo's own header, by which its sender knows it, stays as it is.
        """
        for name in ("echo4", "echo6"):
            packet = read(packets()[name])
            chance = random.Random(name)
            for _ in range(100):
                damaged = damage(packet, UNDETECTABLE, chance.getrandbits(64)).data
                at = packet.transport
                self.assertEqual(damaged[at : at + 8], packet.data[at : at + 8])


class MirrorTests(SynchronousTestCase):
    """
    A packet comes back from the far end as it was sent, but from the other side.
    """

    def test_addresses(self) -> None:
        """
        Source and destination are exchanged, all checksums are right, all else is the same.
        """
        for name, data in packets().items():
            packet = read(data)
            back = read(mirror(packet))
            self.assertEqual(back.sourceAddress, packet.destinationAddress, name)
            self.assertEqual(back.destinationAddress, packet.sourceAddress, name)
            self.assertTrue(verify(back), name)
            self.assertEqual((back.source, back.destination), (packet.source, packet.destination))

    def test_twice(self) -> None:
        """
        Mirrored twice is as it was.
        """
        for name, data in packets().items():
            self.assertEqual(mirror(read(mirror(read(data)))), data, name)

    def test_quotation(self) -> None:
        """
        An ICMP error complains of the packet as its sender sent it: from near to far.
        """
        for data in errors():
            packet = read(data)
            back = read(mirror(packet))
            self.assertTrue(packet.isError)
            quoted = back.quoted
            assert quoted is not None
            self.assertEqual(quoted.sourceAddress, packet.sourceAddress)
            self.assertEqual(quoted.destinationAddress, packet.destinationAddress)
            self.assertEqual((quoted.source, quoted.destination), (4000, 9))
