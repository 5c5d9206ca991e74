"""
The log's counts beside the kernel's own counters, which must agree.

The kernel counts what its TCP and UDP did in the whole private network (RFC 4022, RFC 4113 and
Linux's own counters). The log counts what happened on the wire and what receivers do by rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twisted_netdemo.badwire.model.events import FATES, Arrived, Changed, Sent, Taken
from twisted_netdemo.badwire.model.packet import NAMES, TCP, UDP, UDPLITE, protocolOf
from twisted_netdemo.faults.reached import Asked, Reached
from twisted_netdemo.faults.trigger import Positions

# Protocols, and the groups of counters that the kernel has for IPv4 and IPv6.
_DATAGRAMS = ((UDP, "UDP", ("Udp", "Udp6")), (UDPLITE, "UDP-Lite", ("UdpLite", "UdpLite6")))
# InDatagrams counts only the datagrams that a program read.
_ARRIVED = ("InDatagrams", "NoPorts", "RcvbufErrors", "MemErrors")

# InErrors counts these as well.
_OTHER_ERRORS = ("InCsumErrors", "RcvbufErrors", "MemErrors")

_FILES = ("/proc/net/snmp", "/proc/net/netstat", "/proc/net/snmp6")


class PacketCounts:
    """
    Counts the events of the log as they happen: a
    L{Listener<twisted_netdemo.badwire.model.events.Listener>}.

    @ivar packets: the packets that left, by protocol.
    @ivar fates: the packets that had a fate, by protocol and fate; C{taken} among them.
    @ivar again: the TCP segments with data, SYN or FIN that were retransmissions.
    @ivar synAgain: the retransmitted SYN-ACKs among them.
    @ivar effects: the copies that arrived, by protocol number and effect.
    """

    def __init__(self) -> None:
        self.packets: Counter[str] = Counter()
        self.fates: Counter[tuple[str, str]] = Counter()
        self.again = 0
        self.synAgain = 0
        self.effects: Counter[tuple[int, str]] = Counter()

    @property
    def total(self) -> int:
        """
        The packets that left and the copies that arrived, together.
        """
        return self.packets.total() + self.effects.total()

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        protocol = event.protocol
        self.packets[protocol] += 1
        for fate in event.fates:
            self.fates[protocol, fate] += 1
        if event.attempt > 1 and (event.length or "S" in event.flags or "F" in event.flags):
            self.again += 1
            self.synAgain += event.flags == "SA"

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        A copy arrives.
        """
        self.effects[protocolOf(data), event.effect] += 1

    def taken(self, event: Taken, data: bytes) -> None:
        """
        A packet is lost by hand on its way.
        """
        protocol = protocolOf(data)
        self.fates[NAMES.get(protocol) or str(protocol), event.event] += 1

    def changed(self, event: Changed) -> None:
        """
        Nothing to count.
        """

    def table(self) -> dict[str, dict[str, int]]:
        """
        For each protocol the number of packets that left, and of those that had each fate.
        """
        return {
            protocol: {
                "packets": packets,
                **{
                    fate: count
                    for fate in (*FATES, Taken.event)
                    if (count := self.fates[protocol, fate])
                },
            }
            for protocol, packets in sorted(self.packets.items())
        }


class ReachedListener:
    """
    Compares how far flows got with the places that were asked for: a
    L{Listener<twisted_netdemo.badwire.model.events.Listener>}.
    """

    def __init__(self, asked: Sequence[Asked], flows: Positions | None = None) -> None:
        """
        @param flows: which flows count, by their numbers from 1; L{None} for all.
        """
        self._flows = flows
        self._reached = Reached(asked)
        self._sent: Counter[tuple[int, str]] = Counter()

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        if self._flows is not None and not self._flows.hits(event.flow + 1):
            return
        self._sent[event.flow, event.direction] += 1
        self._reached.went(event.direction, self._sent[event.flow, event.direction])

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        Nothing to do: only departures count.
        """

    def taken(self, event: Taken, data: bytes) -> None:
        """
        Nothing to do: it has left.
        """

    def changed(self, event: Changed) -> None:
        """
        Nothing to do: positions go on counting.
        """

    def lines(self) -> list[str]:
        """
        A line for each place that no flow reached.
        """
        return self._reached.lines("flow", "packet")


class CounterRow(NamedTuple):
    """
    A quantity that both the log and the kernel count.

    @ivar what: its name.
    @ivar log: the log's count.
    @ivar kernel: the kernel's count.
    @ivar of: the kernel's counters that were added up.
    @ivar isInferred: whether the log's count follows from what receivers do by rule.
    """

    what: str
    log: int
    kernel: int
    of: str
    isInferred: bool = False


class KernelCount(NamedTuple):
    """
    A quantity that only the kernel can count.

    @ivar what: its name.
    @ivar kernel: the kernel's count.
    @ivar of: the kernel's counters that were added up.
    """

    what: str
    kernel: int
    of: str


def parseCounters(text: str) -> dict[str, int]:
    """
    The counters of a file such as /proc/net/snmp (a line of names above a line of values) or
    /proc/net/snmp6 (a line for each), by names such as C{TcpOutSegs}.
    """
    counters: dict[str, int] = {}
    lines = [line.split() for line in text.splitlines()]
    for index, words in enumerate(lines):
        if len(words) == 2 and words[1].isdigit() and not words[0].endswith(":"):
            counters[words[0]] = int(words[1])
        elif index and words[:1] == lines[index - 1][:1] and len(words) > 1:
            group = words[0].rstrip(":")
            for name, value in zip(lines[index - 1][1:], words[1:], strict=False):
                if value.lstrip("-").isdigit():
                    counters[group + name] = int(value)
    return counters


def readCounters() -> dict[str, int]:
    """
    The kernel's counters of this network.
    """
    counters: dict[str, int] = {}
    for path in _FILES:
        try:
            with open(path, encoding="ascii") as file:
                counters |= parseCounters(file.read())
        except OSError:
            continue  # without IPv6
    return counters


def compare(counts: PacketCounts, early: int, kernel: Mapping[str, int]) -> list[CounterRow]:
    """
    Compare what the log and the kernel have counted since the network was made.

    @param early: the number of early segments, as L{Receivers} counts them.
    """

    def of(*names: str) -> int:
        return sum(kernel.get(name, 0) for name in names)

    effects = counts.effects
    rows = [
        CounterRow(
            "TCP segments sent",
            counts.packets["tcp"],
            of("TcpOutSegs", "TcpRetransSegs") - counts.synAgain,
            "Tcp OutSegs + RetransSegs, less SYN-ACKs sent again (counted in both)",
        ),
        CounterRow("TCP sent again", counts.again, of("TcpRetransSegs"), "Tcp RetransSegs"),
        CounterRow(
            "TCP corrupt, discarded",
            effects[TCP, "discarded"],
            of("TcpInCsumErrors"),
            "Tcp InCsumErrors",
            True,
        ),
        CounterRow(
            "TCP early, held back", early, of("TcpExtTCPOFOQueue"), "TcpExt TCPOFOQueue", True
        ),
    ]
    for protocol, name, groups in _DATAGRAMS:
        which = " and ".join(groups)
        rows += [
            CounterRow(
                f"{name} datagrams arrived",
                effects[protocol, "delivered"] + effects[protocol, "again"],
                of(*(group + counter for group in groups for counter in _ARRIVED)),
                f"{which} InDatagrams, NoPorts and the full buffers'",
                True,
            ),
            CounterRow(
                f"{name} corrupt, discarded",
                effects[protocol, "discarded"],
                of(*(f"{group}InCsumErrors" for group in groups)),
                f"{which} InCsumErrors",
                True,
            ),
            CounterRow(
                f"{name} too short, discarded",
                effects[protocol, "short"],
                of(*(f"{group}InErrors" for group in groups))
                - of(*(group + counter for group in groups for counter in _OTHER_ERRORS)),
                f"{which} InErrors, less InCsumErrors and the full buffers'",
                True,
            ),
        ]
    return rows


def kernelCounts(kernel: Mapping[str, int]) -> list[KernelCount]:
    """
    What became of the segments and datagrams that arrived, which the kernel alone knows.

    A segment that found no room in its socket's buffer looks to the log as if it was delivered.
    """
    dropped = kernel.get("TcpExtTCPRcvQDrop", 0)
    found = [KernelCount("TCP thrown away: a full buffer", dropped, "TcpExt TCPRcvQDrop")]
    for _, name, groups in _DATAGRAMS:
        for what, counters in (
            ("read by programs", ("InDatagrams",)),
            ("to a port where nobody listens", ("NoPorts",)),
            ("thrown away: a full buffer", ("RcvbufErrors", "MemErrors")),
        ):
            count = sum(kernel.get(group + each, 0) for group in groups for each in counters)
            of = f"{' and '.join(groups)} {' and '.join(counters)}"
            found.append(KernelCount(f"{name} {what}", count, of))
    return found
