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


# From Linux's asm-generic/socket.h and filter.h: a program of one instruction, which returns how
# much of a packet may pass.
_SO_ATTACH_FILTER = 26
_NOTHING_PASSES = struct.pack("HBBI", 0x06, 0, 0, 0)


def takeNoMore(listening: socket.socket) -> None:
    """
    Let no new connection into a listening socket's queue, while those in it can be accepted: a
    socket closed with somebody in its queue resets them. Who knocks now is refused once it is
    closed. All copies of the socket are meant.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_NOTHING_PASSES, len(_NOTHING_PASSES))
        pointer = struct.pack("HP", 1, ctypes.addressof(program))
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)
