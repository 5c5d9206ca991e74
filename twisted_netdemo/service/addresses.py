"""
IP addresses as people read them, and as sockets and the kernel take them.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from typing import Any, TypeVar

#: A host's address as text, with C{%scope} where it is link-local, and a port. An IPv4 address is
#: always itself, also where one socket serves both families and the kernel maps it.
Address = tuple[str, int]

#: An address in the form of the socket module.
SocketAddress = tuple[str, int] | tuple[str, int, int, int]

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(dict[K, V]):
    """
    The results of a function for keys that recur, some thousands of them at most.

    No result that names an interface is kept: interfaces come, go, and change their names.
    """

    def __init__(self, function: Callable[[K], V], most: int = 4096) -> None:
        self._function = function
        self._most = most

    def __missing__(self, key: K) -> V:
        value = self._function(key)
        self.keep(key, value)
        return value

    def keep(self, key: K, value: V) -> None:
        """
        Keep a result that the caller knows.
        """
        if not _scoped(key) and not _scoped(value):
            if len(self) >= self._most:
                self.clear()
            self[key] = value


def _scoped(value: Any) -> bool:
    if isinstance(value, tuple) and value:
        value = value[0]  # where each kind of address has its host
    return isinstance(value, str) and "%" in value


def interface(text: str) -> str:
    """
    An IP address to listen on, as a user names it.

    @raise ValueError: it is none.
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
    return text


_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_TEXT = "::ffff:"


def plainHost(host: str) -> str:
    """
    An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) as the IPv4 address it stands for; any other
    host unchanged.
    """
    if host.startswith(_MAPPED_TEXT) and "." in host:
        return host[len(_MAPPED_TEXT) :]
    return host


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


def addressOf(name: Any) -> Address:
    """
    The readable form of an address in the form of the socket module.
    """
    host, port, _, scope = name if len(name) == 4 else (*name, 0, 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return hostText(socket.inet_pton(family, host.partition("%")[0]), scope), port


def socketHost(host: str, family: int) -> tuple[str, int]:
    """
    An address as text as the socket module takes it, and the index of its scope's interface.

    @raise OSError: as L{packedHost}.
    """
    packed, scope = packedHost(host, family)
    return socket.inet_ntop(family, packed), scope


def socketAddress(host: tuple[str, int], port: int, family: int) -> SocketAddress:
    """
    The result of L{socketHost} and a port, in the form that a socket of this family takes.
    """
    text, scope = host
    return (text, port, 0, scope) if family == socket.AF_INET6 else (text, port)


def isGroup(host: str) -> bool:
    """
    Whether an address is multicast (RFC 4291 2.7, RFC 5771), or the broadcast to all (RFC 919 7).
    """
    if ":" in host:
        return host.startswith("ff")
    return host.startswith("2") and int(host.partition(".")[0]) >= 224


def isBroadcast(host: str) -> bool:
    """
    Whether an address stands for all hosts of a network that this host is on (RFC 919).
    """
    if ":" in host:
        return False  # IPv6 has none
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))  # which sends nothing
    except OSError as error:
        return error.errno == errno.EACCES  # for the want of SO_BROADCAST
    return False


def reachesMany(isBroadcast: Callable[[str], bool] = isBroadcast) -> BoundedCache[str | None, bool]:
    """
    Whether a datagram that was sent to an address was sent to more hosts than this one, each of
    which would answer; C{None} is where the system does not tell.
    """
    # Few addresses are written to.
    return BoundedCache(lambda host: host is not None and (isGroup(host) or isBroadcast(host)), 64)
