"""
The flows on the wire, and the identity of each packet: its flow, direction, numbers and attempt.

Pure. A flow is a conversation of two ends: a TCP connection, a pair of UDP ports, the identifier of
an echo. An identity depends neither on the client's port, which the kernel chooses, nor on time: it
is the same in the next run.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted_netdemo.badwire.model.packet import (
    ACK,
    FIN,
    ICMP,
    ICMP6,
    NAMES,
    PSH,
    RST,
    SYN,
    TCP,
    IPPacket,
    windowScale,
)
from twisted_netdemo.faults.trigger import Direction

_BITS = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, "A"))
_FLAGS = ["".join(letter for bit, letter in _BITS if bits & bit) for bits in range(32)]

# The ICMP types of an echo request and an echo reply.
_ECHO = {ICMP: (8, 0), ICMP6: (128, 129)}

#: Limits: the flows remembered at once, the fragmented datagrams, and the retransmissions in one
#: direction of a flow (more than fit in a usual window). The oldest is forgotten first.
FLOWS = 1 << 16
DATAGRAMS = 1 << 12
REPEATS = 1 << 13


class Identity(NamedTuple):
    """
    The identity of a packet.

    @ivar side: the direction of its flow.
    @ivar flags: TCP's, as letters of C{SFRPA}; empty for others.
    @ivar seq: for TCP the relative sequence number; for others the datagram's number, from 1.
    @ivar ack: the relative number that TCP acknowledges, else L{None}.
    @ivar attempt: how often it has been sent by now, from 1.
    @ivar key: distinguishes it from all other packets of its flow and direction.
    @ivar window: TCP's window in bytes; L{None} if its scale is unknown, and for others.
    """

    side: FlowDirection
    flags: str
    seq: int
    ack: int | None
    attempt: int
    key: tuple[str | int, ...]
    window: int | None = None


class FlowDirection:
    """
    One direction of a flow.

    @ivar flow: the flow.
    @ivar direction: C{up} or C{down}.
    @ivar end: for TCP the relative number after the last byte sent.
    @ivar number: for other protocols the number of datagrams sent.
    @ivar other: the opposite direction.
    @ivar state: what the wire keeps for this direction.
    """

    __slots__ = (
        "_attempts",
        "_hasOpened",
        "_scale",
        "_start",
        "direction",
        "end",
        "flow",
        "number",
        "other",
        "state",
    )

    other: FlowDirection

    def __init__(self, flow: Flow, direction: Direction) -> None:
        self.flow = flow
        self.direction = direction
        self.end = 0
        self.number = 0
        self.state: Any = None
        self._start: int | None = None
        self._hasOpened = False
        self._scale: int | None = None
        # How often each packet was sent, of those that were sent again.
        self._attempts: OrderedDict[object, int] = OrderedDict()

    def _relative(self, number: int) -> int:
        """
        A sequence number of this side, relative to the first one. It counts on past 2**32.
        """
        if self._start is None:
            self._start = number
        off = (number - self._start - self.end) & 0xFFFFFFFF
        return max(0, self.end + (off - (1 << 32) if off >= 1 << 31 else off))

    def _again(self, what: object, before: int) -> int:
        """
        The number of this attempt.

        @param before: the number of attempts so far, if none is remembered.
        """
        attempts = self._attempts
        attempt = attempts.get(what, before) + 1
        attempts[what] = attempt
        attempts.move_to_end(what)
        if len(attempts) > REPEATS:
            attempts.popitem(last=False)
        return attempt

    def opensAnew(self, seq: int) -> bool:
        """
        Whether a SYN with this number opens another connection between the same ports.
        """
        return self._start is not None and self._start != seq

    def segment(self, packet: IPPacket) -> Identity:
        """
        The identity of a TCP segment.
        """
        bits = packet.flags & 31
        # The number of a keep-alive or a probe may lie before the first: then it is 0.
        seq = self._relative(packet.seq)
        ack = self.other._relative(packet.ack) if bits & ACK else None
        length = len(packet.data) - packet.payload
        occupies = length + (1 if bits & SYN else 0) + (1 if bits & FIN else 0)
        if not occupies:
            attempt = self._again((bits, seq), 0)
        elif seq >= self.end:
            self.end = seq + occupies
            attempt = 1
        else:
            self.end = max(self.end, seq + occupies)
            attempt = self._again(seq, 1)
        flags = _FLAGS[bits]
        window = self._window(packet)
        return Identity(self, flags, seq, ack, attempt, (flags, seq, length, attempt), window)

    def _window(self, packet: IPPacket) -> int | None:
        """
        The window that a segment announces. The window of a SYN is never scaled; others are if both
        ends have offered it (RFC 7323 2.2).
        """
        if packet.flags & SYN:
            self._hasOpened = True
            self._scale = windowScale(packet)
            return packet.window
        if not (self._hasOpened and self.other._hasOpened):
            return None
        if self._scale is None or self.other._scale is None:
            return packet.window
        return packet.window << self._scale


@dataclass(eq=False, slots=True)
class Flow:
    """
    @ivar number: from 0, in the order of appearance.
    @ivar protocol: its name in the log.
    @ivar version: of IP.
    @ivar port: the server's; 0 for protocols without ports.
    @ivar place: its index among the flows with the same protocol, version and port, from 0.
    """

    number: int
    protocol: str
    version: int
    port: int
    place: int
    up: FlowDirection = field(init=False)
    down: FlowDirection = field(init=False)

    def __post_init__(self) -> None:
        self.up, self.down = FlowDirection(self, "up"), FlowDirection(self, "down")
        self.up.other, self.down.other = self.down, self.up


class FlowTable:
    """
    The flows that have been seen on the wire.

    @ivar count: the number of flows so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sides: OrderedDict[tuple[int | None, ...], FlowDirection] = OrderedDict()
        self._places: dict[tuple[str, int, int], int] = {}
        self._fragments: OrderedDict[tuple[bytes, int, int], tuple[FlowDirection, int]] = (
            OrderedDict()
        )

    def identify(self, packet: IPPacket) -> Identity:
        """
        The identity of a packet. Call it once for each packet, in the order in which they leave.
        """
        if packet.protocol == TCP and packet.fragment is None:
            return self._tcp(packet)
        if packet.fragment is not None:
            side, number = self._fragment(packet)
        else:
            side = self._side(packet)
            side.number = number = side.number + 1
        return Identity(side, "", number, None, 1, (number, packet.fragment or 0))

    def _fragment(self, packet: IPPacket) -> tuple[FlowDirection, int]:
        """
        The direction and the number of a fragment's datagram. Fragments belong together that have
        the same addresses, protocol and identification (RFC 791 3.2, RFC 8200 4.5).
        """
        ends = packet.sourceAddress + packet.destinationAddress
        datagram = ends, packet.protocol, packet.identification
        if packet.fragment and datagram in self._fragments:
            return self._fragments[datagram]
        side = self._side(packet)
        side.number += 1
        self._fragments[datagram] = side, side.number
        self._fragments.move_to_end(datagram)
        if len(self._fragments) > DATAGRAMS:
            self._fragments.popitem(last=False)
        return side, side.number

    def _tcp(self, packet: IPPacket) -> Identity:
        _, version, protocol, _, _, source, destination, flags, seq, *_ = packet
        side = self._sides.get((version, protocol, source, destination))
        isOpening = flags & (SYN | ACK) == SYN
        if side is None or (isOpening and side.opensAnew(seq)):
            side = self._begin(packet, source, destination)
        return side.segment(packet)

    def _side(self, packet: IPPacket) -> FlowDirection:
        """
        The direction of a packet that is no TCP segment.
        """
        source, destination = packet.source, packet.destination
        if packet.protocol in _ECHO and not packet.fragment:
            quoted = packet.quoted
            if quoted is not None:
                side = self._sides.get((quoted.version, quoted.protocol, *_ends(quoted)))
                if side is not None:
                    return side.other
            source, destination = _ends(packet)
        return self._sides.get(
            (packet.version, packet.protocol, source, destination)
        ) or self._begin(packet, source, destination)

    def _begin(
        self, packet: IPPacket, source: int | None, destination: int | None
    ) -> FlowDirection:
        version, protocol = packet.version, packet.protocol
        name = NAMES.get(protocol, str(protocol))
        port = packet.destination or 0
        kind = name, version, port
        place = self._places.get(kind, 0)
        self._places[kind] = place + 1
        flow = Flow(self.count, name, version, port, place)
        self.count += 1
        self._sides[version, protocol, destination, source] = flow.down
        # Last, since both are the same key for a socket that sends to its own port.
        self._sides[version, protocol, source, destination] = flow.up
        while len(self._sides) > 2 * FLOWS:
            self._sides.popitem(last=False)
        return flow.up


def _ends(packet: IPPacket) -> tuple[int | None, int | None]:
    """
    What stands for the ports. It is an echo's identifier, so that a reply belongs to the opposite
    direction of its request.
    """
    if packet.protocol in _ECHO and len(packet.data) >= packet.transport + 8:
        at = packet.transport
        identifier = int.from_bytes(packet.data[at + 4 : at + 6], "big")
        kind = packet.data[at]
        if kind in _ECHO[packet.protocol]:
            return (identifier, None) if kind == _ECHO[packet.protocol][0] else (None, identifier)
        return (-1, kind)
    return packet.source, packet.destination
