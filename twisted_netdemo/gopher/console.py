"""
The two ways out, for a person or a program: what was asked for, and what is said about it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from ..service.interruptible import interruptible
from .display import safeLine
from .wholefiles import writeAll


class OutputError(Exception):
    """
    The standard output takes nothing more.
    """


class Console:
    """
    Taken when the process begins: under twistd, logging replaces C{sys.stdout} later.

    @ivar isTerminal: whether the output is one.
    @ivar canAsk: whether there is somebody to ask.
    @ivar colour: whether the output takes colours.
    @param say: takes each message for people instead of stderr: in a daemon, the log.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._out = _descriptor(sys.stdout)
        self._encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self._errors = sys.stderr
        self._say = say
        self._bar: Any = None
        self._broken: str | None = None
        self.isTerminal = _isTerminal(sys.stdout)
        self.canAsk = _isTerminal(sys.stdin) and _isTerminal(sys.stderr)
        self.colour = (
            self.isTerminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    @property
    def isBroken(self) -> bool:
        """
        Whether a write has failed.
        """
        return self._broken is not None

    @property
    def columns(self) -> int | None:
        """
        The width of the terminal, or C{None}.
        """
        if not self.isTerminal or self._out is None:
            return None
        try:
            return os.get_terminal_size(self._out).columns or None
        except OSError:
            return None

    def write(self, data: bytes) -> None:
        """
        Put bytes out as they are, and wait until they are.

        @raise OutputError: where that cannot be done.
        """
        if self._out is None:
            self._broken = "standard output is closed"
        if self._broken is not None or self._out is None:
            raise OutputError(self._broken)
        self._hideBar()
        try:
            with interruptible():
                writeAll(self._out, data)
        except OSError as error:
            self._broken = f"cannot write: {error.strerror}"
            raise OutputError(self._broken) from None

    def writeText(self, text: str) -> None:
        """
        Put text out, with the line ends of this system; what its charset lacks is written as
        C{\\u1234}.

        @raise OutputError: where that cannot be done.
        """
        if os.linesep != "\n":
            text = text.replace("\n", os.linesep)
        self.write(text.encode(self._encoding, "backslashreplace"))

    def say(self, line: str) -> None:
        """
        Tell people one line, in which nothing can drive their terminal.
        """
        line = safeLine(line)
        if self._say is not None:
            self._say(line)
            return
        self._hideBar()
        if self._errors is None:
            return
        # one write, so that no line of a log comes between; with stderr broken nobody can be told
        with contextlib.suppress(OSError, ValueError), interruptible():
            if not line.isascii():
                line = line.encode("utf-8", "backslashreplace").decode()
            self._errors.write(line + "\n")
            self._errors.flush()

    def ask(self, question: str) -> str:
        """
        Ask the person for a line.

        @raise EOFError: where there is none.
        """
        with interruptible():
            print(question, end="", file=self._errors, flush=True)
            line = sys.stdin.buffer.readline()
        if not line:
            raise EOFError
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def showProgress(self, size: int, what: str, seconds: float) -> None:
        """
        Show how many bytes have come in so many seconds, on stderr, if it is a terminal.
        """
        if self._say is not None or not _isTerminal(self._errors):
            return
        if self._bar is None:
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # we refresh; no thread is needed
            self._bar = tqdm(
                unit="B",
                unit_scale=True,
                file=self._errors,
                leave=False,
                dynamic_ncols=True,
                delay=1e-9,  # not drawn before there is something to say
            )
            self._bar.start_t -= seconds
        self._bar.n = size
        self._bar.set_description_str(what, refresh=True)

    def hideProgress(self) -> None:
        """
        The end of it.
        """
        if self._bar is not None:
            bar, self._bar = self._bar, None
            bar.close()

    def _hideBar(self) -> None:
        if self._bar is not None:
            self._bar.clear()


def _isTerminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _descriptor(stream: TextIO | None) -> int | None:
    if stream is None:
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
