"""
What only some systems have, guarded in one place.
"""

from __future__ import annotations

import ctypes
import socket
import struct
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


# From Linux's asm-generic/socket.h and filter.h: instructions of a packet filter. A socket's sees
# the packet from its TCP header on, with the flags in byte 13 (RFC 9293, section 3.1).
_SO_ATTACH_FILTER = 26
_NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte
    (0x54, 0, 0, 0x12),  # of it SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone, or skip one
    (0x06, 0, 0, 0),  # nothing of it passes
    (0x06, 0, 0, 0xFFFFFFFF),  # all of it passes
)


def refuseNew(listening: socket.socket) -> bool:
    """
    Have a listening TCP socket take no new knock (SYN), while those whose handshake is under way
    come into its queue and those in it can be accepted: a socket that is closed resets them. Who
    knocks now does so again after a second, and is refused if the socket is closed by then. All
    copies of the socket are meant.

    @return: whether it does; only Linux can.
    """
    if sys.platform != "linux":
        return False
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _NO_SYN)
    held = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HP", len(_NO_SYN), ctypes.addressof(held))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)
    except OSError:  # a sandbox's kernel may not
        return False
    return True
