"""
What a correct receiver does with each packet that arrives, worked out by keeping its books.

Pure. The kernel tells nobody what it did with a packet; but which packets left and arrived, and
in which order, is known, and so is what RFC 9293 (TCP), RFC 768 (UDP) and RFC 791 (fragments) ask
of a receiver. Its verdicts are inferred, therefore; the kernel's counters confirm their totals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted_netdemo.badwire.events import Sent
from twisted_netdemo.badwire.packet import Packet

#: How many flows, copied packets and unfinished datagrams are remembered, each; the oldest are
#: forgotten first.
MEMORY = 10_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Intervals:
    """
    Which bytes of a stream have come: all before L{expected}, and some islands beyond it.

    @ivar expected: the first byte that is missing.
    """

    def __init__(self) -> None:
        self.expected = 0
        self._islands: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> tuple[str, int]:
        """
        Bytes from start, end not among them, have come.

        @return: C{delivered}, C{held} or C{ignored}, and how many bytes that came earlier can now
            be handed on as well.
        """
        if end <= self.expected:
            return "ignored", 0
        if start > self.expected:
            return ("held" if self._keep(start, end) else "ignored"), 0
        self.expected = end
        released = 0
        while self._islands and self._islands[0][0] <= self.expected:
            first, last = self._islands.pop(0)
            if last > self.expected:
                released += last - max(first, end)
                self.expected = last
        return "delivered", released

    def _keep(self, start: int, end: int) -> bool:
        """
        Whether any of it was new.
        """
        apart = []
        for first, last in self._islands:
            if first <= start and end <= last:
                return False
            if last < start or end < first:
                apart.append((first, last))
            else:
                start, end = min(start, first), max(end, last)
        apart.append((start, end))
        self._islands = sorted(apart)
        return True


class _End:
    """
    One end of a TCP connection, as it receives.
    """

    def __init__(self) -> None:
        self.stream = Intervals()
        #: the number after the other end's FIN
        self.end: int | None = None
        self.hasSentSyn = False
        self.isGone = False
        #: the number after its own FIN, where that is the second of the two (LAST-ACK)
        self.lastAck: int | None = None
        self._hasSentFin = False

    def sends(self, sent: Sent) -> None:
        if "S" in sent.flags:
            if sent.ack is not None and not self.hasSentSyn and sent.ack < self.stream.expected:
                # TCP Fast Open (RFC 7413 4.1.2): the SYN was taken, its data were not
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
            else:  # nobody listens here: each SYN is a new one
                self.stream = Intervals()

    def receives(self, sent: Sent) -> tuple[str, int, bool]:
        """
        @return: the effect, the bytes released, and whether it was early.
        """
        if self.isGone:
            return "late", 0, False
        if "R" in sent.flags:
            self.isGone = True
            return "delivered", 0, False
        if self.lastAck is not None and sent.ack is not None and sent.ack >= self.lastAck:
            self.isGone = True
        syn, fin = "S" in sent.flags, "F" in sent.flags
        size = sent.length + syn + fin
        if not size:
            return "acknowledgement", 0, False
        expected = self.stream.expected
        if not syn and not expected:  # nothing is taken before the other end's SYN
            return "ignored", 0, False
        # numbers have 32 bits and go round (RFC 9293 3.4)
        start = expected + (sent.seq - expected + (1 << 31)) % (1 << 32) - (1 << 31)
        if fin:
            self.end = start + size
        effect, released = self.stream.add(start, start + size)
        if released and self.end is not None and start + size < self.end <= self.stream.expected:
            released -= 1  # the FIN among them is no byte
        return effect, released, start > expected


class _Datagram:
    """
    A datagram that comes in fragments.
    """

    def __init__(self) -> None:
        self._parts = Intervals()
        self._size: int | None = None
        self.isDamaged = False

    def add(self, packet: Packet, offset: int) -> bool:
        """
        Whether any of it was new.
        """
        end = offset + len(packet.data) - packet.transport
        if not packet.more:
            self._size = end
        return self._parts.add(offset, end)[0] != "ignored"

    @property
    def isWhole(self) -> bool:
        return self._size is not None and self._parts.expected >= self._size


class Receivers:
    """
    The receivers of all flows, both ends of each.

    @ivar early: how many TCP segments came before one that precedes them, whether they were held
        already or not (the kernel's TCPOFOQueue).
    """

    def __init__(self) -> None:
        self.early = 0
        self._connections: dict[int, dict[str, _End]] = {}
        self._datagrams: dict[tuple[int, str, int], _Datagram] = {}
        self._delivered: dict[tuple[int, str, int], bool] = {}

    def left(self, sent: Sent) -> None:
        """
        A packet leaves its sender, whatever then becomes of it. To be told in the order of
        leaving: it is how a receiver's own end of the connection is known.
        """
        if sent.protocol == "tcp" and sent.fragment is None:
            # what goes up is received below
            self._ends(sent.flow)["down" if sent.direction == "up" else "up"].sends(sent)

    def arrived(self, packet: Packet, sent: Sent, copy: int) -> tuple[str, int]:
        """
        A copy of a packet reaches its receiver. To be told in the order of arrival.

        @return: the effect, and how many bytes that were held back it lets through. A fragment is
            C{held} until its datagram is whole, and C{ignored} where that part is there already;
            its bytes are not counted.
        """
        isDamaged = not sent.checksum or "corrupted" in sent.fates
        if sent.fragment is not None:
            return self._fragment(packet, sent, sent.fragment, isDamaged)
        if isDamaged:
            return "discarded", 0
        if sent.protocol != "tcp":
            return self._deliver(sent), 0
        effect, released, early = self._ends(sent.flow)[sent.direction].receives(sent)
        self.early += early
        return effect, released

    def _ends(self, flow: int) -> dict[str, _End]:
        return _remember(self._connections, flow, lambda: {"up": _End(), "down": _End()})

    def _deliver(self, sent: Sent) -> str:
        key = (sent.flow, sent.direction, sent.seq)
        if key in self._delivered:
            return "again"
        # only what has a copy can come twice
        if sent.fragment is not None or "duplicated" in sent.fates:
            _remember(self._delivered, key, lambda: True)
        return "delivered"

    def _fragment(
        self, packet: Packet, sent: Sent, offset: int, isDamaged: bool
    ) -> tuple[str, int]:
        key = (sent.flow, sent.direction, sent.seq)
        datagram = _remember(self._datagrams, key, _Datagram)
        if not datagram.add(packet, offset):
            return "ignored", 0
        datagram.isDamaged |= isDamaged
        if not datagram.isWhole:
            return "held", 0
        del self._datagrams[key]
        # the checksum stands in the first fragment and covers them all
        return ("discarded" if datagram.isDamaged else self._deliver(sent)), 0


def _remember(memory: dict[_Key, _Value], key: _Key, make: Callable[[], _Value]) -> _Value:
    """
    The value of a key, which becomes the youngest; the oldest makes room.
    """
    value = memory.pop(key, None)
    if value is None:
        value = make()
        if len(memory) >= MEMORY:
            del memory[next(iter(memory))]
    memory[key] = value
    return value
