"""
The file that the ground truth is written to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.process.backlog import Backlog, openNonBlocking
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: How many bytes may wait for a file that cannot take them.
WAITING = 1 << 24
_FLUSH = 1 << 16
_PERIOD = 0.1


class Truth(Protocol):
    """
    Takes the lines of a ground truth.

    @ivar missing: how many lines have been left out.
    """

    @property
    def missing(self) -> int: ...

    def write(self, line: bytes) -> None:
        """
        Take one whole line.
        """

    def flush(self) -> object:
        """
        Write the waiting lines, as far as they can be written now.
        """

    def close(self) -> None:
        """
        Write the rest. No more lines come.
        """


def conclude(truth: Truth | None, summary: Callable[[int], bytes]) -> None:
    """
    Write the last line of a ground truth, where there is one, and close it.

    @param summary: makes that line, given how many lines are missing before it.
    """
    if truth is not None:
        truth.flush()
        truth.write(summary(truth.missing))
        truth.close()


class LineFile:
    """
    A file of lines, which are written a few at a time and never block the reactor.

    Lines wait, up to a bound, while the file cannot take them (the disk is full, or a pipe has no
    reader). Beyond the bound whole lines are left out and counted, and the log says so at once,
    then once a minute and at the end.
    """

    def __init__(self, path: str, clock: IReactorTime, limit: int = WAITING) -> None:
        """
        Make the file, or empty it. It holds payload, so that a new one is closed to other users.

        @raise OSError: the file cannot be made or opened.
        """
        self._path = path
        self._clock = monotonic(clock)
        self._isBroken = self._isTold = False
        # A pipe must not block the reactor; for a regular file this makes no difference.
        self._file = openNonBlocking(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._lines = Backlog(partial(os.write, self._file), limit)
        self._delayed: IDelayedCall | None = None
        self._behind = RateLimitedLog(clock, self._sayBehind)

    @property
    def missing(self) -> int:
        """
        How many lines have been left out.
        """
        return self._lines.missing

    def write(self, line: bytes) -> None:
        if not self._lines.add(line):
            self._behind.happened()
        elif self._delayed is None:
            self._delayed = self._clock.callLater(_PERIOD, self._flushLater)
        elif len(self._lines) >= _FLUSH and not self._isBroken:
            self.flush()

    def _flushLater(self) -> None:
        self._delayed = None
        self.flush()
        if len(self._lines):
            self._delayed = self._clock.callLater(_PERIOD, self._flushLater)

    def flush(self) -> OSError | None:
        """
        Write the waiting lines, as far as the file takes them now.

        @return: the reason if some still wait.
        """
        error = self._lines.pour()
        self._isBroken = error is not None
        if error is None:
            self._isTold = False
        elif not isinstance(error, BlockingIOError) and not self._isTold:
            self._isTold = True
            _log.error("{path}: {error}", path=self._path, error=error.strerror)
        return error

    def _sayBehind(self, times: int) -> None:
        _log.warn(
            "{path} cannot be written as fast as lines come: {times} lines are missing in it.",
            path=self._path,
            times=times,
        )

    def close(self) -> None:
        """
        Write the rest, and close.
        """
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        self._behind.stop()
        error = self.flush()
        os.close(self._file)
        # a line that was written in part is missing too
        missing = self.missing + self._lines.lines
        if missing:
            _log.error(
                "{path} is not complete: {missing} lines are missing in it{reason}.",
                path=self._path,
                missing=missing,
                reason="" if error is None else f" ({error.strerror})",
            )
