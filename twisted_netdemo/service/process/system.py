"""
System calls that only some systems have.
"""

from __future__ import annotations

import socket
import sys

from twisted.logger import Logger

_log = Logger()


def raiseFileLimit() -> None:
    """
    Let the process open as many files as it may: its soft limit becomes the hard one.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS has an infinite hard limit that it does not grant
        _log.info("The limit of open files stays at {soft}.", soft=soft)


# From Linux's in.h and in6.h; the socket module lacks the second before Python 3.14 (RFC 5082).
_IP_MINTTL = 21
_IPV6_MINHOPCOUNT = 73
_HIGHEST = 255


def refuseNew(listening: socket.socket) -> bool:
    """
    Have a listening TCP socket take no new SYN, while handshakes that are under way still end in
    its queue, from which they can be accepted: closing the socket resets all of them. A client
    whose SYN is dropped sends another after a second, and is refused if the socket is closed by
    then. This holds for all copies of the socket, and for its life.

    The socket is told that packets need a TTL of 255 at least. Linux looks at that when a packet is
    for the listening socket itself, not when it completes a handshake. No right is needed, which a
    packet filter on a TCP socket is. The SYN of a neighbour that sends with a TTL of 255 passes.

    A connection that is made afterwards inherits this: give it to L{hearAll}.

    @return: whether it does; only Linux can.
    """
    return sys.platform == "linux" and _needTTL(listening, _HIGHEST)


def hearAll(connection: socket.socket) -> None:
    """
    Have a connection from a socket that refuses new ones take packets of any TTL.
    """
    _needTTL(connection, 0)


def _needTTL(one: socket.socket, least: int) -> bool:
    try:
        if one.family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least)
        # An IPv6 socket may have IPv4 too.
        one.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least)
    except OSError:  # a sandbox's kernel may not
        return False
    return True
