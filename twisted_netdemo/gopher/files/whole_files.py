"""
Files that get their name only when they are complete and flushed to the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from errno import EINVAL, ESTALE

# In bytes: below every file system's limit of 255, with '.part.1' and the like behind it
_MAX_NAME = 240


class PartialFile:
    """
    A file that is being written beside the name that it will have: as C{NAME.part}, or if that
    exists as C{NAME.part.1} and so on; a long name is cut. No existing file is touched.

    @ivar path: its name until then.
    """

    def __init__(self, name: str, mode: int | None = None) -> None:
        """
        @param name: the path of the complete file.
        @param mode: its permissions; C{None} for those that a new file gets.
        @raise OSError: the file cannot be made.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        folder, own = os.path.split(name)
        own = own[:_MAX_NAME]
        while len(os.fsencode(own)) > _MAX_NAME:
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
        Take over the permissions of another file, and its owner and group if the system allows it.
        The set-user-ID and set-group-ID bits are dropped, since the contents are new.
        """
        mode = stat.S_IMODE(old.st_mode) & 0o777
        own = os.fstat(self._file)
        if old.st_uid != own.st_uid:
            with suppress(OSError):
                os.fchown(self._file, old.st_uid, -1)
        if old.st_gid != own.st_gid:
            try:
                os.fchown(self._file, -1, old.st_gid)
            except OSError:  # the file's own group gets no more than everybody
                mode &= ~0o070 | (mode & 0o007) << 3
        os.fchmod(self._file, mode)

    def write(self, data: bytes) -> None:
        """
        Append bytes.

        @raise OSError: not all of them can be written.
        """
        written = os.write(self._file, data)
        if written < len(data):  # the disk is full, or a signal came: the next call says which
            view = memoryview(data)
            while written < len(data):
                written += os.write(self._file, view[written:])

    def replace(self, path: str) -> None:
        """
        The file is complete: give it this name, even if another file has it.

        @raise OSError: that is not possible; the other file keeps the name.
        """
        self._flush()
        try:
            os.replace(self.path, path)
        except OSError as error:  # it names the part, which is not at fault
            raise OSError(error.errno, error.strerror, path) from None
        _flushFolder(path)

    def takeFree(self, path: str) -> str:
        """
        The file is complete: give it this name or, with a number behind it, the first that is free.

        @return: the name.
        @raise OSError: that is not possible.
        """
        self._flush()
        for free in numbered(path):
            try:
                os.link(self.path, free, follow_symlinks=False)
            except FileExistsError:
                continue
            except OSError:  # a file system without hard links
                if os.path.lexists(free):
                    continue
                os.rename(self.path, free)
            else:
                os.unlink(self.path)
            break
        _flushFolder(free)
        return free

    def _flush(self) -> None:
        os.fsync(self._file)
        self.close()
        if not self.isThere:
            raise OSError(ESTALE, "another program has taken it away", self.path)

    @property
    def isThere(self) -> bool:
        """
        Whether its name still leads to this file.
        """
        try:
            found = os.lstat(self.path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def close(self) -> None:
        """
        Close the file, complete or not.
        """
        if self._isOpen:
            self._isOpen = False
            os.close(self._file)

    def remove(self) -> None:
        """
        Close the file and delete it.
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


def _flushFolder(path: str) -> None:
    """
    Flush the folder of a new name: until then a crash may lose the name.
    """
    try:
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a folder that may be written but not read
        return
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != EINVAL:  # the file system cannot flush folders
            raise
    finally:
        os.close(folder)
