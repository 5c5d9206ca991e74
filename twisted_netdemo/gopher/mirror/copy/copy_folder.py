"""
A mirror's folder: where what comes is put, and what its files alone know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from mimetypes import MimeTypes

from twisted_netdemo.gopher.mirror.contract import Found, Standing
from twisted_netdemo.gopher.mirror.copy.arrival import Arrival
from twisted_netdemo.gopher.mirror.copy.gophermap import followed
from twisted_netdemo.gopher.mirror.copy.names import (
    MAP,
    filePath,
    hostFolder,
    menuFolder,
    urlFile,
    urlOf,
)
from twisted_netdemo.gopher.mirror.copy.writing import Writing, digestOfFile
from twisted_netdemo.gopher.url import GopherURL, InvalidURL

_PARTS = "=parts"  # no host's folder has such a name
_MOST = 1 << 18  # a URL has fewer bytes


class CopyFolder:
    """
    The files of a mirror. While it is used, nothing else writes to the folder.
    """

    def __init__(
        self,
        folder: str,
        keepVersions: int = 0,
        isKept: Callable[[GopherURL], bool] = followed,
    ) -> None:
        """
        Parts that an earlier mirror has left are removed.

        @param keepVersions: how many old contents stay beside the newest.
        @param isKept: whether the mirror is to have a resource, by its URL alone.
        @raise OSError: the folder cannot be made or written.
        """
        folder = os.path.abspath(folder)
        parts = os.path.join(folder, _PARTS)
        self._writing = Writing(folder, parts, keepVersions, isKept)
        self._writing.makeFolder(parts)
        with os.scandir(parts) as entries:
            for entry in entries:
                os.unlink(entry.path)

    def begin(self, url: GopherURL, standing: Standing | None, pending: bytes | None) -> Arrival:
        """
        The first bytes of a resource have come.

        @raise OSError: no file can be made.
        """
        return Arrival(self._writing, url, standing, pending)

    def pathOf(self, url: GopherURL) -> str:
        """
        Where the file of a resource is, if there is one.
        """
        return self._writing.path(filePath(url))

    def rebuild(self, check: Callable[[], None] = lambda: None) -> Iterator[Found]:
        """
        All resources that the files know of. Of their types they only know which were menus; the
        others are guessed by their endings, and menus say more.

        @param check: called now and then; it may raise.
        """
        folder = self._writing.folder
        for host in _folders(folder):
            for port in _folders(os.path.join(folder, host)):
                for parent, _, names in os.walk(os.path.join(folder, host, port)):
                    for name in sorted(names):
                        check()
                        found = self._found(os.path.join(parent, name), check)
                        if found is not None:
                            yield found

    def _found(self, path: str, check: Callable[[], None]) -> Found | None:
        name = os.path.relpath(path, self._writing.folder)
        url = urlOf(name)
        said = urlFile(name)
        if said is not None:
            with suppress(OSError, InvalidURL, UnicodeDecodeError):
                with open(self._writing.path(said), "rb") as file:
                    url = GopherURL.parse(file.read(_MOST).decode().removesuffix("\n"))
                if filePath(url) != name:
                    return None
        if url is None or not os.path.isfile(path):
            return None
        isMenu = os.path.exists(
            os.path.join(self._writing.path(hostFolder(url)), menuFolder(url), MAP)
        )
        url = replace(url, type="1" if isMenu else _guess(url.selector))
        return Found(url, Standing("whole", digestOfFile(path, check), os.stat(path).st_size), path)


_ENDINGS = MimeTypes().types_map[True]  # as Python has them, not this system
_TYPES = {"text/html": "h", "image/gif": "g", "image": "I", "audio": "s", "text": "0"}


def _guess(selector: bytes) -> str:
    """
    The type of a selector, by its ending.
    """
    ending = os.path.splitext(selector)[1].decode("latin-1").lower()
    kind = _ENDINGS.get(ending, "") if ending else "text/plain"
    return _TYPES.get(kind) or _TYPES.get(kind.partition("/")[0], "9")


def _folders(path: str) -> list[str]:
    """
    The folders in a folder; none if it is somebody else's, as C{lost+found} is.
    """
    try:
        found = os.scandir(path)
    except PermissionError:
        return []
    with found as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and entry.name != _PARTS
        )
