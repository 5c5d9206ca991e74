"""
Writing to a pipe, a socket or a terminal without blocking the reactor.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import termios
from typing import Protocol

from twisted.internet.defer import Deferred

from twisted_netdemo.service.process.interruptible import interruptible

# How many seconds to wait for the reader before the reactor has its turn; and while the reader
# takes nothing, how many to leave to the reactor between two attempts.
_WAIT, _RETRY = 0.05, 0.02


class Pacing(Protocol):
    """
    How long a slow reader may take.
    """

    @property
    def isLast(self) -> bool:
        """
        Whether the time is over.
        """

    async def turn(self, seconds: float = 0) -> None:
        """
        Let the reactor run for so many seconds.
        """


class ReaderTimeout(OSError):
    """
    The reader did not take the bytes in time.
    """


class DescriptorWriter:
    """
    Writes to a descriptor that may belong to other processes too, so that it cannot be made
    non-blocking: it writes no more than there is room for.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        mode = os.fstat(descriptor).st_mode
        self._isPipe = stat.S_ISFIFO(mode)
        self._mayBlock = self._isPipe or stat.S_ISSOCK(mode) or os.isatty(descriptor)

    def write(self, data: bytes, pacing: Pacing) -> Deferred[None] | None:
        """
        Write all of it.

        @return: C{None} if all is written. Else a L{Deferred} that fires when it is; until then
            nothing more may be written. It fails as this method does.
        @raise ReaderTimeout: the time is over.
        @raise OSError: the bytes cannot be written.
        """
        left = self._write(memoryview(data), _WAIT)
        return Deferred.fromCoroutine(self._writeRest(left, pacing)) if left else None

    async def _writeRest(self, left: memoryview, pacing: Pacing) -> None:
        isStalled = False
        while left:
            if pacing.isLast:
                raise ReaderTimeout(None, "not read in time")
            await pacing.turn(_RETRY if isStalled else 0)
            before = len(left)
            left = self._write(left, 0 if isStalled else _WAIT)
            isStalled = len(left) == before

    def _write(self, left: memoryview, wait: float) -> memoryview:
        """
        Write as many bytes as there is room for.

        @param wait: how many seconds to wait for the reader to make room.
        @return: the rest.
        """
        while left and (room := self._room(len(left), wait)):
            # where other processes write to the same pipe, the room may be taken by now
            try:
                with interruptible():
                    left = left[os.write(self._descriptor, left[:room]) :]
            except BlockingIOError:
                break
        return left

    def _room(self, wanted: int, wait: float) -> int:
        """
        How many of the wanted bytes can be written without blocking.
        """
        if not self._mayBlock:
            return wanted
        if self._isPipe and wanted > select.PIPE_BUF:
            size = fcntl.fcntl(self._descriptor, fcntl.F_GETPIPE_SZ)
            if not any(fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4))):  # it is empty
                return size
        return select.PIPE_BUF if isWritable(self._descriptor, wait) else 0


def isWritable(descriptor: int, seconds: float) -> bool:
    """
    Wait until a descriptor takes bytes, or an attempt to write would fail at once.

    @param seconds: how long to wait at most.
    """
    poll = select.poll()  # unlike select(), it takes any descriptor
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))
