"""
Where a relay listens and where it relays to, as written on the command line.
"""

from __future__ import annotations

import re
import socket
from typing import Literal, NamedTuple, cast

from twisted_netdemo.service.addresses import SocketAddress
from twisted_netdemo.service.addresses import interface as parseInterface
from twisted_netdemo.service.cli import quantities


class Listen(NamedTuple):
    """
    C{udp:9000}, or C{tcp:9000:interface=::}.
    """

    protocol: Literal["udp", "tcp"]
    port: int
    interface: str


def listen(text: str) -> Listen:
    """
    Where to listen: the loopback address unless another is named.
    """
    # endpoints have their colons escaped
    match = re.fullmatch(r"(udp|tcp):([^:]*)(?::interface=(.+))?", text.replace("\\:", ":"))
    if match is None:
        raise ValueError(f"{text!r} is not udp:PORT or tcp:PORT, with :interface=ADDR or without")
    protocol, port, interface = match.groups()
    try:
        number = quantities.port(port)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    try:
        address = parseInterface(interface.strip("[]")) if interface else "127.0.0.1"
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    return Listen(cast(Literal["udp", "tcp"], protocol), number, address)


class Target(NamedTuple):
    """
    The relay's target.

    @ivar address: as L{socket.socket.connect} takes it, in numbers.
    """

    address: SocketAddress

    @property
    def host(self) -> str:
        """
        Its IP address, with C{%scope} where it has one.
        """
        flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return socket.getnameinfo(self.address, flags)[0]

    @property
    def port(self) -> int:
        return self.address[1]


def target(text: str) -> Target:
    """
    C{HOST:PORT}, C{[v6]:PORT}: the first address that the system has for it.
    """
    match = re.fullmatch(r"(?:\[([^][]*)\]|([^:]*)):([^:]*)", text)
    if match is None:
        raise ValueError(f"{text!r} is not HOST:PORT or [IPv6 address]:PORT")
    host = match[1] or match[2]
    try:
        number = quantities.port(match[3], 1)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    if not host:
        raise ValueError(f"{text!r} names no host before the port")
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # the codec for names of other scripts raises UnicodeError for a label that is too long
        why = error.strerror if isinstance(error, OSError) else "not a name"
        raise ValueError(f"{text!r}: {host!r} cannot be resolved ({why})") from None
    # the third kind of address, which is typed, comes from a Python without IPv6
    return Target(cast(SocketAddress, found[0][4]))
