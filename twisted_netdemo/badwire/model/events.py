"""
The events on the wire, and their JSON lines in the log: a packet leaves, a copy of it arrives, it
is taken on its way, the wire changes.

Pure. The format of the log is a contract: fields may be added, but none is renamed or changes its
meaning. L{fromJSON} checks each field, since a log may come from an untrusted source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Protocol, TypeAlias

from twisted_netdemo.faults.figure_texts import FigureError, settled
from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.trigger import DIRECTIONS

#: The losses that no fault draws: the bottleneck's queue is full, the line is dead, the packet was
#: chosen by hand.
LINE_LOSSES = ("queue", "blackout", "chosen")

#: What the wire can do to a packet. Each loss stands alone.
FATES = (
    *(fault.word for fault in FAULTS if fault.stops),
    *LINE_LOSSES,
    *(fault.word for fault in FAULTS if not fault.stops),
)

#: What the receiver does with a copy that arrives, for TCP and for other protocols.
TCP_EFFECTS = ("delivered", "held", "ignored", "discarded", "acknowledgement", "late")
OTHER_EFFECTS = ("delivered", "again", "discarded", "short")

#: The figures of a line that is cut, so that nothing passes, and of one that is whole again.
CUT = {"line": "cut"}
HEALED = {"line": "healed"}

#: How many bytes of the payload an event shows.
HEAD = 24


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A packet has left its sender; its fate is decided.

    @ivar t: when, in seconds since the network was up.
    @ivar n: the packet's number, from 0, in the order of leaving, all flows together.
    @ivar flow: the flow's number, from 0, in the order of appearance.
    @ivar direction: C{up} from the flow's opener, C{down} back.
    @ivar protocol: C{tcp}, C{udp}, C{icmp} (C{icmp6} over IPv6), else its number in decimal.
    @ivar version: of IP, 4 or 6.
    @ivar source: the sender's port, L{None} for a protocol without ports.
    @ivar destination: the receiver's port, likewise.
    @ivar length: the bytes of payload in this packet: after the header of TCP, UDP or UDP-Lite; for
        other protocols, and from the second fragment on, after the IP header.
    @ivar flags: TCP's, letters of C{SFRPA} in that order; empty for others.
    @ivar seq: for TCP the relative sequence number of the packet's first byte (SYN is 0, the first
        byte 1); for others the datagram's number in its flow and direction, from 1.
    @ivar ack: for TCP the relative number acknowledged, L{None} without A and for others.
    @ivar attempt: the number of this attempt, from 1. A TCP segment with data, SYN or FIN has been
        sent again if it is above 1. TCP segments without these are counted by their flags and
        C{seq}. It is 1 for other protocols.
    @ivar fates: of L{FATES}, in that order; empty if nothing happened to it.
    @ivar delay: the delay of its first copy, in milliseconds, without queueing; 0 for a lost
        packet. (C{delay_ms} in the log.)
    @ivar checksum: whether its checksums were right when it left the sender.
    @ivar head: the payload's first L{HEAD} bytes. (Hex in the log.)
    @ivar fragment: the offset of a fragment in its datagram, in bytes; L{None} for a whole packet.
    @ivar window: TCP's window in bytes; L{None} if its scale is unknown, and for others.
    @ivar quotes: the C{n} of the packet that caused an ICMP error, if it is known; else L{None}.
    @ivar asks: the record type of a DNS question over UDP: C{A}, C{AAAA}, or C{TYPE} and a number;
        else L{None}.
    """

    t: float
    n: int
    flow: int
    direction: str
    protocol: str
    version: int
    source: int | None
    destination: int | None
    length: int
    flags: str
    seq: int
    ack: int | None
    attempt: int
    fates: tuple[str, ...]
    delay: float
    checksum: bool
    head: bytes
    fragment: int | None = None
    window: int | None = None
    quotes: int | None = None
    asks: str | None = None

    event: ClassVar[str] = "sent"

    def toJSON(self) -> str:
        """
        The log's line, without its line feed.
        """
        # Each text is one of a closed set, so that none needs escaping. json.dumps takes three
        # times as long.
        fates = f'["{quoted}"]' if (quoted := '", "'.join(self.fates)) else "[]"
        asks = "null" if self.asks is None else f'"{self.asks}"'
        return (
            f'{{"t": {self.t:.6f}, "n": {self.n}, "event": "sent", "flow": {self.flow}, '
            f'"direction": "{self.direction}", "protocol": "{self.protocol}", '
            f'"version": {self.version}, "source": {_null(self.source)}, '
            f'"destination": {_null(self.destination)}, "length": {self.length}, '
            f'"flags": "{self.flags}", "seq": {self.seq}, "ack": {_null(self.ack)}, '
            f'"attempt": {self.attempt}, "fates": {fates}, "delay_ms": {self.delay:.3f}, '
            f'"checksum": {"true" if self.checksum else "false"}, "head": "{self.head.hex()}", '
            f'"fragment": {_null(self.fragment)}, "window": {_null(self.window)}, '
            f'"quotes": {_null(self.quotes)}, "asks": {asks}}}'
        )


@dataclass(frozen=True, slots=True)
class Arrived:
    """
    A copy of a packet has been handed to its receiver.

    @ivar t: when, in seconds since the network was up.
    @ivar n: the number of the packet's L{Sent}.
    @ivar copy: which copy of it, from 0.
    @ivar flow: as in its L{Sent}.
    @ivar direction: as in its L{Sent}.
    @ivar effect: what a correct receiver does with it, of L{TCP_EFFECTS} or L{OTHER_EFFECTS}.
    @ivar released: the number of bytes held back so far that it makes available.
    """

    t: float
    n: int
    copy: int
    flow: int
    direction: str
    effect: str
    released: int

    event: ClassVar[str] = "arrived"

    def toJSON(self) -> str:
        """
        The log's line, without its line feed.
        """
        return (
            f'{{"t": {self.t:.6f}, "n": {self.n}, "event": "arrived", "copy": {self.copy}, '
            f'"flow": {self.flow}, "direction": "{self.direction}", "effect": "{self.effect}", '
            f'"released": {self.released}}}'
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """
    A packet that was under way is lost by hand: no copy of it arrives.

    @ivar t: when, in seconds since the network was up.
    @ivar n: the number of the packet's L{Sent}.
    @ivar flow: as in its L{Sent}.
    @ivar direction: as in its L{Sent}.
    """

    t: float
    n: int
    flow: int
    direction: str

    event: ClassVar[str] = "taken"

    def toJSON(self) -> str:
        """
        The log's line, without its line feed.
        """
        return (
            f'{{"t": {self.t:.6f}, "n": {self.n}, "event": "taken", "flow": {self.flow}, '
            f'"direction": "{self.direction}"}}'
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """
    The wire has changed.

    @ivar t: when, in seconds since the network was up.
    @ivar n: the number of the first packet that leaves under the new figures.
    @ivar direction: C{up}, C{down} or C{both}.
    @ivar figures: the text of each figure that was set, by its name, as on the command line; or
        L{CUT} or L{HEALED} alone.
    """

    t: float
    n: int
    direction: str
    figures: Mapping[str, str]

    event: ClassVar[str] = "changed"

    def toJSON(self) -> str:
        """
        The log's line, without its line feed.
        """
        return (
            f'{{"t": {self.t:.6f}, "n": {self.n}, "event": "changed", '
            f'"direction": "{self.direction}", "figures": {json.dumps(dict(self.figures))}}}'
        )


Event: TypeAlias = Sent | Arrived | Taken | Changed


class Listener(Protocol):
    """
    An object that receives each event as it happens, in order: the log, a capture, a recorder.
    """

    def sent(self, event: Sent, data: bytes) -> None:
        """
        @param data: the IP packet as it left its sender.
        """

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        @param data: the IP packet as its receiver gets it: with its addresses exchanged, and
            damaged.
        """

    def taken(self, event: Taken, data: bytes) -> None:
        """
        @param data: the IP packet as its receiver would have got it, but for its addresses.
        """

    def changed(self, event: Changed) -> None:
        """
        The wire is as bad as this from now on.
        """


def _null(value: int | None) -> str:
    return "null" if value is None else str(value)


def _isWhole(most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and 0 <= value <= most


def _isNumber(value: Any) -> bool:
    # 'NaN' and 'Infinity' are refused, and what is too long to be a time
    return type(value) in (int, float) and 0 <= value <= 1e9


def _isText(pattern: str) -> Callable[[Any], bool]:
    matches = re.compile(pattern, re.ASCII).fullmatch
    return lambda value: type(value) is str and matches(value) is not None


def _orNone(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _areFigures(value: Any) -> bool:
    if type(value) is not dict or not value:
        return False
    if value in (CUT, HEALED):
        return True
    try:
        return all(type(text) is str for text in value.values()) and settled(value) == value
    except FigureError:
        return False


_many = _isWhole(1 << 53)

_CHECKS: dict[str, Callable[[Any], bool]] = {
    "t": _isNumber,
    "n": _many,
    "flow": _many,
    "direction": DIRECTIONS.__contains__,
    "protocol": _isText("tcp|udp|icmp6?|[0-9]{1,3}"),
    "version": _isWhole(6),
    "source": _orNone(_isWhole(65535)),
    "destination": _orNone(_isWhole(65535)),
    "length": _isWhole(65535),
    "flags": _isText("S?F?R?P?A?"),
    "seq": _many,
    "ack": _orNone(_many),
    "attempt": _many,
    "fates": lambda value: type(value) is list and all(fate in FATES for fate in value),
    "delay_ms": _isNumber,
    "checksum": lambda value: type(value) is bool,
    "head": _isText(rf"([0-9a-f]{{2}}){{0,{HEAD}}}"),
    "fragment": _orNone(_isWhole(65535)),
    "window": _orNone(_isWhole(65535 << 14)),
    "quotes": _orNone(_many),
    "asks": _orNone(_isText("A|AAAA|TYPE[0-9]{1,5}")),
    "copy": _many,
    "effect": {*TCP_EFFECTS, *OTHER_EFFECTS}.__contains__,
    "released": _many,
    "figures": _areFigures,
}

# the fields that another kind of event has with more values
_WIDER: dict[tuple[type[Event], str], Callable[[Any], bool]] = {
    (Changed, "direction"): (*DIRECTIONS, "both").__contains__
}

_LOGGED = {"delay": "delay_ms"}


#: The kinds of events, by their names in the log.
_KINDS: dict[str, type[Event]] = {kind.event: kind for kind in (Sent, Arrived, Taken, Changed)}


def fromJSON(line: str | bytes) -> Event:
    """
    The event of a line of a log.

    @raise ValueError: it is none; the message says why, and quotes nothing unescaped.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not a line of JSON") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    name = record.get("event")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f'"event" is none of {", ".join(_KINDS)}')
    values: dict[str, Any] = {}
    for field in fields(kind):
        name = _LOGGED.get(field.name, field.name)
        if name not in record and field.default is not MISSING:
            continue  # a log of an earlier version
        check = _WIDER.get((kind, name)) or _CHECKS[name]
        try:
            good = name in record and check(record[name])
        except TypeError:  # a list asked for in a set
            good = False
        if not good:
            raise ValueError(f'"{name}" is missing or is not what a log holds')
        values[field.name] = record[name]
    if kind is Sent:
        values["fates"] = tuple(values["fates"])
        values["head"] = bytes.fromhex(values["head"])
        if values["version"] not in (4, 6):
            raise ValueError('"version" is neither 4 nor 6')
    return kind(**values)
