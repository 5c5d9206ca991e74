"""
Binding a port, and the words for it: that it is open, why it cannot be, and the service that it is
registered to.

Pure of Twisted; TCP and UDP services share the words.
"""

from __future__ import annotations

import errno
import socket
from contextlib import closing

from twisted_netdemo.service.addresses import socketAddress, socketHost

RUNNING = "Server is running on port {port}; press Ctrl-C to terminate."
#: The backlog that a client's burst deserves (the kernel cuts it at net.core.somaxconn).
BACKLOG = 1024

KNOWN = "Note: port {port} is registered to the service '{known}'."

# Room for a burst of some thousand small datagrams, or a few of the largest (the kernel counts
# about twice their size). The system's own limit, net.core.rmem_max, cuts it down in silence.
_RECEIVE_BUFFER = 1 << 20


def bindFailure(port: int, host: str, error: OSError) -> str:
    """
    One line that names the port, the reason, and the remedy.

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


def registeredService(port: int, protocol: str) -> str | None:
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


def bindUDP(port: int, interface: str | None, shared: bool = False) -> socket.socket:
    """
    A bound UDP socket that does not block.

    @param port: 0 for any that is free.
    @param interface: an IP address of this host, with C{%scope} where it is link-local; C{::} is
        every address of both families, C{None} the same, or C{0.0.0.0} where there is no IPv6.
    @param shared: whether others, bound in this way too, may have the same port; the kernel deals
        out what comes (SO_REUSEPORT).
    @raise OSError: it cannot be opened.
    """
    if interface is None:
        interface = "::" if hasIPv6() else "0.0.0.0"
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    address = socketAddress(socketHost(interface, family), port, family)
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if shared:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        udp.bind(address)
    except BaseException:
        udp.close()
        raise
    return udp
