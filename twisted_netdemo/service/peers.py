"""
The addresses of TCP's ends: from the socket module's to Twisted's.
"""

from __future__ import annotations

import socket

from twisted.internet.address import IPv4Address, IPv6Address

from twisted_netdemo.service.addresses import SocketAddress

_IPv4 = int(socket.AF_INET)


def twistedAddress(address: SocketAddress, family: int) -> IPv4Address | IPv6Address:
    """
    A socket's address as Twisted has it.
    """
    if family == _IPv4:
        return IPv4Address("TCP", *address)
    return IPv6Address("TCP", *address)


def withScopeName(address: SocketAddress) -> SocketAddress:
    """
    The same address; a link-local one has its scope by name.
    """
    if len(address) == 4 and address[3]:
        host, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        return (host, *address[1:])
    return address
