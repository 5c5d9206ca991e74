"""
The datagrams that a reflector must not answer for what they hold.

UDP lets anyone send in another's name, and a reply is answered by the next reflector as if it were
a request: two reflectors would never stop (CVE-2024-2169). So a packet that has the shape of a
reply is not answered; nor is text, which other servers answer with (no test packet has 44 octets of
it). L{twisted_netdemo.service.udp.admission} has the rules for all servers. Pure.
"""

from __future__ import annotations

from struct import Struct
from typing import Literal

from twisted_netdemo.stamp.packets.base_packet import AUTHENTICATED, LEAST_REQUEST, MBZ, OPEN

Refusal = Literal["short", "text", "multiplier", "reply", "authentication"]

#: How far apart, in seconds, the two times of a reply may be. In a request the second is zero.
_APART = 3600

# The seconds of the timestamp, the Multiplier of the Error Estimate, and what would be the Receive
# Timestamp.
_OPEN = Struct("!4xI5xB2xQ")
_AUTHENTICATED = Struct("!16xI5xB6xQ")
_MULTIPLIER = 13

_TEXT = bytes((*range(9, 14), *range(32, 127)))


def refusal(data: bytes, authenticated: bool = False, light: bool = False) -> Refusal | None:
    """
    Why a datagram must not be answered, if so: it is too C{short}, is C{text}, has an Error
    Estimate of nothing (a C{multiplier} of 0, RFC 4656 4.1.2), or is a C{reply} itself.

    @param authenticated: whether only authenticated packets are answered.
    @param light: whether the short requests of TWAMP-Light are answered too.
    """
    length = len(data)
    if length == OPEN and not authenticated and data.endswith(MBZ):
        return None if data[_MULTIPLIER] else "multiplier"
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
