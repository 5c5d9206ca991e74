"""
Files that are whole or not there: written under C{NAME.part}, named when they are complete.
"""

from __future__ import annotations

import os

from twisted_netdemo.gopher.cli.display import safeLine
from twisted_netdemo.gopher.files.whole_files import (
    PartialFile,
    followed,
    isPipe,
    isReplaceable,
    openAsItIs,
    writeAll,
)
from twisted_netdemo.gopher.text.charset import decode, guess
from twisted_netdemo.gopher.url import GopherURL

_LONGEST = 200  # bytes; with endings of ours, below every file system's 255


def fileName(url: GopherURL) -> str:
    """
    A name for what a URL leads to: the last part of its selector that can be one, else its host.

    It has no separator, does not begin with a dot or a dash, and contains nothing that could drive
    a terminal.
    """
    text = decode(url.selector, guess(url.selector))
    parts = text.replace("\\", "/").split("/")
    name = ""
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
    _part: PartialFile | None = None
    _isDone = False

    def __init__(self, path: str, mine: bool, mode: int | None = None) -> None:
        """
        @param path: the name asked for, absolute.
        @param mine: whether the name is our own choice: then nothing that exists is replaced, and
            a number is put behind it instead. Else what is no ordinary file is written into, and
            where a link leads is replaced.
        @param mode: the permissions to give it, where the process's umask is not the user's.
        """
        self.path = path
        self._mine = mine
        self._mode = mode

    @property
    def part(self) -> str | None:
        """
        The name of an unfinished file that stays; C{None} where there is none.
        """
        part = self._part
        return part.path if part is not None and not self._isDone and part.isThere else None

    def openPipe(self) -> None:
        """
        Open what it is to be written into, where that is a named pipe.

        @raise BlockingIOError: where nobody reads it yet.
        @raise OSError: where it cannot be opened.
        """
        if not self._mine and self._file is None and isPipe(self.path):
            self._file = openAsItIs(followed(self.path))

    def write(self, data: bytes) -> None:
        """
        Append bytes; the first call makes the file.

        @raise OSError: where that cannot be done.
        """
        if self._part is None and self._file is None:
            self._open()
        if self._part is not None:
            self._part.write(data)
        elif self._file is not None:
            writeAll(self._file, data)

    def _open(self) -> None:
        if self._mine:
            self._part = PartialFile(self.path, self._mode)
            return
        self._target = target = followed(self.path)
        if not isReplaceable(target):
            self._file = openAsItIs(target)
            return
        try:
            old = os.stat(target)
        except FileNotFoundError:
            self._part = PartialFile(target, self._mode)
        else:
            self._part = PartialFile(target, 0o600)
            self._part.becomeLike(old)

    def finish(self) -> None:
        """
        It is complete: give it its name.

        @raise OSError: where that cannot be done.
        """
        if self._part is None and self._file is None:
            self._open()
        if self._part is not None and self._mine:
            self.path = self._part.takeFree(self.path)
        elif self._part is not None:
            self._part.replace(self._target)
        self._isDone = True
        self.close()

    def close(self) -> None:
        """
        It will not become more: what there is stays under the name of L{part}.
        """
        if self._part is not None:
            self._part.close()
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)
