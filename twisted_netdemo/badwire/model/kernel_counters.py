"""
The log's counts beside the kernel's own: what both must agree on, row by row.

The kernel counts what its TCP and UDP did (RFC 4022, RFC 4113 and Linux's own counters), for all
of the private network at once; the log counts what the wire and the receivers' books say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twisted_netdemo.badwire.model.events import FATES, Arrived, Sent
from twisted_netdemo.badwire.model.packet import TCP, UDP, UDPLITE, protocolOf
from twisted_netdemo.faults.reached import Asked, Reached

# Protocols, and the kernel's groups of counters for either IP.
_DATAGRAMS = ((UDP, "UDP", ("Udp", "Udp6")), (UDPLITE, "UDP-Lite", ("UdpLite", "UdpLite6")))
# InDatagrams counts those that were read.
_ARRIVED = ("InDatagrams", "NoPorts", "RcvbufErrors", "MemErrors")

# InErrors counts these as well.
_OTHER_ERRORS = ("InCsumErrors", "RcvbufErrors", "MemErrors")

_FILES = ("/proc/net/snmp", "/proc/net/netstat", "/proc/net/snmp6")


class PacketCounts:
    """
    What the log would say, counted as it happens: a
    L{Listener<twisted_netdemo.badwire.model.events.Listener>}.

    @ivar packets: how many left, by protocol.
    @ivar fates: how many met a fate, by protocol and fate.
    @ivar again: TCP's segments with data, SYN or FIN that were sent before.
    @ivar synAgain: those of them that are SYN-ACKs.
    @ivar effects: how many copies arrived, by protocol number and effect.
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
        How many packets left, and how many copies arrived.
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

    def table(self) -> dict[str, dict[str, int]]:
        """
        For each protocol how many packets left, and how many met each fate.
        """
        return {
            protocol: {
                "packets": packets,
                **{fate: count for fate in FATES if (count := self.fates[protocol, fate])},
            }
            for protocol, packets in sorted(self.packets.items())
        }


class ReachedListener:
    """
    How far flows got, beside the places that were asked for: a
    L{Listener<twisted_netdemo.badwire.model.events.Listener>}.
    """

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._reached = Reached(asked)
        self._sent: Counter[tuple[int, str]] = Counter()

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        self._sent[event.flow, event.direction] += 1
        self._reached.went(event.direction, self._sent[event.flow, event.direction])

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        What arrives has left before.
        """

    def lines(self) -> list[str]:
        """
        What was asked for and never reached.
        """
        return self._reached.lines("flow", "packet")


class CounterRow(NamedTuple):
    """
    One thing that both counted.

    @ivar what: in words.
    @ivar log: the log's count.
    @ivar kernel: the kernel's.
    @ivar of: which of the kernel's counters that is.
    @ivar isInferred: whether the log's count is worked out by rule: what receivers did.
    """

    what: str
    log: int
    kernel: int
    of: str
    isInferred: bool = False


class KernelCount(NamedTuple):
    """
    One thing that the kernel alone can count: no packet tells of it.

    @ivar what: in words.
    @ivar kernel: how many.
    @ivar of: which of the kernel's counters that is.
    """

    what: str
    kernel: int
    of: str


def parseCounters(text: str) -> dict[str, int]:
    """
    The counters of a file such as /proc/net/snmp (a line of names above a line of values) or
    /proc/net/snmp6 (a line each), as C{TcpOutSegs}.
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
    The rows: what the log counted and what the kernel counted since the network is up.

    @param early: how many segments came early, by the receivers' books.
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
