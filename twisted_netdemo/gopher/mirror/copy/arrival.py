"""
What comes for one resource, until it stands under its name or beside it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b

from twisted_netdemo.gopher.mirror.contract import DIGEST, Standing, Stored
from twisted_netdemo.gopher.mirror.copy.gophermap import MOST, gophermap, menuItems
from twisted_netdemo.gopher.mirror.copy.names import (
    MAP,
    filePath,
    hostFolder,
    menuFolder,
    slashless,
    urlFile,
)
from twisted_netdemo.gopher.mirror.copy.versions import keepOld
from twisted_netdemo.gopher.mirror.copy.writing import Writing, digestOfFile, sizeOf
from twisted_netdemo.gopher.url import GopherURL

#: What is behind the name of a content that may not replace what stands.
BESIDE = ".truncated"


class Arrival:
    """
    Takes the bytes of one resource.
    """

    def __init__(
        self, writing: Writing, url: GopherURL, standing: Standing | None, pending: bytes | None
    ) -> None:
        """
        @param standing: what the database knows of the file under the real name.
        @param pending: the digest of the suspect content that is beside it.
        @raise OSError: the part cannot be made.
        """
        self._writing = writing
        self._url = url
        self._standing = standing
        self._pending = pending
        self._name = filePath(url)
        self._path = writing.path(self._name)
        self._digest = blake2b(digest_size=DIGEST)
        self._size = 0
        self._part = writing.part()

    def write(self, data: bytes) -> None:
        """
        Append bytes.

        @raise OSError: they cannot be written.
        """
        self._part.write(data)
        self._digest.update(data)
        self._size += len(data)

    def abandon(self) -> None:
        """
        Remove what came.
        """
        self._part.remove()

    def commit(self, verdict: str, isMenu: bool) -> Stored:
        """
        Nothing more comes: give it its place.

        A whole content replaces what stands. A suspect one does where nothing stands or a suspect
        one, or if the same bytes came before; else it is put beside, as a truncated one is.

        @param verdict: C{whole}, C{suspect} or C{truncated}.
        @param isMenu: whether to write the file for servers too.
        @raise OSError: it cannot be stored; the file before it still stands.
        """
        try:
            stored = self._store(verdict)
            if isMenu and stored.standing is not None:
                self._writeMaps()
            return stored
        finally:
            self._part.remove()

    def _store(self, verdict: str) -> Stored:
        came = Standing(verdict, self._digest.digest(), self._size)
        size = sizeOf(self._path)
        # a mirror may have been killed after the file got its name and before that was recorded
        known = self._standing if size is not None else None
        if verdict == "truncated":
            self._putBeside()
            return Stored(self._there(known, size), False)
        if size == came.size and digestOfFile(self._path) == came.digest:
            self._removeBeside()
            if known is not None and known.verdict == "whole":
                came = replace(came, verdict="whole")
            return Stored(came, False)
        isFree = size is None or (known is not None and known.verdict == "suspect")
        if verdict == "suspect" and not isFree and self._pending != came.digest:
            self._putBeside()
            return Stored(self._there(known, size), False, came.digest)
        if size is not None and self._writing.keepVersions:
            keepOld(self._path, self._writing.keepVersions)
        self._put(self._path)
        self._removeBeside()
        return Stored(came, True)

    def _there(self, known: Standing | None, size: int | None) -> Standing | None:
        """
        What stands.
        """
        if size is None or known is not None:
            return known
        return Standing("whole", digestOfFile(self._path), size)

    def _put(self, path: str) -> None:
        self._writing.makeFolder(os.path.dirname(path))
        said = urlFile(self._name)
        if said is not None:
            self._writing.put(said, f"{self._url}\n".encode())
        self._part.replace(path)

    def _putBeside(self) -> None:
        self._put(self._path + BESIDE)

    def _removeBeside(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._path + BESIDE)

    def _writeMaps(self) -> None:
        """
        Write the file for servers into the menu's folder; and into that of the same selector
        without a final slash, if there is no menu of that name: people go there.
        """
        with open(self._path, "rb") as file:
            data = file.read(MOST)
        folders = [menuFolder(self._url)]
        other = slashless(self._url)
        if other is not None and sizeOf(self._writing.path(filePath(other))) is None:
            folders.append(menuFolder(other))
        for folder in folders:
            made = gophermap(menuItems(data), self._url, folder, self._writing.isKept)
            self._writing.put("/".join(filter(None, (hostFolder(self._url), folder, MAP))), made)
