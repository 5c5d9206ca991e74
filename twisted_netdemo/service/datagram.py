"""
A datagram, and what the kernel tells of it beside its payload: control messages and addresses.

What is Linux's own in this is in C{_LINUX} alone. Elsewhere what the system has under the same
names is used (RFC 3542 for IPv6), and what it cannot tell is C{None}.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

#: A host's address as text, with C{%scope} where it is link-local, and a port. An IPv4 address is
#: always itself, also where one socket serves both families and the kernel maps it.
Address = tuple[str, int]

#: One control message: its level, its type, its data.
Control = tuple[int, int, bytes]


class Datagram(NamedTuple):
    """
    A datagram that has arrived.

    @ivar data: the whole payload, 0 to 65,507 bytes over IPv4, to 65,527 over IPv6.
    @ivar source: who sent it, and where an answer goes.
    @ivar destination: the address it was sent to, which an answer should leave from; C{None} where
        the system does not tell.
    @ivar ttl: Time To Live (Hop Limit) as received, 0 to 255, or C{None}.
    @ivar trafficClass: the octet with DSCP and ECN as received (RFC 2474, RFC 3168), or C{None}.
    @ivar received: when the kernel received it, in nanoseconds since 1970 (of the clock that
        C{time.time_ns} reads), or C{None}.
    """

    data: bytes
    source: Address
    destination: str | None = None
    ttl: int | None = None
    trafficClass: int | None = None
    received: int | None = None


#: A datagram that is to be sent: its payload, to whom, and the address of this host that it shall
#: leave from, or C{None} for the system's choice.
Outgoing = tuple[bytes, Address, str | None]

#: The destination, ttl, trafficClass and received of a L{Datagram}.
Told = tuple[str | None, int | None, int | None, int | None]

# linux/in.h and asm-generic/socket.h; Python 3.11 to 3.13 do not name these.
_LINUX = (
    {"IP_PKTINFO": 8, "IP_RECVTTL": 12, "SO_TIMESTAMPNS": 35, "SO_MEMINFO": 55}
    if sys.platform == "linux"
    else {}
)


def _number(name: str) -> int | None:
    """
    A constant of the socket module, or of Linux, or C{None}.
    """
    number: int | None = getattr(socket, name, _LINUX.get(name))
    return number


_IP = socket.IPPROTO_IP
_IPV6 = socket.IPPROTO_IPV6
_IP_PKTINFO = _number("IP_PKTINFO")
_IPV6_PKTINFO = _number("IPV6_PKTINFO")
SO_TIMESTAMPNS = _number("SO_TIMESTAMPNS")
_SO_MEMINFO = _number("SO_MEMINFO")
_TTLS = {(_IP, _number("IP_TTL")), (_IPV6, _number("IPV6_HOPLIMIT"))}
_CLASSES = {(_IP, _number("IP_TOS")), (_IPV6, _number("IPV6_TCLASS"))}
_TIMESPEC = struct.Struct("@ll")
_PKTINFO4 = struct.Struct("@i4s4s")  # interface, address to send from, destination in the header
_PKTINFO6 = struct.Struct("@16sI")  # address, interface

# On a socket for both families the IPv4 options speak of its IPv4 datagrams; the destination
# comes mapped by IPV6_RECVPKTINFO.
_ASK = {
    socket.AF_INET: ((_IP, "IP_PKTINFO"), (_IP, "IP_RECVTTL"), (_IP, "IP_RECVTOS")),
    socket.AF_INET6: (
        (_IPV6, "IPV6_RECVPKTINFO"),
        (_IPV6, "IPV6_RECVHOPLIMIT"),
        (_IPV6, "IPV6_RECVTCLASS"),
        (_IP, "IP_RECVTTL"),
        (_IP, "IP_RECVTOS"),
    ),
}


def ask(udp: socket.socket) -> None:
    """
    Have the kernel tell all that it can of each datagram that a socket receives.
    """
    for level, name in (*_ASK[udp.family], (socket.SOL_SOCKET, "SO_TIMESTAMPNS")):
        number = _number(name)
        if number is not None:
            with suppress(OSError):
                udp.setsockopt(level, number, 1)


def understand(controls: Iterable[Control]) -> Told:
    """
    What control messages say.
    """
    destination = ttl = trafficClass = received = None
    for level, kind, data in controls:
        if (level, kind) == (_IPV6, _IPV6_PKTINFO):
            address, interface = _PKTINFO6.unpack_from(data)
            destination = hostText(address, interface)
        elif (level, kind) == (_IP, _IP_PKTINFO):
            destination = hostText(_PKTINFO4.unpack_from(data)[2])
        elif (level, kind) in _TTLS:
            ttl = int.from_bytes(data[:4], sys.byteorder)
        elif (level, kind) in _CLASSES:
            # one octet for IPv4, an int for IPv6
            trafficClass = int.from_bytes(data[:4], sys.byteorder)
        elif (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            received = seconds * 1_000_000_000 + nanoseconds
    return destination, ttl, trafficClass, received


def drops(udp: socket.socket) -> int | None:
    """
    How many datagrams the kernel has thrown away because a socket's queue was full; C{None} where
    it does not tell.
    """
    if _SO_MEMINFO is None:
        return None
    # linux/sock_diag.h: nine unsigned ints, SK_MEMINFO_DROPS the last
    said = udp.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    return struct.unpack_from("@I", said, 32)[0] if len(said) == 36 else None


def sendFrom(source: str | None, family: int) -> tuple[Control, ...]:
    """
    The control messages that make a datagram leave from an address of this host.

    @raise OSError: the address names an interface that is no more.
    """
    if source is None:
        return ()
    packed, interface = packedHost(source, family)
    if family == socket.AF_INET6 and _IPV6_PKTINFO is not None:
        return ((_IPV6, _IPV6_PKTINFO, _PKTINFO6.pack(packed, interface)),)
    if family == socket.AF_INET and _IP_PKTINFO is not None:
        return ((_IP, _IP_PKTINFO, _PKTINFO4.pack(0, packed, bytes(4))),)
    return ()


_MAPPED = bytes(10) + b"\xff\xff"


def hostText(packed: bytes, interface: int = 0) -> str:
    """
    An address as text: IPv4 plain also where it is mapped, C{%scope} where it is link-local.

    @param packed: 4 or 16 bytes.
    @param interface: the index of the interface that it came by.
    """
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    text = socket.inet_ntop(socket.AF_INET6, packed)
    # only unicast and multicast of link scope are ambiguous without it (RFC 4007 6, 11)
    if interface and (
        (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80) or packed[:2] == b"\xff\x02"
    ):
        try:
            return f"{text}%{socket.if_indextoname(interface)}"
        except OSError:
            return f"{text}%{interface}"
    return text


def packedHost(host: str, family: int) -> tuple[bytes, int]:
    """
    The inverse of L{hostText}: an address as a socket of this family takes it, and the index of
    its scope's interface, 0 for none.

    @raise OSError: it is no IP address, or the interface is no more.
    """
    if family == socket.AF_INET:
        return socket.inet_pton(socket.AF_INET, host), 0
    if ":" not in host:
        return _MAPPED + socket.inet_pton(socket.AF_INET, host), 0
    text, _, scope = host.partition("%")
    packed = socket.inet_pton(socket.AF_INET6, text)
    if not scope:
        return packed, 0
    return packed, int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)


@lru_cache(4096)
def addressOf(host: str, port: int, scope: int = 0) -> Address:
    """
    An address as the socket module tells it (less its flow), as people read it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return hostText(socket.inet_pton(family, host.partition("%")[0]), scope), port


@lru_cache(4096)
def socketAddress(address: Address, family: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """
    The inverse of L{addressOf}: an address as a socket of this family takes it.

    @raise OSError: as L{packedHost}.
    """
    host, port = address
    packed, scope = packedHost(host, family)
    text = socket.inet_ntop(family, packed)
    return (text, port, 0, scope) if family == socket.AF_INET6 else (text, port)
