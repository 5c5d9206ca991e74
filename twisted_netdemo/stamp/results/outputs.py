"""
Files that are whole or not there.
"""

from __future__ import annotations

import os
import stat
import tempfile


def writeWhole(path: str, data: bytes) -> None:
    """
    Put data into a file at once: what was there before is replaced when all has been written. What
    is no regular file (a pipe, a device) is written to.

    @raise OSError: that cannot be done; the file is as it was.
    """
    try:
        isRegular = stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        isRegular = True
    if not isRegular:
        with open(path, "wb") as file:
            file.write(data)
        return
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    descriptor, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, _mode(path))
            os.fsync(descriptor)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def _mode(path: str) -> int:
    """
    The rights of the file that is there, or what the user's umask leaves of a new one's.
    """
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def cannotWrite(path: str) -> str | None:
    """
    Why a file cannot be written, as far as that can be seen before; C{None} where it can.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        return "its folder is not there"
    if os.path.isdir(path):
        return "it is a folder"
    isThere = os.path.exists(path)
    if not os.access(path if isThere and not os.path.isfile(path) else folder, os.W_OK):
        return "this user may not write there"
    return None
