"""
A UDP socket as STAMP wants it: what it sends has a TTL of 255, so that the other end can tell how
many routers there are between (RFC 8762 4.2.1, RFC 5357 4.1.2).
"""

from __future__ import annotations

import socket
from contextlib import suppress

from twisted_netdemo.service.binding import bindUDP

_TTL = 255


def prepared(udp: socket.socket, dscp: int = 0) -> socket.socket:
    """
    The same socket, with that TTL or Hop Limit.

    @param dscp: the Differentiated Services Code Point of what it sends, 0 to 63.
    """
    options = [
        (socket.IPPROTO_IP, socket.IP_TTL, _TTL),
        (socket.IPPROTO_IP, socket.IP_TOS, dscp << 2),
    ]
    if udp.family == socket.AF_INET6:
        options += [
            (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _TTL),
            (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2),
        ]
    for option in options:
        # not every system takes those of IPv4 on a socket for both families
        with suppress(OSError):
            udp.setsockopt(*option)
    return udp


def bindSTAMP(port: int, interface: str | None, dscp: int = 0) -> socket.socket:
    """
    As L{bindUDP}.
    """
    return prepared(bindUDP(port, interface), dscp)
