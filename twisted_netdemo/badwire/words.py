"""
What is said of a packet in plain words: what it is, what became of it, what its receiver did.

Pure. Whatever a log holds, the words hold nothing that could steer a terminal: payload is shown
by L{snippet} alone.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Sequence

from twisted_netdemo.badwire.events import DIRECTIONS, HEAD, Arrived, Sent

#: The fates with which nothing arrives.
LOSSES = {
    "lost": "lost",
    "queue": "lost: the queue is full",
    "blackout": "lost: the line is dead",
}
_UNDETECTABLE = "damaged, yet its checksum fits"
_EFFECTS = {
    "delivered": "delivered",
    "held": "early: held back",
    "ignored": "had it: ignored",
    "discarded": "wrong checksum: discarded",
    "acknowledgement": "",
    "late": "too late: the connection is gone",
    "again": "delivered again",
}
_NAMES = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "icmp6": "ICMPv6"}
_UNREACHABLE = "nobody listens there"
# (type, code) of RFC 792 and RFC 4443; where no code is listed, any
_ICMP = {
    "icmp": {8: "echo request", 0: "echo reply", 3: "unreachable", 11: "time exceeded"},
    "icmp6": {
        128: "echo request",
        129: "echo reply",
        1: "unreachable",
        2: "packet too big",
        3: "time exceeded",
    },
}
_ICMP_CODES = {
    ("icmp", 3, 3): _UNREACHABLE,
    ("icmp", 3, 4): "too big to pass whole",
    ("icmp6", 1, 4): _UNREACHABLE,
}
#: How many lost acknowledgements are remembered at once.
_PENDING = 100
#: How many of a packet's copies have a line among its details; the wire makes two.
_COPIES = 10
_UDP_HEADER = 8
_DNS_PORT = 53
_NXDOMAIN = 3
# types of records (RFC 1035 3.2.2, RFC 3596), as far as anybody asks for them
_RECORDS = {b"\0\x01": " A", b"\0\x1c": " AAAA"}
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def protocolName(protocol: str) -> str:
    """
    How people write a protocol's name.
    """
    return _NAMES.get(protocol, f"protocol {protocol}")


def clock(seconds: float) -> str:
    """
    A time in seven characters at most, with milliseconds as long as there is room.
    """
    for decimals in (3, 1, 0):
        shown = f"{seconds:.{decimals}f}"
        if len(shown) <= 7:
            return shown
    return f"{seconds:.1e}"


def cells(text: str) -> int:
    """
    How many columns of a terminal a text takes.
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def snippet(data: bytes, more: bool = False) -> str:
    """
    Payload as one line of text in quotes: what is not text is a dot, a line's end C{\\n}.

    @param more: whether there is more of it than this.
    """
    text = data.decode("utf-8", "replace")
    if more:
        text = text.rstrip("\N{REPLACEMENT CHARACTER}")  # a character cut in two
    shown = "".join(
        _ESCAPES.get(letter)
        or (letter if letter.isprintable() and unicodedata.category(letter)[0] != "M" else ".")
        for letter in text.replace("\N{REPLACEMENT CHARACTER}", ".")
    )
    return f'"{shown}{"..." if more else ""}"'


def shorten(text: str, most: int) -> str:
    """
    The text in at most so many columns, a quotation closed again.
    """
    if cells(text) <= most:
        return text
    ending = '..."' if text.endswith('"') else "..."
    while text and cells(text) + len(ending) > most:
        text = text[:-1]
    return text.rstrip("\\") + ending


def _bytes(first: int, length: int) -> str:
    return f"byte {first}" if length == 1 else f"bytes {first}-{first + length - 1}"


def label(sent: Sent) -> str:
    """
    What a packet is: C{SYN}, C{bytes 1-5 "hello"}, C{ACK 6}.
    """
    if sent.fragment is not None:
        # the first part begins with the header of UDP
        header = _UDP_HEADER if sent.protocol == "udp" and not sent.fragment else 0
        return f"part, {_bytes(sent.fragment, sent.length + header)}"
    payload = f" {snippet(sent.head, sent.length > HEAD)}" if sent.length else ""
    if sent.protocol == "tcp":
        parts = []
        if "S" in sent.flags:
            parts.append("SYN ACK" if "A" in sent.flags else "SYN")
        if "R" in sent.flags:
            parts.append("RST")
        if "F" in sent.flags:
            parts.append("FIN")
        if sent.length:
            parts.append(_bytes(sent.seq + ("S" in sent.flags), sent.length) + payload)
        elif not parts:
            parts.append(f"ACK {sent.ack}" if sent.ack is not None else "nothing")
        return " + ".join(parts)
    if sent.protocol == "udp" and _DNS_PORT in (sent.source, sent.destination):
        question = _dns(sent.head, sent.destination == _DNS_PORT)
        if question:
            return question
    if sent.protocol in _ICMP and len(sent.head) >= 2:
        kind, code = sent.head[:2]
        name = _ICMP_CODES.get((sent.protocol, kind, code)) or _ICMP[sent.protocol].get(kind)
        return f"ICMP {name or f'type {kind}'}"
    size = "1 byte" if sent.length == 1 else f"{sent.length} bytes"
    return f"{size}{payload}"


def _dns(head: bytes, isQuestion: bool) -> str:
    """
    What a message of the name system asks or answers (RFC 1035 4.1), as far as its beginning
    tells; empty if it is none.
    """
    if len(head) < 14 or head[5] != 1:
        return ""
    parts, at = [], 12
    while at < len(head) and head[at]:
        parts.append(head[at + 1 : at + 1 + head[at]])
        at += 1 + head[at]
    name = snippet(b".".join(parts), at >= len(head))[1:-1]
    name += _RECORDS.get(head[at + 1 : at + 3], "")
    if isQuestion:
        return f"DNS: {name}?"
    return f"DNS: {'no such name' if head[3] & 15 == _NXDOMAIN else f'{head[7]} found'}, {name}"


class Story:
    """
    What is said of each event of one flow, told in the log's order.

    @ivar notes: for each event told, what is said of it beyond its L{label}; that of a lost
        acknowledgement may be completed later.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._expected: dict[str, int] = {}
        self._highest: dict[str, int] = {}
        self._acks: dict[str, int] = {}
        # bounded, or a log could keep us busy for hours
        self._lostAcks: dict[str, deque[tuple[int, int]]] = {
            direction: deque(maxlen=_PENDING) for direction in DIRECTIONS
        }
        self._isAsking = False
        self._synAnswered = False
        self._isOpen = False

    def sent(self, sent: Sent) -> None:
        """
        A packet leaves.
        """
        notes = []
        isTCP = sent.protocol == "tcp"
        isNumbered = isTCP and takesNumbers(sent)
        if isNumbered and sent.attempt > 1:
            notes.append(f"sent again (no. {sent.attempt})")
            self._complete(_other(sent.direction), sent.seq + 1, None, "so it is sent again")
        if "S" in sent.flags and "A" not in sent.flags:
            self._isAsking = True
        if not sent.checksum:
            notes.append("leaves with a wrong checksum")
        notes += [LOSSES[fate] for fate in sent.fates if fate in LOSSES]
        if "undetectable" in sent.fates and "corrupted" not in sent.fates:
            notes.append(_UNDETECTABLE)
        if isTCP and not isNumbered and not LOSSES.keys().isdisjoint(sent.fates):
            self._lose(sent)
        self.notes.append("; ".join(notes))

    def arrived(self, sent: Sent, arrived: Arrived) -> None:
        """
        A copy of it arrives.
        """
        note = _EFFECTS[arrived.effect]
        if sent.protocol == "tcp" and sent.fragment is None:
            note = self._segment(sent, arrived, note)
        elif arrived.effect == "delivered":
            note = self._datagram(sent, note)
        elif sent.fragment is not None and arrived.effect == "held":
            note = "a part: waits for the rest"
        self.notes.append(note)

    def _segment(self, sent: Sent, arrived: Arrived, note: str) -> str:
        effect, direction = arrived.effect, sent.direction
        expected = self._expected.get(direction)
        if effect == "discarded" and not takesNumbers(sent):
            self._lose(sent)
        if effect in ("discarded", "late"):
            return note
        if sent.ack is not None:
            self._complete(direction, None, sent.ack, "no harm, another follows")
        if effect == "held" and expected is not None:
            return f"held back: byte {expected} is missing"
        if effect == "delivered":
            note = self._delivered(sent, arrived, note)
        elif effect == "acknowledgement" and sent.ack is not None:
            isNews = sent.ack > max(1, self._acks.get(direction, 0))
            self._acks[direction] = max(sent.ack, self._acks.get(direction, 0))
            note = f"{'has all before' if isNews else 'waits for'} byte {sent.ack}"
        if self._synAnswered and not self._isOpen and sent.ack and direction == "up":
            self._isOpen = True
            step = "hand-shake 3: connected"
            note = step if effect == "acknowledgement" else f"{step}; {note}"
        return note

    def _delivered(self, sent: Sent, arrived: Arrived, note: str) -> str:
        size = sent.length + len({"S", "F"} & {*sent.flags})
        if "R" in sent.flags:
            isRefusal = self._isAsking and not self._synAnswered
            return "refused: nobody listens there" if isRefusal else "broken off"
        self._expected[sent.direction] = sent.seq + size + arrived.released
        if "S" in sent.flags:
            if "A" not in sent.flags:
                return "hand-shake 1: may we talk?" + ("; data too" if sent.length else "")
            self._synAnswered = True
            return "hand-shake 2: yes, and may we?"
        notes = [note] if sent.length else []
        if arrived.released:
            notes = [f"fills the gap: +{arrived.released:,} released"]
        if "F" in sent.flags:
            notes.append("the end: no more from there")
        return "; ".join(notes)

    def _datagram(self, sent: Sent, note: str) -> str:
        highest = self._highest.get(sent.direction, 0)
        self._highest[sent.direction] = max(highest, sent.seq)
        if sent.fragment is not None:
            note = "the last part: delivered whole"
        return f"{note}, out of order" if sent.seq < highest else note

    def _lose(self, sent: Sent) -> None:
        """
        What is said next is of an acknowledgement that its receiver never has.
        """
        if sent.ack is not None:
            self._lostAcks[sent.direction].append((len(self.notes), sent.ack))

    def _complete(self, direction: str, above: int | None, upTo: int | None, words: str) -> None:
        """
        Say what came of lost acknowledgements whose number lies within.
        """
        pending = self._lostAcks[direction]
        for _ in range(len(pending)):
            place, ack = pending.popleft()
            if (above is None or ack >= above) and (upTo is None or ack <= upTo):
                self.notes[place] += f"; {words}"
            else:
                pending.append((place, ack))


def takesNumbers(sent: Sent) -> bool:
    """
    Whether it is more than an acknowledgement or a reset, so that it is repeated until it is
    acknowledged.
    """
    return bool(sent.length or "S" in sent.flags or "F" in sent.flags)


def _other(direction: str) -> str:
    return "down" if direction == "up" else "up"


def details(sent: Sent, arrivals: Sequence[Arrived]) -> list[str]:
    """
    All that the log says of a packet, line by line.
    """
    lines = [
        f"packet {sent.n} of flow {sent.flow}, {sent.direction}, "
        f"{protocolName(sent.protocol)} over IPv{sent.version}",
        label(sent),
        f"left at {sent.t:.6f} s"
        + ("" if sent.source is None else f", port {sent.source} to {sent.destination}"),
    ]
    if sent.protocol == "tcp":
        ack = "" if sent.ack is None else f", acknowledgement {sent.ack}"
        lines.append(
            f"flags {sent.flags or 'none'}, number {sent.seq}{ack}, attempt {sent.attempt}"
        )
    lines.append(
        f"{sent.length} bytes of payload" + (f": {sent.head.hex(' ')}" if sent.head else "")
    )
    fates = ", ".join(sent.fates) if sent.fates else "passed"
    lines.append(f"fate: {fates}" + ("" if sent.checksum else "; left with a wrong checksum"))
    for arrived in arrivals[:_COPIES]:
        lines.append(
            f"copy {arrived.copy} arrived at {arrived.t:.6f} s: {arrived.effect}"
            + (f", {arrived.released:,} held bytes released" if arrived.released else "")
        )
    if len(arrivals) > _COPIES:
        lines.append(f"{len(arrivals) - _COPIES:,} more copies arrived")
    return lines
