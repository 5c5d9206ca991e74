"""
A timer finer than the reactor's own, on a clock that never goes back.

The reactor rounds its waiting up to a millisecond, and reads the time of day. On Linux a
timerfd(2), which the reactor reads like a socket, does better; elsewhere a thread that sleeps by
the monotonic clock does. On a fake clock C{callLater} is right.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Protocol

from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorTime,
    IReadDescriptor,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_log = Logger()


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


class ClockTimer:
    """
    A L{Timer} of a fake clock's C{callLater}.
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


# From sys/timerfd.h; struct itimerspec is an interval, then the value, in seconds and nanoseconds.
_ABSOLUTE = 1
_SPEC = struct.Struct("@llll")
_NANO = 1_000_000_000
# In seconds since the machine started: the latest that every system's struct can hold.
_NEVER = (1 << 31) - 1

#: Makes a timer's descriptor; sets it to a moment in nanoseconds, 0 for none.
_Calls = tuple[Callable[[], int], Callable[[int, int], object]]


@cache
def _calls() -> _Calls:
    """
    @raise AttributeError: the system has no timerfd(2).
    """
    if sys.version_info >= (3, 13):
        made, settime, absolute = os.timerfd_create, os.timerfd_settime_ns, os.TFD_TIMER_ABSTIME
        kind = partial(made, time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        return kind, lambda file, moment: settime(file, flags=absolute, initial=moment)
    import ctypes  # only now: it takes some milliseconds

    library = ctypes.CDLL(None, use_errno=True)
    create, set_ = library.timerfd_create, library.timerfd_settime

    def make() -> int:
        file: int = create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if file < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return file

    return make, lambda file, moment: set_(
        file, _ABSOLUTE, _SPEC.pack(0, 0, *divmod(moment, _NANO)), None
    )


@implementer(IReadDescriptor)
class KernelTimer:
    """
    A L{Timer} of timerfd(2).
    """

    def __init__(self, reactor: IReactorFDSet, call: Callable[[], None]) -> None:
        """
        @raise AttributeError: the system has none at all.
        @raise OSError: it has none to give.
        """
        self._call = call
        self._reactor = reactor
        make, self._set = _calls()
        self._file = make()

    def seconds(self) -> float:
        return time.monotonic()

    def at(self, when: float | None) -> None:
        if self._file >= 0:
            # not a moment before; 0 would stop the timer, a time gone by is now
            moment = 0 if when is None else max(1, math.ceil(min(when, _NEVER) * _NANO))
            self._set(self._file, moment)
            # anew, for trial removes all readers after a class of tests that left one
            self._reactor.addReader(self)

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
        # the reactor would close a reader that raises, and nothing would be called any more
        with _log.failuresHandled("a timer's callback failed"):
            self._call()

    def connectionLost(self, reason: Failure) -> None:
        self.close()


class ThreadTimer:
    """
    A L{Timer} of a thread that wakes the reactor. The thread begins when a time is set first: one
    that had begun before the process became a daemon would be left behind.
    """

    def __init__(self, reactor: IReactorFromThreads, call: Callable[[], None]) -> None:
        self._reactor = reactor
        self._call = call
        self._when = math.inf
        self._setting = 0  # how often it has been set
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def seconds(self) -> float:
        return time.monotonic()

    def at(self, when: float | None) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._wait, name="timer", daemon=True)
            self._thread.start()
        with self._changed:
            self._setting += 1
            self._when = math.inf if when is None else when
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._setting += 1
            self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            while not self._closed:
                left = self._when - time.monotonic()
                if left > 0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                else:
                    self._when = math.inf
                    self._reactor.callFromThread(self._wake, self._setting)

    def _wake(self, setting: int) -> None:
        if setting == self._setting:  # else it has been set anew meanwhile
            self._call()


def timer(reactor: IReactorTime, call: Callable[[], None]) -> Timer:
    """
    The finest timer that there is with this reactor.

    @param reactor: provides L{IReactorTime}; one of Twisted's own gets a timer by the monotonic
        clock.
    """
    if not isinstance(reactor, ReactorBase):
        return ClockTimer(reactor, call)
    if sys.platform == "linux" and IReactorFDSet.providedBy(reactor):
        with suppress(AttributeError, OSError):
            return KernelTimer(reactor, call)
    return ThreadTimer(reactor, call)
