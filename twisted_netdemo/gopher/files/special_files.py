"""
Output paths that name no ordinary file: links, devices, named pipes, open descriptors.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from errno import EACCES, EAGAIN, EBADF, EISDIR, ELOOP, ENOENT, ENOTDIR, ENXIO

_MAX_LINKS = 40  # as many as Linux follows
# Links that lead to an open descriptor of a process, not to a name.
_DESCRIPTOR = re.compile(r"/(?:dev|proc/([^/]+)(?:/task/[^/]+)?)/fd/([0-9]+)", re.ASCII)
_FLAGS = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def resolveLinks(path: str) -> str:
    """
    Follow the links from a path.

    @return: a path that is no link, whether a file has it or not; or one that names an open
        descriptor, as C{/dev/stdout} does.
    @raise OSError: the path cannot be the name of a file, such as C{folder/}.
    """
    with suppress(FileNotFoundError):
        os.stat(path)  # may be forbidden: a stranger's link in /tmp (proc(5), protected_symlinks)
    for _ in range(_MAX_LINKS):
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
    Whether a new file may take the place of a path that L{resolveLinks} returned: an ordinary file
    has it, or none.

    @raise OSError: it is a folder, is not accessible, or may not be written.
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
    # Write permission for the folder would do for the system, but not for the file's owner.
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(EACCES, os.strerror(EACCES), path)
    return True


def openSpecial(path: str) -> int:
    """
    Open a device, a named pipe or an open descriptor for writing, without blocking where the
    system allows for that.

    @param path: as L{resolveLinks} returned it.
    @return: a new descriptor.
    @raise BlockingIOError: it is a named pipe that no process reads yet.
    @raise OSError: it cannot be opened.
    """
    number = _ownDescriptor(path)
    if number is not None:
        return _copy(number, path)
    flags = _FLAGS | os.O_APPEND
    if not _DESCRIPTOR.fullmatch(path):
        flags |= os.O_NOFOLLOW  # it was no link a moment ago
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno == ENXIO and isPipe(path):
            raise BlockingIOError(EAGAIN, "no process reads it", path) from None
        raise


def _copy(number: int, path: str) -> int:
    try:
        copy = os.dup(number)  # with its position in the file
    except OverflowError:
        raise OSError(EBADF, os.strerror(EBADF), path) from None
    # Others share a copy, so it cannot be made non-blocking; a pipe or a terminal can be opened
    # once more.
    if stat.S_ISFIFO(os.fstat(copy).st_mode) or os.isatty(copy):
        with suppress(OSError):  # it may belong to another user
            again = os.open(f"/proc/self/fd/{copy}", _FLAGS)
            os.close(copy)
            return again
    return copy


def isClosed(path: str) -> bool:
    """
    Whether a path leads to a descriptor of this process that is not open. A connection may get its
    number later.
    """
    try:
        number = _ownDescriptor(resolveLinks(path))
        if number is not None:
            os.fstat(number)
    except OverflowError:
        return True
    except OSError as error:
        return error.errno == EBADF
    return False


def isPipe(path: str) -> bool:
    """
    Whether a path is the name of a pipe.
    """
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _ownDescriptor(path: str) -> int | None:
    match = _DESCRIPTOR.fullmatch(path)
    if match is not None and match[1] in (None, "self", "thread-self", str(os.getpid())):
        return int(match[2])
    return None
