"""
Files that get their name only when they are whole, and safe on the disk.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from errno import (
    EACCES,
    EAGAIN,
    EBADF,
    EINVAL,
    EISDIR,
    ELOOP,
    ENOENT,
    ENOTDIR,
    ENXIO,
    ESTALE,
)

_MOST_LINKS = 40  # as many as Linux follows
# Bytes of a name, so that it stays below every file system's 255 with '.part.1' and so on behind it
_LONGEST = 240
# Links that lead to what a process has open, not to a name.
_DESCRIPTOR = re.compile(r"/(?:dev|proc/([^/]+)(?:/task/[^/]+)?)/fd/([0-9]+)", re.ASCII)


class PartialFile:
    """
    A file that is being written beside the name that it will have: as C{NAME.part}, or where that
    is taken as C{NAME.part.1} and so on; of a long name, its beginning. Nothing that was there
    before is touched.

    @ivar path: its name until then.
    """

    def __init__(self, name: str, mode: int | None = None) -> None:
        """
        @param name: where it will be.
        @param mode: its permissions; C{None} for those that a new file gets.
        @raise OSError: where it cannot be made.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        folder, own = os.path.split(name)
        own = own[:_LONGEST]
        while len(os.fsencode(own)) > _LONGEST:
            own = own[:-1]
        for path in numbered(os.path.join(folder, f"{own}.part")):
            try:
                self._file = os.open(path, flags, 0o666 if mode is None else 0o600)
            except FileExistsError:
                continue
            self.path = path
            break
        self._isOpen = True
        found = os.fstat(self._file)
        self._identity = found.st_dev, found.st_ino
        if mode is not None:
            os.fchmod(self._file, mode)

    def becomeLike(self, old: os.stat_result) -> None:
        """
        Take the permissions of another file, and its owner where we may; none to act
        as its owner, for what is in it is new.
        """
        mode = stat.S_IMODE(old.st_mode) & 0o777
        mine = os.fstat(self._file)
        if old.st_uid != mine.st_uid:
            with suppress(OSError):
                os.fchown(self._file, old.st_uid, -1)
        if old.st_gid != mine.st_gid:
            try:
                os.fchown(self._file, -1, old.st_gid)
            except OSError:  # another group may do no more than everybody
                mode &= ~0o070 | (mode & 0o007) << 3
        os.fchmod(self._file, mode)

    def write(self, data: bytes) -> None:
        """
        @raise OSError: where not all of it can be written.
        """
        writeAll(self._file, data)

    def replace(self, path: str) -> None:
        """
        It is whole: give it this name, whoever has had it.

        @raise OSError: where that cannot be done; then whatever has the name keeps it.
        """
        self._settle()
        try:
            os.replace(self.path, path)
        except OSError as error:  # it names the part, which is as it should be
            raise OSError(error.errno, error.strerror, path) from None
        _settleFolder(path)

    def takeFree(self, path: str) -> str:
        """
        It is whole: give it this name, or with a number behind it the first that nobody has.

        @return: the name.
        @raise OSError: where that cannot be done.
        """
        self._settle()
        for free in numbered(path):
            try:
                os.link(self.path, free, follow_symlinks=False)
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                if os.path.lexists(free):
                    continue
                os.rename(self.path, free)
            else:
                os.unlink(self.path)
            break
        _settleFolder(free)
        return free

    def _settle(self) -> None:
        os.fsync(self._file)
        self.close()
        if not self.isThere:
            raise OSError(ESTALE, "another program has taken it away", self.path)

    @property
    def isThere(self) -> bool:
        """
        Whether what has its name is this file.
        """
        try:
            found = os.lstat(self.path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def close(self) -> None:
        """
        It does not become more.
        """
        if self._isOpen:
            self._isOpen = False
            os.close(self._file)

    def remove(self) -> None:
        """
        It is not wanted any more.
        """
        self.close()
        if self.isThere:
            with suppress(OSError):
                os.unlink(self.path)


def numbered(path: str) -> Iterator[str]:
    """
    A path, then the same with C{.1}, C{.2} and so on behind it.
    """
    yield path
    number = 0
    while True:
        number += 1
        yield f"{path}.{number}"


def followed(path: str) -> str:
    """
    Where links lead from a path: to a name that is no link, whether something has it or not, or to
    one by which a process has something open, as C{/dev/stdout} does.

    @raise OSError: for what cannot be a file's name, such as C{folder/}.
    """
    with suppress(FileNotFoundError):
        os.stat(path)  # may be forbidden: a stranger's link in /tmp (proc(5), protected_symlinks)
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            number = EISDIR if os.path.isdir(path) else ENOENT
            if os.path.exists(folder) and not os.path.isdir(folder):
                number = ENOTDIR
            raise OSError(number, os.strerror(number), path)
        path = os.path.join(os.path.realpath(folder), name)
        if _DESCRIPTOR.fullmatch(path):
            return path
        try:
            link = os.readlink(path)
        except OSError:
            return path
        path = os.path.join(os.path.dirname(path), link)
    raise OSError(ELOOP, os.strerror(ELOOP), path)


def isReplaceable(path: str) -> bool:
    """
    Whether a file may take the place of what has this name, as given by L{followed}: an ordinary
    file, or nothing.

    @raise OSError: where it is a folder, cannot be seen, or may not be written.
    """
    if _DESCRIPTOR.fullmatch(path):
        return False
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        return False
    # a right to the folder would be enough for the system, but it is not what was meant
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(EACCES, os.strerror(EACCES), path)
    return True


def openAsItIs(path: str) -> int:
    """
    Open for writing what is no ordinary file: a device, a pipe, what a process has open.

    @return: a descriptor.
    @raise BlockingIOError: for a named pipe that nobody reads yet.
    @raise OSError: where it cannot be opened.
    """
    number = _ownDescriptor(path)
    if number is not None:
        try:
            return os.dup(number)  # with its place in the file
        except OverflowError:
            raise OSError(EBADF, os.strerror(EBADF), path) from None
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    if not _DESCRIPTOR.fullmatch(path):
        flags |= os.O_NOFOLLOW  # it was no link a moment ago
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno == ENXIO and isPipe(path):
            raise BlockingIOError(EAGAIN, "nobody reads it", path) from None
        raise


def isClosed(path: str) -> bool:
    """
    Whether a path leads to a descriptor of this process that is not open. The number of one may
    later be that of a connection.
    """
    try:
        number = _ownDescriptor(followed(path))
        if number is not None:
            os.fstat(number)
    except OverflowError:
        return True
    except OSError as error:
        return error.errno == EBADF
    return False


def _ownDescriptor(path: str) -> int | None:
    match = _DESCRIPTOR.fullmatch(path)
    if match is not None and match[1] in (None, "self", "thread-self", str(os.getpid())):
        return int(match[2])
    return None


def isPipe(path: str) -> bool:
    """
    Whether what has this name is a named pipe.
    """
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _settleFolder(path: str) -> None:
    """
    A new name is only safe when its folder is.
    """
    try:
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a folder that may be written but not read
        return
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != EINVAL:  # a file system that knows of no such thing
            raise
    finally:
        os.close(folder)


def writeAll(file: int, data: bytes) -> None:
    """
    Write to a descriptor until all of it is out, one that does not block too.

    @raise OSError: where that cannot be done.
    """
    view: bytes | memoryview = data
    while view:
        try:
            written = os.write(file, view)
        except BlockingIOError:
            import select

            select.select([], [file], [])
        else:
            if written == len(view):
                return  # nearly always: no view is made
            view = memoryview(view)[written:]
