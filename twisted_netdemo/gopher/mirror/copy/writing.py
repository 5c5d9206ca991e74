"""
How the files of a mirror are written: whole or not there, and readable by all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from itertools import count

from twisted_netdemo.gopher.files.whole_files import PartialFile
from twisted_netdemo.gopher.mirror.contract import DIGEST
from twisted_netdemo.gopher.url import GopherURL

_FILE_MODE, _FOLDER_MODE = 0o644, 0o755  # whatever the umask is: servers run as other users
_CHUNK = 1 << 18


class Writing:
    """
    Makes files as parts in a folder that no server serves.

    @ivar folder: the mirror's.
    @ivar keepVersions: how many old contents stay beside the newest.
    @ivar isKept: whether the mirror is to have a resource, by its URL alone.
    """

    def __init__(
        self, folder: str, parts: str, keepVersions: int, isKept: Callable[[GopherURL], bool]
    ) -> None:
        self.folder = folder
        self.keepVersions = keepVersions
        self.isKept = isKept
        self._parts = parts
        self._numbers = count()  # two threads make parts

    def part(self) -> PartialFile:
        """
        @raise OSError: it cannot be made.
        """
        name = str(next(self._numbers))
        return PartialFile(os.path.join(self._parts, name), _FILE_MODE)

    def path(self, name: str) -> str:
        """
        The path of a file or folder, which is named from the mirror's folder on.
        """
        return os.path.join(self.folder, name)

    def makeFolder(self, path: str) -> None:
        """
        Make a folder and those above it, as far as they are missing.
        """
        if os.path.isdir(path):
            return
        self.makeFolder(os.path.dirname(path))
        with suppress(FileExistsError):
            os.mkdir(path, _FOLDER_MODE)
            os.chmod(path, _FOLDER_MODE)

    def put(self, name: str, data: bytes) -> None:
        """
        Write a small file, unless it has these bytes.
        """
        path = self.path(name)
        if sizeOf(path) == len(data) and _read(path) == data:
            return
        part = self.part()
        try:
            part.write(data)
            self.makeFolder(os.path.dirname(path))
            part.replace(path)
        finally:
            part.remove()


def sizeOf(path: str) -> int | None:
    """
    The size of a file; C{None} if there is none.
    """
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def digestOfFile(path: str, check: Callable[[], None] = lambda: None) -> bytes:
    """
    @param check: called for each part that is read; it may raise.
    @raise OSError: it cannot be read.
    """
    digest = blake2b(digest_size=DIGEST)
    with open(path, "rb") as file:
        while data := file.read(_CHUNK):
            check()
            digest.update(data)
    return digest.digest()


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
