"""
The process's log, which never blocks the reactor: lines that its reader does not take wait, up to a
bound; further lines are left out, and their number is logged once the log flows again.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO, cast

from twisted.logger import ILogObserver, Logger, textFileLogObserver

from twisted_netdemo.service.process.backlog import Backlog, Write, openNonBlocking, writing
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: How many bytes of the log may wait.
WAITING = 1 << 20
# How long until a file that took no more is tried again, in seconds, if no line comes before.
_PERIOD = 0.1
# How long the last lines may wait for their reader when all else has ended, in seconds.
_PATIENCE = 0.5


class LogStream:
    """
    A file for a log, as Twisted's observers write to it: text, a line or more at a time.

    @ivar path: of a file that was opened by its name, else C{None}.
    @ivar clock: the reactor.
    """

    def __init__(
        self, file: TextIO | str | None, clock: Any, limit: int = WAITING, write: Write = len
    ) -> None:
        """
        @param file: a path, to be appended to; or an open file; or C{None}, as C{sys.stdout} is
            when it was closed: then the lines are dropped, unless C{write} takes them.
        @raise OSError: it cannot be opened.
        """
        self.path: str | None = None
        self._number = -1
        self.clock = clock
        # Threads log events too, and so does code that runs while an event is being logged.
        self._lock = threading.RLock()
        self._delayed = False
        self._close: Callable[[], object] = lambda: None
        if isinstance(file, str):
            self.path = os.path.abspath(file)
            self._number = _append(self.path)
            write, self._close = self._writeFile, self._closeFile
        elif file is not None:
            self._number = file.fileno()
            write, self._close = writing(self._number)
        self._backlog = Backlog(write, limit)

    def _writeFile(self, data: bytes) -> int:
        return os.write(self._number, data)

    def _closeFile(self) -> None:
        os.close(self._number)

    def isatty(self) -> bool:
        """
        Whether it is a terminal.
        """
        return self._number >= 0 and os.isatty(self._number)

    def write(self, text: str) -> None:
        """
        Take whole lines.
        """
        lines = text.encode("utf-8", "backslashreplace")
        with self._lock:
            backlog = self._backlog
            if backlog.missing and not self._pour():
                backlog.leaveOut(lines)  # so that all that is missing is missing in one place
            elif backlog.add(lines):
                self._pour()

    def flush(self) -> None:
        """
        Does nothing: lines are written as soon as the file takes them.
        """

    def _pour(self) -> bool:
        """
        @return: whether nothing waits any more.
        """
        backlog = self._backlog
        if backlog.pour() is not None:
            if not self._delayed:
                self._delayed = True
                self.clock.callFromThread(monotonic(self.clock).callLater, _PERIOD, self._again)
            return False
        missing, backlog.missing = backlog.missing, 0
        if missing:
            _log.warn(
                "{missing} line(s) of the log are missing here: it was not read.", missing=missing
            )
        return True

    def _again(self) -> None:
        with self._lock:
            self._delayed = False
            self._pour()

    def finish(self) -> None:
        """
        Give the reader a moment to take the waiting lines; for the very end of the process.
        """
        if not self._backlog or sys.platform == "win32":
            return
        poller = select.poll()
        poller.register(self._number, select.POLLOUT)
        end = time.monotonic() + _PATIENCE
        with self._lock:
            while self._backlog and (left := end - time.monotonic()) > 0:
                before = len(self._backlog)
                poller.poll(left * 1000)
                self._backlog.pour()
                if len(self._backlog) == before:
                    return

    def close(self) -> None:
        """
        Close what this has opened: not a file that was open already. Lines are dropped from now on.
        """
        with self._lock:
            self._backlog.write = len
            close, self._close = self._close, lambda: None
            close()

    def reopen(self) -> bool | None:
        """
        Open the file by its name again, which may have been given to another file meanwhile. Where
        that fails, it goes on with the one that it has, and says so there.

        @return: whether that was done, C{None} where it has no name.
        """
        if self.path is None:
            return None
        with self._lock:
            try:
                new = _append(self.path, stat.S_IMODE(os.fstat(self._number).st_mode))
            except OSError as error:
                _log.error(
                    "The log goes on in the old file: {path} cannot be opened: {error}.",
                    path=self.path,
                    error=error.strerror,
                )
                return False
            old, self._number = self._number, new
            os.close(old)
        return True

    def rotate(self) -> bool | None:
        """
        Give the file the name C{PATH.1}, those that have such names the next ones, and go on in a
        new one. Where that fails, it goes on as it was, and says so.

        @return: whether that was done, C{None} where it is no regular file with a name.
        """
        path = self.path
        if path is None or not stat.S_ISREG(os.fstat(self._number).st_mode):
            return None
        try:
            if os.path.lexists(path):  # else it has been removed
                last = 0
                while os.path.lexists(f"{path}.{last + 1}"):
                    last += 1
                for n in range(last, 0, -1):
                    os.rename(f"{path}.{n}", f"{path}.{n + 1}")
                os.rename(path, f"{path}.1")
        except OSError as error:
            _log.error(
                "The log is not rotated: {path}: {error}.",
                path=error.filename,
                error=error.strerror,
            )
            return False
        return self.reopen()


def _append(path: str, mode: int | None = None) -> int:
    """
    @param mode: of a new file, whatever the umask.
    """
    kind = 0
    with suppress(FileNotFoundError):
        kind = os.stat(path).st_mode
    if stat.S_ISFIFO(kind):
        # Without a reader it could not be opened for writing alone; so its readers come and go.
        return openNonBlocking(path, os.O_RDWR)
    number = openNonBlocking(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if not kind and mode is not None:
        os.fchmod(number, mode)
    return number


# Those of this process's log; and the file that the text of it is for, C{None} for standard output.
_streams: list[LogStream] = []
_file: str | None = None


def stream(file: TextIO | str | None) -> LogStream:
    """
    The stream of this process's log.

    @raise StartError: it cannot be opened.
    """
    from twisted.internet import reactor

    try:
        made = LogStream(file, reactor)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) else error
        name = os.path.abspath(file) if isinstance(file, str) else "on standard output"
        raise StartError(f"The log {name} cannot be written: {why}.") from None
    register(made)
    return made


def register(made: LogStream) -> None:
    """
    Have a stream of this process's log end well, and opened again by L{reopen}.
    """
    system: Any = made.clock
    system.addSystemEventTrigger("after", "shutdown", made.finish)
    _streams.append(made)


def chooseFile(path: str | None) -> str:
    """
    Have L{text} write there.

    @return: its name, for twistd's C{--logger}.
    """
    global _file
    _file = path
    return f"{__name__}.{text.__name__}"


def text() -> ILogObserver:
    """
    twistd's log, in its own format.
    """
    to = stream(sys.stdout if _file is None else _file)
    # As twistd's own log has it, where the service does not take the signal later.
    number = getattr(signal, "SIGUSR1", None)
    if _file is not None and number is not None and not signal.getsignal(number):
        signal.signal(number, lambda *_: to.clock.callFromThread(to.rotate))
    # Its write is all that an observer needs of a file.
    observer: ILogObserver = textFileLogObserver(cast(TextIO, to))
    return observer


def reopen() -> bool | None:
    """
    Open this process's log by its name again, after another program has renamed it. What goes wrong
    with that is said in the log.

    @return: whether that was done, C{None} where it has no name, as what was open already
        (standard output) has none.
    """
    return _all(each.reopen() for each in _streams)


def rotate() -> bool | None:
    """
    Rename this process's log to C{PATH.1}, as twistd does, and go on in a new file. What goes wrong
    with that is said in the log.

    @return: whether that was done, C{None} where it is no regular file with a name.
    """
    return _all(each.rotate() for each in _streams)


def _all(done: Iterable[bool | None]) -> bool | None:
    those = [each for each in done if each is not None]
    return all(those) if those else None
