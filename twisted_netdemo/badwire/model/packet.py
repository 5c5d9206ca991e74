"""
IP packets: how they are read, checked, mirrored and damaged.

Pure. L{parse} reads what the wire needs to know of a packet: RFC 791 and RFC 8200 for IP, RFC 9293
for TCP, RFC 768 for UDP, RFC 3828 for UDP-Lite, RFC 792 and RFC 4443 for ICMP.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

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

#: Offset of the source address in a header of each version, and the length of an address.
_ADDRESSES = {4: (12, 4), 6: (8, 16)}

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60

# TCP's options (RFC 9293 3.1, RFC 7323 2.2)
_END_OF_OPTIONS, _NO_OPERATION, _WINDOW_SCALE = 0, 1, 3
_MOST_SCALE = 14

# ICMP errors quote the packet that caused them, from the ninth byte on.
_ERRORS = {ICMP: frozenset([3, 4, 5, 11, 12]), ICMP6: frozenset([1, 2, 3, 4])}
_QUOTE = 8
_ICMP_HEADER = 8

# How many bytes of a header may be damaged: the ports, TCP's numbers, all of ICMP's.
_EXPOSED = {TCP: 12, UDP: 4, UDPLITE: 4, ICMP: _ICMP_HEADER, ICMP6: _ICMP_HEADER}

_ipv4 = struct.Struct("!BxHHHxB2x4s4s").unpack_from
_ipv6 = struct.Struct("!4xHBx16s16s").unpack_from
_tcp = struct.Struct("!HHIIBBH").unpack_from
_ports = struct.Struct("!HH").unpack_from
_fragment = struct.Struct("!BxHI").unpack_from


class IPPacket(NamedTuple):
    """
    An IP packet, and the offsets of its parts.

    @ivar data: the whole packet.
    @ivar version: of IP, 4 or 6.
    @ivar protocol: its number: L{TCP}, L{UDP}, L{ICMP}, L{ICMP6} or another.
    @ivar transport: the offset of the IP payload in C{data}.
    @ivar payload: the offset of the payload of TCP, UDP or UDP-Lite; for other protocols, and for
        a fragment that is not the first, the same as C{transport}.
    @ivar source: the sender's port, L{None} for a protocol without ports and for a later fragment.
    @ivar destination: the receiver's port, likewise.
    @ivar flags: TCP's, as bits (L{FIN}, L{SYN}, L{RST}, L{PSH}, L{ACK}); 0 for others.
    @ivar seq: TCP's sequence number, not relative; 0 for others.
    @ivar ack: TCP's acknowledgement number, not relative; 0 for others.
    @ivar fragment: the offset of a fragment in its datagram, in bytes; L{None} for a whole packet.
    @ivar more: whether later fragments of the same datagram follow.
    @ivar identification: IP's, which the fragments of one datagram share; 0 for a whole IPv6
        packet.
    @ivar window: TCP's window, not scaled; 0 for others.
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
        The length of the payload in bytes.
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
    def quoted(self) -> IPPacket | None:
        """
        The packet that caused an ICMP error, as far as it is quoted.
        """
        return parse(self.data[self.transport + _QUOTE :], True) if self.isError else None


def parse(data: bytes, isQuote: bool = False) -> IPPacket | None:
    """
    Read a packet.

    @param isQuote: whether the packet is quoted by an ICMP error, and may be shorter than its
        header says.
    @return: L{None} for data that are no packet, or are cut short.
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
            data = data[:total]  # without the padding of a link layer
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
            # A quoted TCP header may end after the ports and the sequence number.
            source, destination = _ports(data, transport)
            payload += 8
    except (IndexError, struct.error):
        return None
    if payload > total:
        return None
    return IPPacket(
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
    The ones' complement sum of 16-bit words (RFC 1071), in which 0 and 65535 are the same.

    Since 65536 is 1 modulo 65535, the remainder of the whole number is the sum of its words.
    """
    if len(data) & 1:
        data += b"\0"
    return int.from_bytes(data, "big") % 65535


def verify(packet: IPPacket) -> bool:
    """
    Whether a receiver accepts the packet's checksums: that of the IPv4 header, and that of TCP,
    UDP, UDP-Lite or ICMP. A fragment alone cannot be checked, and passes, as do other protocols.
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
    if isShort(packet):
        return False
    if protocol == UDP:
        covered = int.from_bytes(data[transport + 4 : transport + 6], "big") or length
    if protocol in (UDP, UDPLITE) and data[transport + 6 : transport + 8] == b"\0\0":
        # RFC 768: the sender computed none. RFC 8200 8.1 and RFC 3828 3.1 require one.
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
    # With the pseudo-header: addresses, protocol and length.
    return (
        total + _sum(addresses) + protocol + (covered if protocol == UDP else length)
    ) % 65535 == 0


def isShort(packet: IPPacket) -> bool:
    """
    Whether a packet of UDP or UDP-Lite carries less than its length or coverage says, or says less
    than a header has. A receiver discards it for that, and does not look at the checksum.
    """
    if packet.protocol not in (UDP, UDPLITE) or packet.fragment is not None:
        return False
    transport = packet.transport
    says = int.from_bytes(packet.data[transport + 4 : transport + 6], "big")
    if says > len(packet.data) - transport:
        return True
    # RFC 2675 4: an IPv6 jumbogram says 0
    return packet.protocol == UDP and says < 8 and (says > 0 or packet.version == 4)


def windowScale(packet: IPPacket) -> int | None:
    """
    By how many bits the sender of a SYN offers to shift its windows (RFC 7323 2.2).

    @return: L{None} if the SYN offers no window scaling.
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


def mirror(packet: IPPacket) -> bytes:
    """
    The packet with its source and destination addresses exchanged; in an ICMP error also those of
    the quoted packet. No checksum changes, since a sum does not depend on the order of its terms.
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


def vulnerable(packet: IPPacket, reachesHeader: bool = False) -> tuple[int, int]:
    """
    Where damage may strike: the payload, after ICMP's header for a packet that begins with one.
    An IP header, TCP's data offset and UDP's length and checksum stay whole, since damage to those
    would be a fault of another kind.

    @param reachesHeader: whether the ports, TCP's numbers or ICMP's header take the place of a
        payload that is empty.
    @return: its first byte and the one after its last; equal where there is none.
    """
    start, end = packet.payload, len(packet.data)
    if packet.fragment:
        return start, end
    if packet.protocol in _ERRORS:
        start = min(start + _ICMP_HEADER, end)
    if start == end and reachesHeader:
        start = packet.transport
        end = min(start + _EXPOSED.get(packet.protocol, 0), end)
    return start, end


def withPayload(packet: IPPacket, start: int, end: int, payload: bytes) -> IPPacket:
    """
    The packet with other bytes from start to end. Its checksums stay as they were, but for IPv4's
    header's: if the length changes, IP's own fields say the new one.

    A fragment that others follow carries a multiple of 8 bytes and at least 8, any other at least 1
    (RFC 791 3.2, RFC 8200 4.5): a shorter one is rounded down to that, or left as it was.
    """
    data = packet.data
    damaged = data[:start] + payload + data[end:]
    if len(damaged) == len(data):
        return packet._replace(data=damaged)
    if packet.fragment is not None:
        carried = len(damaged) - packet.transport
        carried -= carried % 8 if packet.more else 0
        if carried < max(1, start - packet.transport):
            return packet
        damaged = damaged[: packet.transport + carried]
    header = bytearray(damaged[: packet.transport])
    if packet.version == 4:
        header[2:4] = len(damaged).to_bytes(2, "big")
        header[10:12] = bytes(2)
        header[10:12] = (65535 - _sum(bytes(header))).to_bytes(2, "big")
    else:
        header[4:6] = (len(damaged) - 40).to_bytes(2, "big")
    return packet._replace(data=bytes(header) + damaged[packet.transport :])


def protocolOf(data: bytes) -> int:
    """
    The number of the protocol that a well-formed packet carries: faster than L{parse}.
    """
    if data[0] >> 4 == 4:
        return data[9]
    packet = parse(data) if data[6] in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION) else None
    return data[6] if packet is None else packet.protocol
