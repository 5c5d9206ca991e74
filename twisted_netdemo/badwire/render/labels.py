"""
Labels of packets in plain words, and the details that a log has of them.

Pure. No label holds characters that could steer a terminal: payload is shown by L{snippet} only.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_netdemo.badwire.model import dns_question
from twisted_netdemo.badwire.model.events import CUT, HEAD, HEALED, Arrived, Changed, Sent, Taken
from twisted_netdemo.badwire.render.payload_text import snippet
from twisted_netdemo.faults.kinds import FAULTS

#: The fates with which nothing arrives.
LOSSES = {
    **{fault.word: fault.note for fault in FAULTS if fault.stops},
    "queue": "lost: the queue is full",
    "blackout": "lost: the line is dead",
    "chosen": "lost: chosen by hand",
}
_NAMES = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "icmp6": "ICMPv6", "136": "UDP-Lite"}
#: Protocols whose checksum may be absent or cover a part only.
UDP_LIKE = ("udp", "136")
_UNREACHABLE = "nobody listens"
# Types and codes of RFC 792 and RFC 4443.
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
#: The number of copies that have a line among the details of a packet. The wire makes two.
_COPIES = 10
_UDP_HEADER = 8
_NXDOMAIN = 3


def protocolName(protocol: str) -> str:
    """
    The usual spelling of a protocol's name.
    """
    return _NAMES.get(protocol, f"protocol {protocol}")


def clock(seconds: float) -> str:
    """
    A time in seven characters at most, with milliseconds if there is room.
    """
    for decimals in (3, 1, 0):
        shown = f"{seconds:.{decimals}f}"
        if len(shown) <= 7:
            return shown
    return f"{seconds:.1e}"


def _bytes(first: int, length: int) -> str:
    return f"byte {first}" if length == 1 else f"bytes {first}-{first + length - 1}"


def label(sent: Sent) -> str:
    """
    The label of a packet: C{SYN}, C{bytes 1-5 "hello"}, C{ACK 6}.
    """
    if sent.fragment is not None:
        # The first fragment begins with the UDP header.
        header = _UDP_HEADER if sent.protocol in UDP_LIKE and not sent.fragment else 0
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
    if sent.protocol == "udp" and dns_question.PORT in (sent.source, sent.destination):
        asked = _dns(sent)
        if asked:
            return asked
    if name := icmpName(sent):
        return f"ICMP {name}"
    size = "1 byte" if sent.length == 1 else f"{sent.length} bytes"
    return f"{size}{payload}"


def icmpName(sent: Sent) -> str:
    """
    What an ICMP packet says; empty where it is none.
    """
    if sent.protocol not in _ICMP or len(sent.head) < 2:
        return ""
    kind, code = sent.head[0], sent.head[1]
    name = _ICMP_CODES.get((sent.protocol, kind, code)) or _ICMP[sent.protocol].get(kind)
    return name or f"type {kind}"


def _dns(sent: Sent) -> str:
    """
    The label of a DNS message, as far as the log tells; empty if the packet is none.
    """
    head = sent.head
    if not dns_question.isOne(head):
        return ""
    parts, after = dns_question.name(head)
    name = " ".join(filter(None, (sent.asks, snippet(b".".join(parts), after > len(head))[1:-1])))
    if sent.destination == dns_question.PORT:
        return f"DNS: {name}?"
    return f"DNS: {'no such name' if head[3] & 15 == _NXDOMAIN else f'{head[7]} found'}, {name}"


def changeLabel(changed: Changed) -> str:
    """
    A change of the wire in words: C{from here on, up: loss 10%, delay 20ms}.
    """
    if changed.figures in (CUT, HEALED):
        one = "" if changed.direction == "both" else f", {changed.direction}"
        return f"the line is {'cut' if changed.figures == CUT else 'whole again'}{one}"
    where = "both ways" if changed.direction == "both" else changed.direction
    figures = ", ".join(f"{name} {text}" for name, text in changed.figures.items())
    return f"from here on, {where}: {figures}"


def details(sent: Sent, arrivals: Sequence[Arrived], taken: Taken | None = None) -> list[str]:
    """
    All that the log says about a packet, line by line.
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
        window = "" if sent.window is None else f", window {sent.window:,}"
        lines.append(
            f"flags {sent.flags or 'none'}, number {sent.seq}{ack}{window}, attempt {sent.attempt}"
        )
    lines.append(
        f"{sent.length} bytes of payload" + (f": {sent.head.hex(' ')}" if sent.head else "")
    )
    fates = ", ".join(sent.fates) if sent.fates else "passed"
    lines.append(f"fate: {fates}" + ("" if sent.checksum else "; left with a wrong checksum"))
    if taken is not None:
        lines.append(f"lost by hand at {taken.t:.6f} s, on its way")
    for arrived in arrivals[:_COPIES]:
        lines.append(
            f"copy {arrived.copy} arrived at {arrived.t:.6f} s; by rule: {arrived.effect}"
            + (f", {arrived.released:,} held bytes released" if arrived.released else "")
        )
    if len(arrivals) > _COPIES:
        lines.append(f"{len(arrivals) - _COPIES:,} more copies arrived")
    return lines
