"""
A timer finer than the reactor's own, on a clock that never goes back.

The reactor rounds its waiting up to a millisecond, and reads the clock on the wall. On Linux a
timerfd(2), which the reactor reads like a socket, does better; elsewhere, and on a fake clock,
C{callLater} has to do.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
)
from twisted.python.failure import Failure
from zope.interface import implementer


class Timer(Protocol):
    """
    Calls a function once, at a time.
    """

    def seconds(self) -> float:
        """
        The time now, in seconds since whenever.
        """

    def at(self, when: float | None) -> None:
        """
        Call at this time instead of any that was set before; C{None}: do not call.
        """

    def close(self) -> None:
        """
        Never call again.
        """


class ReactorTimer:
    """
    A L{Timer} of C{callLater}.
    """

    def __init__(self, clock: IReactorTime, call: Callable[[], None]) -> None:
        self._clock = clock
        self._call = call
        self._delayed: IDelayedCall | None = None

    def seconds(self) -> float:
        return self._clock.seconds()

    def at(self, when: float | None) -> None:
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        if when is not None:
            wait = max(0.0, when - self._clock.seconds())
            self._delayed = self._clock.callLater(wait, self._wake)

    def close(self) -> None:
        self.at(None)

    def _wake(self) -> None:
        self._delayed = None
        self._call()


# sys/timerfd.h, time.h; struct itimerspec: interval, then value. Python has these from 3.13.
_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_SPEC = struct.Struct("@llll")
_NANO = 1_000_000_000


@cache
def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


@implementer(IReadDescriptor)
class KernelTimer:
    """
    A L{Timer} of timerfd(2).
    """

    def __init__(self, reactor: IReactorFDSet, call: Callable[[], None]) -> None:
        """
        @raise OSError: the system has none to give.
        """
        self._call = call
        self._reactor = reactor
        self._settime = _library().timerfd_settime
        self._file: int = _library().timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        reactor.addReader(self)

    def seconds(self) -> float:
        return time.monotonic()

    def at(self, when: float | None) -> None:
        if self._file >= 0:
            # not a moment before; 0 would stop the timer, a time gone by is now
            moment = 0 if when is None else max(1, math.ceil(when * _NANO))
            spec = _SPEC.pack(0, 0, *divmod(moment, _NANO))
            self._settime(self._file, _ABSOLUTE, spec, None)

    def close(self) -> None:
        if self._file >= 0:
            self._reactor.removeReader(self)
            os.close(self._file)
            self._file = -1

    # IReadDescriptor

    def fileno(self) -> int:
        return self._file

    def logPrefix(self) -> str:
        return "timer"

    def doRead(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:  # set anew since the reactor saw it
            return
        self._call()

    def connectionLost(self, reason: Failure) -> None:
        self.close()


def timer(reactor: Any, call: Callable[[], None]) -> Timer:
    """
    The finest timer that there is with this reactor.

    @param reactor: provides L{IReactorTime}, and L{IReactorFDSet} for the better one.
    """
    if sys.platform == "linux" and IReactorFDSet.providedBy(reactor):
        try:
            return KernelTimer(reactor, call)
        except (AttributeError, OSError):
            pass
    return ReactorTimer(reactor, call)
