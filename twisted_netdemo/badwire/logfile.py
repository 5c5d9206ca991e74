"""
The log of the wire: a file with a JSON line for each event, for its owner's eyes.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from twisted_netdemo.badwire.events import Arrived, Sent

#: How many bytes are gathered for one write.
_GATHERED = 1 << 16


def openPrivate(path: str) -> BinaryIO:
    """
    A new file that only its owner may read; one that stands there is emptied, and made so.

    What is no plain file (a pipe, /dev/null) is opened as it is.

    @raise OSError: it cannot be.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        os.fchmod(fd, 0o600)
    return open(fd, "wb", buffering=0)


class LogFile:
    """
    Writes the events as they come, some at a time.

    @ivar error: why writing failed; nothing is written from then on.
    """

    def __init__(self, path: str) -> None:
        """
        @raise OSError: the file cannot be written.
        """
        self.path = path
        self.error: OSError | None = None
        self._file = openPrivate(path)
        self._lines: list[str] = []
        self._size = 0

    def sent(self, event: Sent, data: bytes) -> None:
        """
        See L{Listener<twisted_netdemo.badwire.events.Listener>}.
        """
        self._add(event.toJSON())

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        See L{Listener<twisted_netdemo.badwire.events.Listener>}.
        """
        self._add(event.toJSON())

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size > _GATHERED:
            self.flush()

    def flush(self) -> None:
        """
        Write what has been gathered.
        """
        lines, self._lines, self._size = self._lines, [], 0
        if not lines or self.error is not None:
            return
        data = memoryview("".join(f"{line}\n" for line in lines).encode("ascii"))
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self.error = error

    def close(self) -> None:
        """
        Write the rest.
        """
        self.flush()
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error
