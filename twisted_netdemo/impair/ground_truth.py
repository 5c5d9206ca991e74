"""
The ground truth: a file with the fate of each datagram, a line of JSON each.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.service.process.backlog import Backlog, openNonBlocking
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: How many bytes of a datagram are shown.
HEAD = 64

#: How many bytes may wait for a file that cannot take them.
WAITING = 1 << 24
_FLUSH = 1 << 16
_PERIOD = 0.1


def recordLine(
    t: float,
    direction: Direction,
    client: str,
    n: int,
    data: bytes,
    fates: Sequence[str],
    delay: float,
    sent: list[int],
    details: Mapping[str, int] | None = None,
) -> bytes:
    """
    One datagram's line.

    @param t: when the datagram came, in seconds since the start.
    @param client: its address and port.
    @param n: its number in this client and direction, from 0.
    @param data: as received.
    @param delay: as decided, in seconds.
    @param sent: the position of each copy in the order of leaving, from 0.
    @param details: what the faults add to the line
        (L{Fault.truth<twisted_netdemo.faults.kinds.fault.Fault>}).
    """
    record = {
        "t": round(t, 6),
        "direction": direction,
        "client": client,
        "n": n,
        "length": len(data),
        "fates": list(fates),
        "copies": len(sent),
        "delay_ms": round(delay * 1000, 3),
        "head": data[:HEAD].hex(),
        "sent": sent,
        **(details or {}),
    }
    return json.dumps(record).encode() + b"\n"


class DirectionTally:
    """
    The counts of one direction.

    @ivar received: datagrams that the relay received.
    @ivar lost: those of which no copy left, whatever the reason.
    @ivar out: copies that left.
    @ivar unread: datagrams that the system dropped before the relay could read them; they are not
        in C{received}.
    @ivar fates: how many datagrams met each fate.
    """

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self.out = 0
        self.unread = 0
        self.fates: Counter[str] = Counter()

    def count(self, fates: Sequence[str], copies: int) -> None:
        """
        One datagram has met its fate.
        """
        if fates:
            self.fates.update(fates)
        self.out += copies
        if not copies:
            self.lost += 1

    def summary(self) -> dict[str, int | dict[str, int]]:
        """
        The counts as they stand in the file's last line.
        """
        return {
            "in": self.received,
            "lost": self.lost,
            "out": self.out,
            "unread": self.unread,
            "fates": dict(sorted(self.fates.items())),
        }


def refusedLine(t: float, client: str) -> bytes:
    """
    The line for a datagram that the target's system has refused.

    @param t: when the system said so, in seconds since the start.
    @param client: its address and port; the system does not say which of its datagrams it was.
    """
    return json.dumps({"refused": {"t": round(t, 6), "client": client}}).encode() + b"\n"


def summaryLine(
    seed: int, clients: int, missing: int, refused: int, tallies: dict[Direction, DirectionTally]
) -> bytes:
    """
    The last line.

    @param missing: how many lines are missing before it.
    @param refused: how many datagrams the target refused.
    """
    summary: dict[str, object] = {
        "seed": seed,
        "clients": clients,
        "missing": missing,
        "refused": refused,
        **{direction: tallies[direction].summary() for direction in DIRECTIONS},
    }
    return json.dumps({"summary": summary}).encode() + b"\n"


class Lines(Protocol):
    """
    Takes lines.
    """

    def write(self, line: bytes) -> None:
        """
        Take one whole line.
        """


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
            "{path} cannot be written as fast as datagrams come: {times} lines are missing in it.",
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
