"""
Standard output, for the results, and standard error, for messages and progress.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TextIO

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_netdemo.gopher.cli.pace import Pace
from twisted_netdemo.gopher.files.descriptor_writer import (
    DescriptorWriter,
    ReaderTimeout,
    isWritable,
)
from twisted_netdemo.gopher.formats.display import safeLine
from twisted_netdemo.service.process.interruptible import interruptible

if TYPE_CHECKING:
    from tqdm import tqdm


class OutputError(Exception):
    """
    Standard output takes no more bytes; the message says why.
    """


class StandardStreams:
    """
    The standard streams as they are when it is made: under twistd, logging replaces C{sys.stdout}
    later.

    @ivar isTerminal: whether standard output is a terminal.
    @ivar canAsk: whether a person can be asked questions.
    @ivar colour: whether to write in colours.
    @param say: called with each message instead of writing it to stderr: a daemon logs it.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._out = _descriptor(sys.stdout)
        self._output = None if self._out is None else DescriptorWriter(self._out)
        self._encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self._errors = sys.stderr
        self._say = say
        self._bar: tqdm[NoReturn] | None = None
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

    def write(self, data: bytes | str, pace: Pace) -> Deferred[None] | None:
        """
        Write bytes as they are, or a text with the line ends of this system; a character that the
        encoding of the output lacks is written as C{\\u1234}.

        @param pace: how long the reader may take.
        @return: C{None} if all is written. Else a L{Deferred} that fires when a slow reader has
            taken it; until then nothing more may be written.
        @raise OutputError: it cannot be written; the Deferred may fail so too.
        """
        if isinstance(data, str):
            if os.linesep != "\n":
                data = data.replace("\n", os.linesep)
            data = data.encode(self._encoding, "backslashreplace")
        if self._broken is None and self._output is None:
            self._broken = "standard output is closed"
        if self._broken is not None or self._output is None:
            raise OutputError(self._broken)
        self._hideBar()
        try:
            waiting = self._output.write(data, pace)
        except OSError:
            self._failed(Failure())
        return waiting.addErrback(self._failed) if waiting is not None else None

    def _failed(self, reason: Failure) -> NoReturn:
        error = reason.value
        if isinstance(error, ReaderTimeout):
            self._broken = f"cannot write: standard output is {error.strerror}"
        elif isinstance(error, OSError):
            self._broken = f"cannot write: {error.strerror}"
        else:
            reason.raiseException()
        raise OutputError(self._broken)

    def say(self, line: str) -> None:
        """
        Write one message to stderr; control characters in it are made visible.
        """
        line = safeLine(line)
        if self._say is not None:
            self._say(line)
            return
        self._hideBar()
        if self._errors is None or (self.isBroken and not self._canSay):
            return
        # one write, so that no log line comes between; if stderr is broken, the message is lost
        with contextlib.suppress(OSError, ValueError), interruptible():
            if not line.isascii():
                line = line.encode("utf-8", "backslashreplace").decode()
            self._errors.write(line + "\n")
            self._errors.flush()

    @property
    def _canSay(self) -> bool:
        descriptor = _descriptor(self._errors)
        return descriptor is None or isWritable(descriptor, 0)

    def ask(self, question: str) -> str:
        """
        Ask the person for a line.

        @raise EOFError: standard input has ended.
        """
        with interruptible():
            print(question, end="", file=self._errors, flush=True)
            line = sys.stdin.buffer.readline()
        if not line:
            raise EOFError
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def showProgress(self, size: int, what: str, seconds: float) -> None:
        """
        Draw the progress bar, if stderr is a terminal.

        @param size: how many bytes have come.
        @param what: the text before the bar.
        @param seconds: how long that took.
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
        Remove the progress bar.
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
