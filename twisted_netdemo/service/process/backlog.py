"""
Lines on their way to a file that does not always take them at once: a pipe whose reader is slow, a
disk that is full.

They wait, up to a bound; beyond it whole lines are left out and counted. Nothing here waits itself.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from functools import partial

#: Writes as much to a file as it takes at once, and returns the number of bytes.
#: Raises L{BlockingIOError} where it takes none, and any other L{OSError} as C{write(2)} does.
Write = Callable[[bytes], int]

# As much as is written in one go.
_PIECE = 1 << 16

# Windows has its own names, and its files know no such thing as O_NONBLOCK.
_FLAGS = 0
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY", "O_NOINHERIT"):
    _FLAGS |= getattr(os, _name, 0)


class Backlog:
    """
    @ivar missing: how many lines have been left out.
    """

    def __init__(self, write: Write, limit: int) -> None:
        """
        @param limit: how many bytes may wait.
        """
        self.missing = 0
        self.write = write
        self._limit = limit
        self._waiting = bytearray()

    def __len__(self) -> int:
        """
        How many bytes wait.
        """
        return len(self._waiting)

    @property
    def lines(self) -> int:
        """
        How many lines wait; one that was written in part is one of them.
        """
        return self._waiting.count(b"\n")

    def add(self, lines: bytes) -> bool:
        """
        Have whole lines wait, or leave all of them out.

        @return: whether there was room.
        """
        if len(self._waiting) + len(lines) > self._limit:
            self.leaveOut(lines)
            return False
        self._waiting += lines
        return True

    def leaveOut(self, lines: bytes) -> None:
        """
        Count lines that shall not be written.
        """
        self.missing += lines.count(b"\n")

    def pour(self) -> OSError | None:
        """
        Write as much of the waiting lines as the file takes now.

        @return: why not all of it.
        """
        waiting = self._waiting
        try:
            while waiting:
                del waiting[: self.write(bytes(waiting[:_PIECE]))]
        except OSError as error:
            return error
        return None


def openNonBlocking(path: str, flags: int, mode: int = 0o666) -> int:
    """
    Open a file so that writing to it never waits, and no program that is started gets it.

    @param flags: C{os.O_WRONLY}, C{os.O_CREAT}, ...
    @return: its descriptor.
    @raise OSError: it cannot be opened.
    """
    return os.open(path, flags | _FLAGS, mode)


def _nothing() -> None:
    pass


def writing(number: int) -> tuple[Write, Callable[[], object]]:
    """
    How to write, without ever waiting, to a file that this process was given. Other programs have
    the same one, a shell its terminal, so that it must not be made non-blocking itself.

    @param number: its descriptor.
    @return: the way to write, and what closes anything that was opened for it.
    @raise OSError: there is none of this number.
    """
    mode = os.fstat(number).st_mode
    if sys.platform == "win32" or stat.S_ISREG(mode):
        return partial(os.write, number), _nothing
    if stat.S_ISSOCK(mode):
        connection = socket.socket(fileno=os.dup(number))
        return partial(_send, connection), connection.close
    if sys.platform == "linux":  # elsewhere this would be the very same open file
        try:
            opened = openNonBlocking(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_APPEND)
        except OSError:  # another user's, or nobody reads it
            pass
        else:
            return partial(os.write, opened), partial(os.close, opened)
    poller = select.poll()
    poller.register(number, select.POLLOUT)
    return partial(_writeIfReady, poller, number), _nothing


def _send(connection: socket.socket, data: bytes) -> int:
    return connection.send(data, socket.MSG_DONTWAIT)


def _writeIfReady(poller: select.poll, number: int, data: bytes) -> int:
    """
    poll(2): what can be written to then takes PIPE_BUF bytes, if no other program is quicker.
    """
    if not poller.poll(0):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return os.write(number, data[: select.PIPE_BUF])
