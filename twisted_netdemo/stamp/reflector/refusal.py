"""
The datagrams that a reflector must not answer.

UDP lets anyone send in another's name, and a reply is answered by the next reflector as if it were
a request: two reflectors would never stop (CVE-2024-2169). So a packet from a port whose owner
answers everything is not answered, nor one that has the shape of a reply; nor is text, which other
servers answer with (no test packet has 44 octets of it). Pure.
"""

from __future__ import annotations

from struct import Struct
from typing import Literal

from twisted_netdemo.service.udp.answering_ports import NEVER_ANSWERED
from twisted_netdemo.stamp.packets.base_packet import AUTHENTICATED, LEAST_REQUEST, OPEN

Refusal = Literal[
    "port",
    "group",
    "short",
    "text",
    "multiplier",
    "reply",
    "authentication",
    "source-rate",
    "total-rate",
]

#: How far apart, in seconds, the two times of a reply may be. In a request the second is zero.
_APART = 3600

# The seconds of the timestamp, the Multiplier of the Error Estimate, and what would be the Receive
# Timestamp.
_OPEN = Struct("!4xI5xB2xQ")
_AUTHENTICATED = Struct("!16xI5xB6xQ")
_MULTIPLIER = 13

_TEXT = bytes((*range(9, 14), *range(32, 127)))


def refusal(
    data: bytes, port: int, ownPort: int, isToMany: bool, authenticated: bool, light: bool
) -> Refusal | None:
    """
    Why a datagram must not be answered, if so: it is from a C{port} whose owner would answer, was
    sent to a C{group}, is too C{short}, is C{text}, has an Error Estimate of nothing (a
    C{multiplier} of 0, RFC 4656 4.1.2), or is a C{reply} itself.

    @param port: that it came from.
    @param isToMany: whether it was sent to more hosts than this one.
    @param authenticated: whether only authenticated packets are answered.
    @param light: whether the short requests of TWAMP-Light are answered too.
    """
    if port in NEVER_ANSWERED or port == ownPort:
        return "port"
    if isToMany:
        return "group"
    length = len(data)
    if length < (AUTHENTICATED if authenticated else LEAST_REQUEST if light else OPEN):
        return "short"
    if data[0] >= 32 and not data[:OPEN].translate(None, _TEXT):
        return "text"
    if length < _OPEN.size:
        return None if data[_MULTIPLIER] else "multiplier"
    seconds, multiplier, later = (_AUTHENTICATED if authenticated else _OPEN).unpack_from(data)
    if not multiplier:
        return "multiplier"
    if later and ((later >> 32) - seconds + _APART & 0xFFFFFFFF) <= 2 * _APART:
        return "reply"
    return None
