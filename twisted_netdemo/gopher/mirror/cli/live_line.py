"""
One line at the bottom of a terminal that changes while other lines scroll past it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from twisted_netdemo.gopher.formats.display import safeLine

# Of a terminal that does not say.
_COLUMNS = 80


class LiveLine:
    """
    @param stream: if it is no terminal, only the other lines are written; if it is C{None}, nothing
        is.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._isTerminal = stream is not None and stream.isatty()
        self._isShown = False

    def show(self, text: str) -> None:
        """
        Show this instead of the last.
        """
        if self._stream is None or not self._isTerminal:
            return
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            columns = 0
        self._write(f"\r\x1b[K{safeLine(text)[: (columns or _COLUMNS) - 1]}")
        self._isShown = True

    def say(self, line: str) -> None:
        """
        Write a line above it.
        """
        self.clear()
        self._write(f"{safeLine(line)}\n")

    def clear(self) -> None:
        """
        Remove it.
        """
        if self._isShown:
            self._isShown = False
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        with suppress(OSError, ValueError):  # the terminal has gone
            self._stream.write(text)
            self._stream.flush()
