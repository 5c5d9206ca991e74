"""
The two ways out, for a person or a program: what was asked for, and what is said about it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
import sys
import termios
from collections.abc import Callable
from typing import Any, TextIO

from twisted.internet.defer import Deferred

from twisted_netdemo.gopher.cli.display import safeLine
from twisted_netdemo.gopher.cli.pace import Pace
from twisted_netdemo.service.process.interruptible import interruptible

#: How many seconds it is waited for the reader of a pipe, before the reactor has its turn.
_WAIT = 0.05


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
        self._mayBlock = self._out is not None and _mayBlock(self._out)
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

    def write(self, data: bytes | str, pace: Pace) -> Deferred[None] | None:
        """
        Put bytes out as they are, or a text with the line ends of this system, in which what its
        charset lacks is written as C{\\u1234}.

        @param pace: how long it may take.
        @return: C{None} where all is out. Else a reader is slow, to which no more may be written
            until it fires.
        @raise OutputError: where that cannot be done; the Deferred may fail so too.
        """
        if isinstance(data, str):
            if os.linesep != "\n":
                data = data.replace("\n", os.linesep)
            data = data.encode(self._encoding, "backslashreplace")
        if self._broken is None:
            self._hideBar()
            left = self._put(data)
            if left:
                return Deferred.fromCoroutine(self._putSlowly(left, pace))
        if self._broken is not None:
            raise OutputError(self._broken)
        return None

    async def _putSlowly(self, left: bytes | memoryview, pace: Pace) -> None:
        while left and not pace.isLast:
            await pace.turn()
            left = self._put(left)
        if left:
            self._broken = "cannot write: standard output is not read in time"
        if self._broken is not None:
            raise OutputError(self._broken)

    def _put(self, data: bytes | memoryview) -> bytes | memoryview:
        """
        Write what there is room for: to write more to a pipe would block, past every deadline and
        signal.

        @return: the rest; none where no more can be written at all.
        """
        if self._out is None:
            self._broken = "standard output is closed"
            return b""
        left = memoryview(data)
        try:
            while left and (room := self._room(len(left))):
                # a terminal, or a pipe that others write to as well, may block all the same
                with contextlib.suppress(BlockingIOError), interruptible():
                    left = left[os.write(self._out, left[:room]) :]
        except OSError as error:
            self._broken = f"cannot write: {error.strerror}"
            return b""
        return left

    def _room(self, wanted: int) -> int:
        """
        How much of what is wanted can be written without blocking; waits a little for a reader.
        """
        if self._out is None or not self._mayBlock:
            return wanted
        if wanted > select.PIPE_BUF:
            with contextlib.suppress(OSError):  # it is no pipe
                size = fcntl.fcntl(self._out, fcntl.F_GETPIPE_SZ)
                if not any(fcntl.ioctl(self._out, termios.FIONREAD, bytes(4))):  # it is empty
                    return size
        return select.PIPE_BUF if _isReady(self._out, _WAIT) else 0

    def say(self, line: str) -> None:
        """
        Tell people one line, in which nothing can drive their terminal.
        """
        line = safeLine(line)
        if self._say is not None:
            self._say(line)
            return
        self._hideBar()
        if self._errors is None or (self.isBroken and not _isReady(_descriptor(self._errors), 0)):
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


def _mayBlock(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


def _isReady(descriptor: int | None, seconds: float) -> bool:
    """
    Wait so long, until something can be written, or it is known that nothing can.
    """
    if descriptor is None:
        return True
    return bool(select.select([], [descriptor], [], seconds)[1])


def _descriptor(stream: TextIO | None) -> int | None:
    if stream is None:
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
