"""
Certificates pinned on first use: a file of lines C{host:port sha256-in-hex}.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from contextlib import suppress

from twisted_netdemo.gopher.files.whole_files import PartialFile

_LINE = re.compile(rb"(\S+) ([0-9a-f]{64})\s*")
# How many times a file is opened again that other programs replace.
_TRIES = 100


class PinsLocked(ValueError):
    """
    Another program is pinning a certificate. That takes milliseconds, unless it has been stopped.
    """


class Pins:
    """
    A file of pins. Programs only add pins; people remove them.

    To add one, the file is replaced by a complete new one. Of several programs that pin at the same
    time, one does and the others try again; the first pin of a host and port is valid.

    @ivar path: of the file; its folders are made with the first pin.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def get(self, where: str) -> str | None:
        """
        The fingerprint pinned for C{host:port}.

        @raise OSError: the file cannot be read.
        @raise ValueError: it is no ordinary file, or a line is no pin; to skip the line would
            forget a pin.
        """
        try:
            file = self._open(os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return self._find(_readAll(file), where)
        finally:
            os.close(file)

    def _find(self, data: bytes, where: str) -> str | None:
        wanted = where.encode()
        for number, line in enumerate(data.split(b"\n"), 1):
            if not line.strip():
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"line {number} of {self.path} is not a pin")
            if match[1] == wanted:
                return match[2].decode()
        return None

    def add(self, where: str, fingerprint: str) -> str:
        """
        Pin a certificate.

        @return: the pinned fingerprint, which has been flushed to the disk. It is another one if
            another program was faster.
        @raise OSError: the file cannot be written.
        @raise PinsLocked: another program is pinning.
        @raise ValueError: as L{get} does.
        """
        folder = os.path.dirname(self.path)
        if folder:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        file = self._openAlone()
        try:
            data = _readAll(file)
            pinned = self._find(data, where)
            if pinned is not None:
                return pinned
            if data and not data.endswith(b"\n"):  # an editor may not end the last line
                data += b"\n"
            self._replace(os.fstat(file), data + f"{where} {fingerprint}\n".encode())
        finally:
            os.close(file)
        return fingerprint

    def _replace(self, old: os.stat_result, data: bytes) -> None:
        path = os.path.realpath(self.path)  # a link to the file stays one
        part = PartialFile(path, 0o600)
        try:
            part.becomeLike(old)
            part.write(data)
            part.replace(path)
        except BaseException:
            part.remove()
            raise

    def _open(self, flags: int) -> int:
        """
        Open the file if it is an ordinary one: opening a pipe would block, and opening a device may
        do anything.
        """
        with suppress(FileNotFoundError):
            self._check(os.stat(self.path))
        file = os.open(self.path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, 0o600)
        try:
            self._check(os.fstat(file))  # it may have been replaced
        except BaseException:
            os.close(file)
            raise
        return file

    def _check(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{self.path} is not an ordinary file")

    def _openAlone(self) -> int:
        """
        Open the file, and make it if there is none. Until it is closed no other program replaces
        it.
        """
        for _ in range(_TRIES):
            file = self._open(os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file), os.stat(self.path)):
                    return file
            except FileNotFoundError:
                pass
            except BlockingIOError:
                os.close(file)
                break
            except BaseException:
                os.close(file)
                raise
            os.close(file)
        raise PinsLocked(f"another program keeps {self.path} locked")


def _readAll(file: int) -> bytes:
    chunks = []
    while data := os.read(file, 1 << 16):
        chunks.append(data)
    return b"".join(chunks)


def defaultPath() -> str:
    """
    The path of the user's pins, under C{$XDG_DATA_HOME}.
    """
    data = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(data):  # the XDG specification says to ignore it
        data = os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "gopherfetch", "pins")
