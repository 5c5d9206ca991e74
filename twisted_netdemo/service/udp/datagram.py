"""
A datagram and its ancillary data: the control messages in which the kernel describes it.

Linux's own constants are in C{_LINUX} alone. Other systems' constants of the same names are used
(RFC 3542 for IPv6); values that the system cannot give are C{None}.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from twisted_netdemo.service.addresses import Address, hostText, packedHost

#: One control message: its level, its type, its data.
Control = tuple[int, int, bytes]


class Datagram(NamedTuple):
    """
    A datagram that has arrived.

    @ivar data: the whole payload, 0 to 65,507 bytes over IPv4, to 65,527 over IPv6.
    @ivar source: the address that sent it, and that an answer goes to.
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


#: The destination, ttl and trafficClass of a L{Datagram}, which many datagrams have in common.
Ancillary = tuple[str | None, int | None, int | None]

#: A datagram that has arrived, before a L{Datagram} is made of it: its data, its source, these
#: three, and when the kernel received it.
Received = tuple[bytes, Address, Ancillary, int | None]


class Departure(NamedTuple):
    """
    How a datagram leaves, where more is asked for than an address.

    @ivar host: the address of this host that it shall leave from, C{None} for the system's choice.
    @ivar trafficClass: the octet with its DSCP and ECN.
    """

    host: str | None
    trafficClass: int


#: The address of this host that a datagram shall leave from, C{None} for the system's choice.
Origin = str | Departure | None

#: A datagram that is to be sent: its payload, to whom, and from where.
Outgoing = tuple[bytes, Address, Origin]


class Stamp(NamedTuple):
    """
    Octets that are written into each datagram as late as can be before it is sent: a time.

    @ivar at: where in the payload.
    @ivar octets: makes them, always as many.
    @ivar together: how many datagrams leave in one call of the system, and have the same.
    """

    at: int
    octets: Callable[[], bytes]
    together: int

    def on(self, data: bytes) -> bytes:
        """
        The payload with the octets in it.
        """
        at, make, _ = self
        octets = make()
        return data[:at] + octets + data[at + len(octets) :]


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
_CLASSES = ((_IP, _number("IP_TOS")), (_IPV6, _number("IPV6_TCLASS")))
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


def enable(udp: socket.socket, details: bool = True) -> bool:
    """
    Have the kernel give ancillary data for each datagram that a socket receives.

    @param details: whether more than the destination.
    @return: whether that includes the destination, so that answers can leave from it.
    """
    enabled = []
    wanted = (*_ASK[udp.family], (socket.SOL_SOCKET, "SO_TIMESTAMPNS"))
    for level, name in wanted if details else wanted[:1]:
        number = _number(name)
        if number is not None:
            with suppress(OSError):
                udp.setsockopt(level, number, 1)
                enabled.append(name)
    return hasattr(udp, "recvmsg") and _ASK[udp.family][0][1] in enabled


def parse(controls: Iterable[Control]) -> tuple[Ancillary, int | None]:
    """
    The values in control messages: those that datagrams have in common, and the time of receipt.
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
    return (destination, ttl, trafficClass), received


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


def sendFrom(source: Origin, family: int) -> tuple[Control, ...]:
    """
    The control messages that make a datagram leave from an address of this host, and with a traffic
    class.

    @raise OSError: the address names an interface that is no more.
    """
    if source is None:
        return ()
    if isinstance(source, Departure):
        # On a socket for both families each kind of datagram heeds the message of its own.
        octets = struct.pack("@i", source.trafficClass)
        kinds = (
            _CLASSES if family == socket.AF_INET6 else [each for each in _CLASSES if each[0] == _IP]
        )
        classes = [(level, kind, octets) for level, kind in kinds if kind is not None]
        return (*sendFrom(source.host, family), *classes)
    packed, interface = packedHost(source, family)
    if family == socket.AF_INET6 and _IPV6_PKTINFO is not None:
        return ((_IPV6, _IPV6_PKTINFO, _PKTINFO6.pack(packed, interface)),)
    if family == socket.AF_INET and _IP_PKTINFO is not None:
        return ((_IP, _IP_PKTINFO, _PKTINFO4.pack(0, packed, bytes(4))),)
    return ()
