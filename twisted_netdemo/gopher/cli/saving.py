"""
The files of C{-o} and C{-O}, which are complete or not there, and pipes and devices.
"""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred

from twisted_netdemo.gopher.files.descriptor_writer import DescriptorWriter, Pacing
from twisted_netdemo.gopher.files.special_files import (
    isPipe,
    isReplaceable,
    openSpecial,
    resolveLinks,
)
from twisted_netdemo.gopher.files.whole_files import PartialFile
from twisted_netdemo.gopher.formats.display import safeLine
from twisted_netdemo.gopher.text.charset import decode, guess
from twisted_netdemo.gopher.url import GopherURL

_MAX_NAME = 200  # bytes; with the endings that are added, below every file system's 255


def fileName(url: GopherURL) -> str:
    """
    A name for the file that a URL leads to: the last part of its selector that can be one, else
    its host.

    It has no separator, does not begin with a dot or a dash, and has no character that could drive
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
    while len((stem + dot + ending).encode("utf-8", "surrogateescape")) > _MAX_NAME:
        stem = stem[:-1]
    return stem + dot + ending


class Download:
    """
    One file that is being downloaded.

    @ivar path: the path asked for; after L{finish}, the one that the file got.
    """

    _special: int | None = None  # the descriptor of a pipe or a device
    _writer: DescriptorWriter | None = None
    _part: PartialFile | None = None
    _target = ""
    _isDone = False

    def __init__(self, path: str, replaces: bool, mode: int | None = None) -> None:
        """
        @param path: an absolute path.
        @param replaces: whether an existing file is replaced, links are followed, and pipes and
            devices are written to. Otherwise the file gets a number behind its name if that exists.
        @param mode: the permissions to give it, where the process's umask is not the user's.
        """
        self.path = path
        self._replaces = replaces
        self._mode = mode

    @property
    def part(self) -> str | None:
        """
        The path of an incomplete file that is kept; C{None} if there is none.
        """
        part = self._part
        return part.path if part is not None and not self._isDone and part.isThere else None

    def openPipe(self) -> None:
        """
        Open the path now if it is a named pipe.

        @raise BlockingIOError: no process reads it yet.
        @raise OSError: it cannot be opened.
        """
        if self._replaces and self._special is None and isPipe(self.path):
            self._openSpecial(resolveLinks(self.path))

    def write(self, data: bytes, pacing: Pacing) -> Deferred[None] | None:
        """
        Append bytes; the first call makes the file.

        @param pacing: how long the reader of a pipe may take.
        @return: C{None} if they are written. Else a L{Deferred} that fires when the reader of a
            pipe has taken them; until then nothing more may be written.
        @raise OSError: they cannot be written; the Deferred may fail so too.
        """
        self._open()
        if self._writer is not None:
            return self._writer.write(data, pacing)
        if self._part is not None:
            self._part.write(data)
        return None

    def _open(self) -> None:
        if self._part is not None or self._writer is not None:
            return
        if not self._replaces:
            self._part = PartialFile(self.path, self._mode)
            return
        self._target = resolveLinks(self.path)
        if not isReplaceable(self._target):
            self._openSpecial(self._target)
            return
        try:
            old = os.stat(self._target)
        except FileNotFoundError:
            self._part = PartialFile(self._target, self._mode)
        else:
            self._part = PartialFile(self._target, 0o600)
            self._part.becomeLike(old)

    def _openSpecial(self, path: str) -> None:
        self._special = openSpecial(path)
        self._writer = DescriptorWriter(self._special)

    def finish(self) -> None:
        """
        The file is complete: give it its name.

        @raise OSError: that is not possible.
        """
        self._open()
        if self._part is not None and self._replaces:
            self._part.replace(self._target)
        elif self._part is not None:
            self.path = self._part.takeFree(self.path)
        self._isDone = True
        self.close()

    def close(self) -> None:
        """
        Close the file; if it is incomplete, it keeps the name that L{part} gives.
        """
        if self._part is not None:
            self._part.close()
        if self._special is not None:
            special, self._special = self._special, None
            os.close(special)
