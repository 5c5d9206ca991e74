"""
The log of the wire: a JSON line for each event; and the files that a run writes.
"""

from __future__ import annotations

from twisted_netdemo.badwire.events import Arrived, Sent
from twisted_netdemo.badwire.pictures import openPrivately

#: How many bytes are gathered for one write.
_GATHERED = 1 << 16


class Output:
    """
    A file of its user's alone, which never fails while the wire runs: the first error is kept,
    and nothing is written from then on.

    @ivar path: its name.
    @ivar error: why writing failed.
    """

    def __init__(self, path: str) -> None:
        """
        @raise OSError: it cannot be opened.
        """
        self.path = path
        self.error: OSError | None = None
        self._file = openPrivately(path)
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """
        Write at the latest when enough is gathered.
        """
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """
        Write what is gathered.
        """
        data, self._parts, self._size = b"".join(self._parts), [], 0
        if data and self.error is None:
            try:
                self._file.write(data)
                self._file.flush()
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


class LogFile:
    """
    Writes each event: a L{Listener<twisted_netdemo.badwire.events.Listener>}.
    """

    def __init__(self, output: Output) -> None:
        self._write = output.write

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        self._write(f"{event.toJSON()}\n".encode())

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        A copy arrives.
        """
        self._write(f"{event.toJSON()}\n".encode())
