"""
The log of the wire: a JSON line for each event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from twisted_netdemo.badwire.model.events import Arrived, Changed, Sent, Taken, fromJSON
from twisted_netdemo.badwire.private_files import OutputFile
from twisted_netdemo.badwire.render.recorder import Recorder

#: The length of the longest line of a log, in bytes.
LINE = 1 << 15


class LogFile:
    """
    Writes a line for each event: a L{Listener<twisted_netdemo.badwire.model.events.Listener>}.
    """

    def __init__(self, output: OutputFile) -> None:
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

    def taken(self, event: Taken, data: bytes) -> None:
        """
        A packet is lost by hand on its way.
        """
        self._write(f"{event.toJSON()}\n".encode())

    def changed(self, event: Changed) -> None:
        """
        The wire changes.
        """
        self._write(f"{event.toJSON()}\n".encode())


def read(log: BinaryIO, recorder: Recorder) -> str:
    """
    Give a recorder the events of a log. Lines that are no events are left out.

    @return: a complaint about the log, without its name; empty if all lines are events.
    """
    bad = 0
    first = ""
    for number, line in enumerate(_lines(log), 1):
        try:
            event = fromJSON(line) if line is not None else None
            if event is None:
                raise ValueError("too long")
        except ValueError as error:
            bad += 1
            first = first or f"line {number} is no event: {error}"
        else:
            recorder.add(event)
    return first + (f" ({bad - 1} more such lines)" if bad > 1 else "")


def _lines(log: BinaryIO) -> Iterator[bytes | None]:
    """
    The lines of a log, L{None} for each that is too long.
    """
    while line := log.readline(LINE):
        if len(line) < LINE or line.endswith(b"\n"):
            yield line
            continue
        yield None
        while (rest := log.readline(LINE)) and not rest.endswith(b"\n"):
            pass
