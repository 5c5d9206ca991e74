"""
The files that badwire writes. They hold payload: each is its user's alone, and nobody else's file
is ever written to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from collections.abc import Iterable
from typing import BinaryIO

#: How many bytes are gathered for one write.
_GATHERED = 1 << 16

#: The name of standard output.
STDOUT = "-"


class OutputFile:
    """
    A file that is written bit by bit and never fails meanwhile: the first error is kept, and
    nothing is written from then on.

    @ivar path: its name.
    @ivar error: why writing failed.
    """

    def __init__(
        self, path: str, file: BinaryIO, isWhole: bool = False, isNew: bool = False
    ) -> None:
        """
        @param file: what to write to, without a buffer of its own.
        @param isWhole: whether a part of it is of no use, and to be removed. What the file held
            stays until the first byte is written.
        @param isNew: whether it was not there before.
        """
        self.path = path
        self.error: OSError | None = None
        self._file = file
        self._isReplaced = path != STDOUT and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        self._isWhole = isWhole
        self._hasBegun = False
        self._isNew = isNew
        self._parts: list[bytes] = []
        self._size = 0

    def _begin(self) -> None:
        if not self._hasBegun:
            self._hasBegun = True
            if self._isReplaced:
                self._file.truncate(0)

    def write(self, data: bytes) -> None:
        """
        Write at the latest when enough is gathered.
        """
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """
        Write what is gathered.
        """
        data, self._parts, self._size = b"".join(self._parts), [], 0
        if self.error is None and (data or not self._isWhole):
            try:
                self._begin()
                _writeAll(self._file.fileno(), data)
            except OSError as error:
                self.error = error

    def close(self) -> None:
        """
        Write the rest.
        """
        self.flush()
        if self._isWhole and self.error is not None:
            self.discard()
            return
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error

    def discard(self) -> None:
        """
        It will not be completed: remove what has been written of it, or made for it.
        """
        with contextlib.suppress(OSError):
            if self._isReplaced and (self._hasBegun or self._isNew):
                self._file.truncate(0)
                path = os.path.realpath(self.path)  # not a link that leads there
                if os.path.samestat(os.stat(path), os.fstat(self._file.fileno())):
                    os.unlink(path)
        with contextlib.suppress(OSError):
            self._file.close()


def _writeAll(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(handle, view) :]
        except BlockingIOError:  # somebody else has made the terminal so
            select.select([], [handle], [])


def place(path: str) -> str | None:
    """
    What a path leads to, the same for all paths that lead to one file; L{None} where any number may
    write, as to /dev/null or a terminal.
    """
    if path == STDOUT:
        return "standard output"
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return None if stat.S_ISCHR(found.st_mode) else f"{found.st_dev} {found.st_ino}"
    return os.path.realpath(path)


def opened(path: str, isWhole: bool = False) -> OutputFile:
    """
    What is to be written: a file, or standard output for C{-}.

    @raise OSError: it cannot be opened, or is not for us: see L{openPrivately}.
    """
    isNew = path != STDOUT and not os.path.exists(path)
    file = os.fdopen(os.dup(1), "wb", 0) if path == STDOUT else openPrivately(path)
    return OutputFile(path, file, isWhole, isNew)


def openPrivately(path: str) -> BinaryIO:
    """
    A file to write to, its user's alone (mode 0600). What it holds is still there.

    A pipe, a terminal, /dev/null and the like are written to as they are.

    @raise OSError: it cannot be opened, or it is not for us: another user's file, or one that
        another user's link leads to, or a pipe that nobody reads.
    """
    try:
        # not to wait for a pipe's reader, nor to get a terminal's signals
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
    The flag that keeps a link from being followed: unless it is ours, or the system's.
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
    Write a text as UTF-8 to a file of its user's alone, all of it or none; or to standard output.

    @raise OSError: it cannot be opened or written.
    """
    output = opened(path, isWhole=True)
    try:
        for part in parts:
            output.write(part.encode("utf-8", "replace"))
    except BaseException:
        output.discard()
        raise
    output.close()
    if output.error is not None:
        raise output.error
