"""
What a correct receiver does with each packet that arrives.

Pure. The kernel does not report what it does with a packet. It is inferred from the packets that
left and arrived, their order, and the rules of RFC 9293 (TCP), RFC 768 (UDP), RFC 3828 (UDP-Lite)
and RFC 791 (fragments). The kernel's counters confirm the totals.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from twisted_netdemo.badwire.model.events import Sent
from twisted_netdemo.badwire.model.intervals import Intervals
from twisted_netdemo.badwire.model.packet import IPPacket, isShort, verify
from twisted_netdemo.faults.kinds import FAULTS

#: The limit of each memory: flows, duplicated packets, incomplete datagrams, datagrams that an ICMP
#: error may quote. The oldest entry is forgotten first.
MEMORY = 10_000

#: How many bytes of incomplete datagrams are kept in all.
KEPT = 1 << 24

# An ICMP error quotes at least so many bytes of the IP payload (RFC 792).
_QUOTED = 8

# The fates with which more than one copy arrives.
_COPYING = frozenset(fault.word for fault in FAULTS if fault.copies > 1)

# How many datagrams that look alike are distinguished by their order.
_ALIKE = 100

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _TCPReceiver:
    """
    The receiving half of one end of a TCP connection.
    """

    def __init__(self) -> None:
        self.stream = Intervals()
        #: The number after the other end's FIN.
        self.end: int | None = None
        self.hasSentSyn = False
        self.isGone = False
        #: The number after its own FIN, if that is the second of the two (LAST-ACK).
        self.lastAck: int | None = None
        self._hasSentFin = False
        #: Whether its own SYN has been acknowledged.
        self._isOpen = False

    def sends(self, sent: Sent) -> None:
        if "S" in sent.flags:
            if sent.ack is not None and not self.hasSentSyn and sent.ack < self.stream.expected:
                # TCP Fast Open (RFC 7413 4.1.2): the SYN was accepted without its data.
                self.stream = Intervals()
                self.stream.add(0, sent.ack)
            self.hasSentSyn = True
        if "F" in sent.flags and not self._hasSentFin:
            self._hasSentFin = True
            if self.end is not None and self.stream.expected >= self.end:
                self.lastAck = sent.seq + sent.length + 1
        if "R" in sent.flags:
            if self.hasSentSyn:
                self.isGone = True
            else:  # no program listens here: each SYN is a new one
                self.stream = Intervals()

    def receives(self, sent: Sent, length: int) -> tuple[str, int, bool]:
        """
        @param length: how many bytes of payload arrive.
        Take a segment.

        @return: the effect, the number of bytes released, and whether the segment was early.
        """
        if self.isGone:
            return "late", 0, False
        expected = self.stream.expected
        # Numbers have 32 bits and wrap around (RFC 9293 3.4).
        start = expected + (sent.seq - expected + (1 << 31)) % (1 << 32) - (1 << 31)
        if "R" in sent.flags:
            if not self._takesReset(start):
                return "ignored", 0, False
            self.isGone = True
            return "delivered", 0, False
        if self.hasSentSyn and sent.ack is not None:
            self._isOpen = True
        if self.lastAck is not None and sent.ack is not None and sent.ack >= self.lastAck:
            self.isGone = True
        syn, fin = "S" in sent.flags, "F" in sent.flags
        size = length + syn + fin
        if not size:
            return "acknowledgement", 0, False
        if not syn and not expected:  # nothing is accepted before the other end's SYN
            return "ignored", 0, False
        if fin:
            self.end = start + size
        effect, released = self.stream.add(start, start + size)
        if released and self.end is not None and start + size < self.end <= self.stream.expected:
            released -= 1  # the FIN among them is no byte of the stream
        return effect, released, start > expected

    def _takesReset(self, number: int) -> bool:
        """
        Whether a reset with this number ends the connection. A reset within the window whose number
        is not the expected one may be forged, and is only answered (RFC 9293 3.10.7.4, after
        RFC 5961 3.2). Linux accepts two more: one with the number after the highest selective
        acknowledgement, and one with the number of the FIN that has arrived.
        """
        expected = self.stream.expected
        if not self._isOpen:
            return not expected or number >= expected
        if self.end is not None and expected >= self.end and number == expected - 1:
            return True
        return number in (expected, self.stream.furthest)


class _Datagram:
    """
    A datagram that arrives in fragments.
    """

    def __init__(self) -> None:
        self._came = Intervals()
        self._size: int | None = None
        self._parts: dict[int, IPPacket] = {}
        #: How many bytes of it are kept.
        self.kept = 0

    def add(self, packet: IPPacket, offset: int) -> bool:
        """
        Take a fragment.

        @return: whether any of its bytes were new.
        """
        end = offset + len(packet.data) - packet.transport
        if not packet.more:
            self._size = end
        if self._came.add(offset, end)[0] == "ignored":
            return False
        if offset in self._parts:
            self.kept -= len(self._parts[offset].data)
        self._parts[offset] = packet
        self.kept += len(packet.data)
        return True

    @property
    def isWhole(self) -> bool:
        return self._size is not None and self._came.expected >= self._size

    @property
    def whole(self) -> IPPacket:
        """
        The reassembled packet.
        """
        first, *later = (part for _, part in sorted(self._parts.items()))
        data = b"".join([first.data, *(part.data[part.transport :] for part in later)])
        return first._replace(data=data, fragment=None)


class Receivers:
    """
    The receivers of all flows, both ends of each.

    @ivar early: how many TCP segments arrived before one that precedes them, including copies of
        those held already (the kernel's TCPOFOQueue).
    """

    def __init__(self) -> None:
        self.early = 0
        self._connections: OrderedDict[int, dict[str, _TCPReceiver]] = OrderedDict()
        self._datagrams: OrderedDict[tuple[int, str, int], _Datagram] = OrderedDict()
        self._kept = 0
        self._delivered: OrderedDict[tuple[int, str, int], bool] = OrderedDict()
        self._quotable: OrderedDict[tuple[int, str, bytes], list[int]] = OrderedDict()

    def left(self, sent: Sent) -> None:
        """
        A packet leaves its sender. Call it for every packet, in the order in which they leave: it
        tells what each receiver itself has sent.
        """
        if sent.protocol == "tcp" and sent.fragment is None:
            # A packet that goes up is received by the end that sends down.
            self._ends(sent.flow)["down" if sent.direction == "up" else "up"].sends(sent)

    def arrived(self, packet: IPPacket, sent: Sent, isSound: bool) -> tuple[str, int]:
        """
        A copy of a packet reaches its receiver. Call it in the order of arrival.

        @param packet: the packet as it arrives, with its damage.
        @param isSound: whether its checksums are right (L{verify}).
        @return: the effect, and how many bytes held back so far it makes available. A fragment is
            C{held} until its datagram is complete, and C{ignored} if it has arrived before; its
            bytes are not counted.
        """
        if not isSound:
            return _refused(packet), 0
        if sent.fragment is not None:
            return self._fragment(packet, sent, sent.fragment), 0
        if sent.protocol != "tcp":
            return self._deliver(packet, sent), 0
        effect, released, early = self._ends(sent.flow)[sent.direction].receives(
            sent, packet.length
        )
        self.early += early
        return effect, released

    def _ends(self, flow: int) -> dict[str, _TCPReceiver]:
        return _remember(
            self._connections, flow, lambda: {"up": _TCPReceiver(), "down": _TCPReceiver()}
        )

    def quotes(self, error: IPPacket, flow: int, direction: str) -> int | None:
        """
        The packet that caused an ICMP error.

        @param direction: the direction of the error itself.
        @return: the C{n} of the oldest packet that arrived, begins with the quoted bytes and has
            not been quoted yet; L{None} if there is none, and for TCP.
        """
        if not error.isError or (quoted := error.quoted) is None:
            return None
        start = quoted.data[quoted.transport : quoted.transport + _QUOTED]
        numbers = self._quotable.get((flow, "down" if direction == "up" else "up", start))
        return numbers.pop(0) if numbers else None

    def _deliver(self, packet: IPPacket, sent: Sent) -> str:
        start = packet.data[packet.transport : packet.transport + _QUOTED]
        key = (sent.flow, sent.direction, start)
        alike = self._quotable.get(key)
        if alike is None:
            if len(self._quotable) >= MEMORY:
                self._quotable.popitem(last=False)
            self._quotable[key] = [sent.n]
        elif len(alike) < _ALIKE:
            alike.append(sent.n)
        came = (sent.flow, sent.direction, sent.seq)
        if came in self._delivered:
            return "again"
        # only a packet that has a copy can come twice
        if sent.fragment is not None or not _COPYING.isdisjoint(sent.fates):
            _remember(self._delivered, came, lambda: True)
        return "delivered"

    def _fragment(self, packet: IPPacket, sent: Sent, offset: int) -> str:
        key = (sent.flow, sent.direction, sent.seq)
        datagram = self._datagrams.pop(key, None) or _Datagram()
        self._kept -= datagram.kept
        isNew = datagram.add(packet, offset)
        if isNew and datagram.isWhole:
            whole = datagram.whole
            return self._deliver(whole, sent) if verify(whole) else _refused(whole)
        self._datagrams[key] = datagram
        self._kept += datagram.kept
        while self._kept > KEPT or len(self._datagrams) > MEMORY:
            _, oldest = self._datagrams.popitem(last=False)
            self._kept -= oldest.kept
        return "held" if isNew else "ignored"


def _refused(packet: IPPacket) -> str:
    """
    Why a receiver discards a packet: C{short}, or C{discarded} for its checksum.
    """
    return "short" if isShort(packet) else "discarded"


def _remember(memory: OrderedDict[_Key, _Value], key: _Key, make: Callable[[], _Value]) -> _Value:
    """
    The value of a key, which becomes the newest. The oldest key is forgotten if there are too many.
    """
    if key in memory:
        memory.move_to_end(key)
        return memory[key]
    if len(memory) >= MEMORY:
        memory.popitem(last=False)
    value = memory[key] = make()
    return value
