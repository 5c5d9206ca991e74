"""
The files that badwire writes. They hold payload, so that only their user may read them, and no
other user's file is ever written to.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
from collections.abc import Iterable
from typing import BinaryIO

from twisted_netdemo.service.process.interruptible import interruptible

#: How many bytes are gathered for one write.
_GATHERED = 1 << 16

#: How many bytes wait for the reader of a pipe or a terminal, at most.
_WAITING = 1 << 23

#: A pipe that poll(2) reports as writable takes so many bytes at once (PIPE_BUF on Linux).
_PIECE = 4096

#: The name of standard output.
STDOUT = "-"


class OutputFile:
    """
    A file that is written bit by bit. L{write} and L{flush} never raise and never wait for a
    reader: the first error is kept, and nothing is written after it.

    @ivar path: its name.
    @ivar error: why writing failed.
    """

    def __init__(
        self, path: str, file: BinaryIO, isWhole: bool = False, isNew: bool = False
    ) -> None:
        """
        @param file: the file, without a buffer of its own.
        @param isWhole: whether a part of it is useless and is removed on failure. Until the first
            byte is written, the file keeps what it held.
        @param isNew: whether the file did not exist before.
        """
        self.path = path
        self.error: OSError | None = None
        self._file = file
        mode = os.fstat(file.fileno()).st_mode
        self._isReplaced = path != STDOUT and stat.S_ISREG(mode)
        self._mayWait = not stat.S_ISREG(mode)
        self._isWhole = isWhole
        self._hasBegun = False
        self._isNew = isNew
        self._parts: list[bytes] = []
        self._size = 0
        self._waiting = bytearray()
        if stat.S_ISFIFO(mode):
            # A larger pipe lets its reader fall back further; not every user may have one.
            with contextlib.suppress(OSError):
                fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, 1 << 20)

    def write(self, data: bytes) -> None:
        """
        Gather some bytes, and write them once there are enough.
        """
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """
        Write what is gathered, as far as that is possible without waiting. What the reader of a
        pipe or a terminal has no room for is written later; if that is too much, writing fails.
        """
        data = self._take()
        if self.error is not None or not (data or self._waiting):
            return
        try:
            self._begin()
            if self._mayWait:
                self._waiting += data
                self._writeSome()
            else:
                _writeAll(self._file.fileno(), data)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """
        Write the rest, however long its reader takes; Ctrl-C ends the process meanwhile.
        """
        data = self._take()
        if self.error is None and (data or self._waiting or not self._isWhole):
            try:
                self._begin()
                with interruptible():
                    _writeAll(self._file.fileno(), bytes(self._waiting) + data)
            except OSError as error:
                self._fail(error)
        if self._isWhole and self.error is not None:
            self.discard()
            return
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error

    def complete(self, parts: Iterable[str] = ()) -> None:
        """
        Write the last parts as UTF-8, and close.

        @raise OSError: something could not be written, now or before.
        """
        try:
            for part in parts:
                self.write(part.encode("utf-8", "replace"))
        except BaseException:
            self.discard()
            raise
        self.close()
        if self.error is not None:
            raise self.error

    def discard(self) -> None:
        """
        Give up: remove what has been written, or what was made for it.
        """
        with contextlib.suppress(OSError):
            if self._isReplaced and (self._hasBegun or self._isNew):
                self._file.truncate(0)
                path = os.path.realpath(self.path)  # not a link that leads there
                if os.path.samestat(os.stat(path), os.fstat(self._file.fileno())):
                    os.unlink(path)
        with contextlib.suppress(OSError):
            self._file.close()

    def _begin(self) -> None:
        if not self._hasBegun:
            self._hasBegun = True
            if self._isReplaced:
                self._file.truncate(0)

    def _take(self) -> bytes:
        data, self._parts, self._size = b"".join(self._parts), [], 0
        return data

    def _writeSome(self) -> None:
        """
        Write as much as poll(2) says can be written at once. The descriptor may be shared with
        COMMAND, so that it must not be made non-blocking.
        """
        handle = self._file.fileno()
        poll = select.poll()
        poll.register(handle, select.POLLOUT)
        written = 0
        while written < len(self._waiting) and poll.poll(0):
            try:
                written += os.write(handle, self._waiting[written : written + _PIECE])
            except BlockingIOError:
                break
        del self._waiting[:written]
        if len(self._waiting) > _WAITING:
            raise OSError(
                errno.ENOBUFS,
                f"its reader is too slow: what came after {_WAITING >> 20} MiB unread is missing",
            )

    def _fail(self, error: OSError) -> None:
        self.error = error
        self._waiting.clear()


def _writeAll(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(handle, view) :]
        except BlockingIOError:  # another program has made the terminal non-blocking
            select.select([], [handle], [])


def place(path: str) -> str | None:
    """
    The identity of the file that a path leads to, the same for all paths to that file.

    @return: L{None} for a character device, such as /dev/null or a terminal, to which any number
        of outputs may be written.
    """
    if path == STDOUT:
        return "standard output"
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return None if stat.S_ISCHR(found.st_mode) else f"{found.st_dev} {found.st_ino}"
    return os.path.realpath(path)


def opened(path: str, isWhole: bool = False) -> OutputFile:
    """
    Open a file to write to, or standard output for C{-}.

    @param isWhole: whether a part of the file is useless: see L{OutputFile}.
    @raise OSError: the file cannot be opened, or is not ours: see L{openPrivately}.
    """
    isNew = path != STDOUT and not os.path.exists(path)
    file = os.fdopen(os.dup(1), "wb", 0) if path == STDOUT else openPrivately(path)
    return OutputFile(path, file, isWhole, isNew)


def openPrivately(path: str) -> BinaryIO:
    """
    Open a file to write to, with mode 0600. Its contents are kept. A pipe, a terminal, /dev/null
    and the like keep their mode.

    @raise OSError: the file cannot be opened, or belongs to another user, or is reached by
        another user's link, or is a pipe without a reader.
    """
    try:
        # O_NONBLOCK does not wait for a pipe's reader; O_NOCTTY takes no terminal's signals.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        handle = os.open(path, flags | _followed(path), 0o600)
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(errno.ENXIO, "nobody reads it: start its reader first", path) from None
        raise
    try:
        found = os.fstat(handle)
        if stat.S_ISBLK(found.st_mode):
            raise OSError(errno.EPERM, "a disk is no place for it", path)
        if not stat.S_ISCHR(found.st_mode) and found.st_uid != os.geteuid():
            raise OSError(errno.EPERM, "it is another user's, and stays as it is", path)
        if stat.S_ISREG(found.st_mode):
            os.fchmod(handle, 0o600)
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "wb", 0)


def _followed(path: str) -> int:
    """
    The flag of open(2) that refuses links, or 0 for a link of this user or of root.
    """
    try:
        found = os.lstat(path)
    except OSError:
        return os.O_NOFOLLOW
    if not stat.S_ISLNK(found.st_mode):
        return os.O_NOFOLLOW
    if found.st_uid not in (0, os.geteuid()):
        raise OSError(errno.EPERM, "it is another user's link, and is not followed", path)
    return 0


def writePrivately(path: str, parts: Iterable[str]) -> None:
    """
    Write a text as UTF-8 to a file that its user alone may read, or to standard output. A file is
    written whole or not at all.

    @raise OSError: the file cannot be opened or written.
    """
    opened(path, isWhole=True).complete(parts)
