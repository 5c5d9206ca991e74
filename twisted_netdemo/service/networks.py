"""
IP networks, as options and limits take them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Hashable

from twisted_netdemo.service.addresses import plainHost

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)


def clientOf(host: str) -> Hashable:
    """
    The client that an address belongs to: an IPv4 address (a mapped one too) is a client, and so is
    the /64 of an IPv6 address, which one household or machine is given (RFC 6177 2, RFC 4291
    2.5.4).

    @param host: an IP address as text, with C{%scope} where it has one.
    """
    if ":" not in host:
        return host
    host = plainHost(host)
    if ":" not in host:
        return host
    address, _, scope = host.partition("%")
    return socket.inet_pton(socket.AF_INET6, address)[:8], scope
