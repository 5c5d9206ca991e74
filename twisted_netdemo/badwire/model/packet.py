"""
IP packets as the wire sees them: read, checked, mirrored and damaged.

Pure. A packet that the kernel made is read by L{parse} as far as the wire must know it: RFC 791 and
RFC 8200 for IP, RFC 9293 for TCP, RFC 768 for UDP, RFC 3828 for UDP-Lite, RFC 792 and RFC 4443 for
ICMP.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from twisted_netdemo.faults.model import corrupt as flip

TCP = 6
UDP = 17
ICMP = 1
ICMP6 = 58
UDPLITE = 136

#: The names of protocols in the log; others are their number.
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6"}

FIN = 0x01
SYN = 0x02
RST = 0x04
PSH = 0x08
ACK = 0x10

#: Where the source address stands in a header of each version, and how long an address is.
_ADDRESSES = {4: (12, 4), 6: (8, 16)}

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60

# TCP's options (RFC 9293 3.1, RFC 7323 2.2)
_END_OF_OPTIONS, _NO_OPERATION, _WINDOW_SCALE = 0, 1, 3
_MOST_SCALE = 14

# ICMP's errors quote the packet that they complain of, from the ninth byte on.
_ERRORS = {ICMP: frozenset([3, 4, 5, 11, 12]), ICMP6: frozenset([1, 2, 3, 4])}
_QUOTE = 8

_ipv4 = struct.Struct("!BxHHHxB2x4s4s").unpack_from
_ipv6 = struct.Struct("!4xHBx16s16s").unpack_from
_tcp = struct.Struct("!HHIIBBH").unpack_from
_ports = struct.Struct("!HH").unpack_from
_fragment = struct.Struct("!BxHI").unpack_from


class Packet(NamedTuple):
    """
    An IP packet, and where its parts begin.

    @ivar data: all of it.
    @ivar version: of IP, 4 or 6.
    @ivar protocol: its number: L{TCP}, L{UDP}, L{ICMP}, L{ICMP6} or another.
    @ivar transport: where what IP carries begins in C{data}.
    @ivar payload: where the payload of TCP, UDP or UDP-Lite begins; for others, and for a fragment
        that is not the first, the same as C{transport}.
    @ivar source: the sender's port, L{None} for a protocol without ports and for a later fragment.
    @ivar destination: the receiver's port, likewise.
    @ivar flags: TCP's, as bits (L{FIN}, L{SYN}, L{RST}, L{PSH}, L{ACK}); 0 for others.
    @ivar seq: TCP's sequence number as it stands in the packet; 0 for others.
    @ivar ack: TCP's acknowledgement number as it stands in the packet; 0 for others.
    @ivar fragment: for a fragment the offset of its part in bytes, else L{None}.
    @ivar more: whether fragments of the same datagram follow after it.
    @ivar identification: IP's, which the fragments of one datagram share; 0 for a whole IPv6
        packet.
    @ivar window: TCP's as it stands in the packet, not scaled; 0 for others.
    """

    data: bytes
    version: int
    protocol: int
    transport: int
    payload: int
    source: int | None
    destination: int | None
    flags: int
    seq: int
    ack: int
    fragment: int | None
    more: bool
    identification: int
    window: int = 0

    @property
    def length(self) -> int:
        """
        How many bytes of payload it carries.
        """
        return len(self.data) - self.payload

    @property
    def sourceAddress(self) -> bytes:
        """
        The sender's address, 4 or 16 bytes.
        """
        at, size = _ADDRESSES[self.version]
        return self.data[at : at + size]

    @property
    def destinationAddress(self) -> bytes:
        """
        The receiver's address, 4 or 16 bytes.
        """
        at, size = _ADDRESSES[self.version]
        return self.data[at + size : at + 2 * size]

    @property
    def isError(self) -> bool:
        """
        Whether it is an ICMP error, which quotes another packet.
        """
        return (
            self.protocol in _ERRORS
            and not self.fragment
            and len(self.data) > self.transport + _QUOTE
            and self.data[self.transport] in _ERRORS[self.protocol]
        )

    @property
    def quoted(self) -> Packet | None:
        """
        The packet that an ICMP error complains of, as far as it is quoted.
        """
        return parse(self.data[self.transport + _QUOTE :], True) if self.isError else None


def parse(data: bytes, isQuote: bool = False) -> Packet | None:
    """
    Read a packet; L{None} where it is none, or is cut short.

    @param isQuote: whether it may be shorter than it says, and its checksums wrong.
    """
    try:
        version = data[0] >> 4
        if version == 4:
            first, total, identification, place, protocol, _, _ = _ipv4(data)
            transport = (first & 15) * 4
            more = place & 0x2000 != 0
            offset = (place & 0x1FFF) * 8
            fragment = offset if more or offset else None
            if transport < 20:
                return None
        elif version == 6:
            total, protocol, _, _ = _ipv6(data)
            total += 40
            transport, fragment, more, identification = 40, None, False, 0
            while protocol in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION):
                if protocol == _FRAGMENT:
                    protocol, place, identification = _fragment(data, transport)
                    transport += 8
                    fragment, more = place & 0xFFF8, place & 1 != 0
                    if fragment:
                        break
                else:
                    protocol, size = data[transport], data[transport + 1]
                    transport += (size + 1) * 8
        else:
            return None
        if transport > total or (len(data) < total and not isQuote):
            return None
        if len(data) > total:
            data = data[:total]  # what a link layer padded it with
        payload = transport
        source = destination = None
        flags = seq = ack = window = 0
        if fragment:
            pass
        elif protocol == TCP and not isQuote:
            source, destination, seq, ack, size, flags, window = _tcp(data, transport)
            payload += (size >> 4) * 4
            if size < 0x50:
                return None
        elif protocol in (UDP, UDPLITE, TCP):
            # a quotation of TCP may end after its ports and sequence number
            source, destination = _ports(data, transport)
            payload += 8
    except (IndexError, struct.error):
        return None
    if payload > total:
        return None
    return Packet(
        data,
        version,
        protocol,
        transport,
        payload,
        source,
        destination,
        flags,
        seq,
        ack,
        fragment,
        more,
        identification,
        window,
    )


def _sum(data: bytes) -> int:
    """
    The ones' complement sum of 16-bit words (RFC 1071), where 0 and 65535 are the same.

    65536 is 1 modulo 65535, so the remainder of the whole number is the sum of its words.
    """
    if len(data) & 1:
        data += b"\0"
    return int.from_bytes(data, "big") % 65535


def verify(packet: Packet) -> bool:
    """
    Whether a receiver takes the packet's checksums for right: IPv4's header's, and that of TCP,
    UDP, UDP-Lite or ICMP over all that it covers. A fragment alone cannot tell, nor can other
    protocols.
    """
    data, version, protocol, transport = packet[:4]
    if version == 4:
        if _sum(data[:transport]):
            return False
        addresses = data[12:20]
    else:
        addresses = data[8:40]
    if packet.fragment is not None:
        return True
    length = len(data) - transport
    covered = length
    if protocol in (UDP, UDPLITE) and data[transport + 6 : transport + 8] == b"\0\0":
        # RFC 768: the sender made none. RFC 8200 8.1 and RFC 3828 3.1: but there it must.
        return protocol == UDP and version == 4
    if protocol == UDPLITE:
        covered = int.from_bytes(data[transport + 4 : transport + 6], "big") or length
        if not 8 <= covered <= length:
            return False  # RFC 3828 3.1
    total = _sum(data[transport : transport + covered])
    if protocol in (UDP, UDPLITE):
        pass
    elif protocol == ICMP:
        return total == 0
    elif protocol not in (TCP, ICMP6):
        return True
    # the pseudo-header: addresses, protocol and length
    return (total + _sum(addresses) + protocol + length) % 65535 == 0


def windowScale(packet: Packet) -> int | None:
    """
    By how many bits the sender of a SYN means to shift its windows (RFC 7323 2.2); L{None} where
    it does not offer to.
    """
    data, at = packet.data, packet.transport + 20
    while at < packet.payload:
        kind = data[at]
        if kind == _NO_OPERATION:
            at += 1
            continue
        size = data[at + 1] if at + 1 < packet.payload else 0
        if kind == _END_OF_OPTIONS or size < 2:
            return None
        if kind == _WINDOW_SCALE and size == 3 and at + 2 < packet.payload:
            return min(data[at + 2], _MOST_SCALE)
        at += size
    return None


def mirror(packet: Packet) -> bytes:
    """
    The packet with source and destination address exchanged, in an ICMP error also those of the
    packet that it quotes. All checksums stay as right as they were, since sums commute.
    """
    data = _exchange(packet.data, 0, packet.version)
    if packet.protocol in _ERRORS and (quoted := packet.quoted) is not None:
        data = _exchange(data, packet.transport + _QUOTE, quoted.version)
    return data


def _exchange(data: bytes, start: int, version: int) -> bytes:
    at, size = _ADDRESSES[version]
    at += start
    middle, end = at + size, at + 2 * size
    return data[:at] + data[middle:end] + data[at:middle] + data[end:]


def corrupt(packet: Packet, where: int) -> bytes:
    """
    The packet with one bit flipped and its checksum left alone: a receiver that has a checksum
    which covers the bit discards it.

    The bit is one of the payload's, or where there is none one of the ports or of TCP's numbers,
    but never one of TCP's data offset, of UDP's length or checksum or of the IP header, since
    what those make wrong has other names. A packet with no such bit comes back as it was.

    @param where: 64 bits of chance.
    """
    data, start, end = packet.data, packet.payload, len(packet.data)
    if start == end and not packet.fragment:
        start = packet.transport
        end = start + {TCP: 12, UDP: 4, UDPLITE: 4}.get(packet.protocol, 0)
    return data[:start] + flip(data[start:end], where) + data[end:]


def exchangeWords(packet: Packet, where: int) -> bytes | None:
    """
    The packet with two 16-bit words of its payload exchanged: damage that no checksum sees.

    @param where: 64 bits of chance.
    @return: L{None} where the payload has no two different words.
    """
    data = packet.data
    # RFC 1071's words are counted from where TCP, UDP or ICMP begins; an ICMP header stays whole.
    start = packet.payload + (8 if packet.protocol in _ERRORS and not packet.fragment else 0)
    count = (len(data) - start) // 2
    if count < 2:
        return None
    first = where % count
    word = data[start + 2 * first : start + 2 * first + 2]
    for step in range(1, count):
        second = (first + step) % count
        at = start + 2 * second
        other = data[at : at + 2]
        if other != word:
            damaged = bytearray(data)
            damaged[at : at + 2] = word
            at = start + 2 * first
            damaged[at : at + 2] = other
            return bytes(damaged)
    return None


def protocolOf(data: bytes) -> int:
    """
    The number of the protocol that a well-formed packet carries, without the trouble of L{parse}.
    """
    if data[0] >> 4 == 4:
        return data[9]
    packet = parse(data) if data[6] in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION) else None
    return data[6] if packet is None else packet.protocol
