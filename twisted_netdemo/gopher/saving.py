"""
Files that are whole or not there: written under C{NAME.part}, named when they are complete.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from .charset import decode, guess
from .display import safeLine
from .url import GopherURL

_LONGEST = 200  # bytes; with endings of ours, below every file system's 255


def fileName(url: GopherURL) -> str:
    """
    A name for what a URL leads to: the last part of its selector that can be one, else its host.

    It has no separator, does not begin with a dot or a dash, and contains nothing that could drive
    a terminal.
    """
    text = decode(url.selector, guess(url.selector))
    parts = text.replace("\\", "/").split("/")
    for part in (*reversed(parts), url.host):
        name = part
        if not part.isprintable():
            name = "".join("_" if safeLine(char) != char else char for char in part)
        name = name.strip().lstrip(".").strip()
        if name.startswith("-"):
            name = "_" + name[1:]
        if name:
            break
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 16:
        stem, dot, ending = name, "", ""
    while len((stem + dot + ending).encode("utf-8", "surrogateescape")) > _LONGEST:
        stem = stem[:-1]
    return stem + dot + ending


class Download:
    """
    One file on its way.

    @ivar path: what it is called, or will be; for a name of our own choice, known when it is done.
    """

    _file: int | None = None
    _part: str | None = None
    _closed = False

    def __init__(self, path: str, mine: bool, mode: int | None = None) -> None:
        """
        @param path: the name asked for, absolute.
        @param mine: whether the name is our own choice: then nothing that exists is replaced, and
            a number is put behind it instead.
        @param mode: the permissions to give it, where the process's umask is not the user's.
        """
        self.path = path
        self._mine = mine
        self._mode = mode

    def write(self, data: bytes) -> None:
        """
        Append bytes; the first call makes the file.

        @raise OSError: where that cannot be done.
        """
        if self._file is None:
            self._file = self._open()
        writeAll(self._file, data)

    def _open(self) -> int:
        if not self._mine and os.path.isdir(self.path):
            raise IsADirectoryError(21, os.strerror(21), self.path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        if self._mine:
            for part in _numbered(f"{self.path}.part"):
                try:
                    file = os.open(part, flags, 0o666)
                except FileExistsError:
                    continue
                self._part = part
                break
        elif os.path.exists(self.path) and not stat.S_ISREG(os.stat(self.path).st_mode):
            return os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)  # /dev/null, a named pipe
        else:
            self._part = f"{self.path}.part"
            # a new file: never through a link that stands there
            if os.path.lexists(self._part):
                os.unlink(self._part)
            file = os.open(self._part, flags, 0o666)
        if self._mode is not None:
            os.fchmod(file, self._mode)
        return file

    def finish(self) -> None:
        """
        It is complete: give it its name.

        @raise OSError: where that cannot be done.
        """
        if self._file is None:
            self.write(b"")
        self.close()
        if self._part is None:
            return
        if not self._mine:
            os.replace(self._part, self.path)
            return
        for path in _numbered(self.path):
            try:
                os.link(self._part, path, follow_symlinks=False)
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                if os.path.lexists(path):
                    continue
                os.rename(self._part, path)
                self.path = path
                return
            os.unlink(self._part)
            self.path = path
            return

    def close(self) -> None:
        """
        It will not become more: what there is stays under C{NAME.part}.
        """
        if self._file is not None and not self._closed:
            self._closed = True
            os.close(self._file)


def _numbered(path: str) -> Iterator[str]:
    yield path
    number = 0
    while True:
        number += 1
        yield f"{path}.{number}"


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
