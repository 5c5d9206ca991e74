"""
What is said about a port: that it is open, that it cannot be, that another service is known by it.

Pure of Twisted; TCP and UDP services share the words.
"""

from __future__ import annotations

import errno
import socket
from contextlib import closing

RUNNING = "Server is running on port {port}; press Ctrl-C to terminate."
KNOWN = "Note: port {port} is registered to the service '{known}'."


def bindFailure(port: int, host: str, error: OSError) -> str:
    """
    One line that says which port, why not, and what to do.

    @param host: the address that was asked for, empty for all.
    """
    code = error.errno
    if code == errno.EADDRINUSE:
        return f"Port {port} is in use by another program: stop that one, or choose another port."
    if code in (errno.EACCES, errno.EPERM):
        return (
            f"Port {port} is not open to this user: start as root with --uid, or choose a port "
            "above 1023."
        )
    if code == errno.EADDRNOTAVAIL:
        return f"Port {port}: no interface here has the address {host}."
    return f"Port {port} cannot be opened: {error.strerror or error}."


def knownService(port: int, protocol: str) -> str | None:
    """
    The name of the service that the port is registered to in C{/etc/services}, where that exists.

    @param protocol: C{tcp} or C{udp}.
    """
    try:
        return socket.getservbyport(port, protocol)
    except OSError:
        return None


def hasIPv6() -> bool:
    """
    Whether a socket can be bound to every IPv6 address here.
    """
    try:
        with closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
