"""
The accuracy of this host's clock as the kernel estimates it: adjtimex(2), on Linux. On other
systems the clock counts as not synchronized.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate

# linux/timex.h
_TIME_ERROR = 5
_UNSYNC = 0x0040

#: What is said of a clock of which nothing is known, in seconds: the kernel too stops there.
_UNKNOWN = 16.0


class _Timex(ctypes.Structure):
    """
    struct timex, as far as it is read here.
    """

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


@cache
def _adjtimex() -> Any:
    return ctypes.CDLL(None, use_errno=True).adjtimex


def clockError() -> ErrorEstimate:
    """
    The Error Estimate of the clock that C{time.time_ns} reads, now.
    """
    timex = _Timex()
    try:
        state = _adjtimex()(ctypes.byref(timex)) if sys.platform == "linux" else -1
    except AttributeError:
        state = -1
    if state < 0:  # a sandbox may forbid it
        return ErrorEstimate.of(_UNKNOWN, synchronized=False)
    synchronized = state != _TIME_ERROR and not timex.status & _UNSYNC
    return ErrorEstimate.of(timex.maxerror / 1e6, synchronized)


class ClockError:
    """
    The Error Estimate for each packet. The kernel is asked once a second.
    """

    def __init__(self, ask: Callable[[], ErrorEstimate] = clockError) -> None:
        self._ask = ask
        self._until = -1.0
        self.estimate = ErrorEstimate.of(_UNKNOWN, synchronized=False)
        self.bits = self.estimate.toWire()

    def look(self, now: float) -> None:
        """
        Ask anew, if the last answer is old.

        @param now: in seconds of any clock that does not go back.
        """
        if now >= self._until:
            self._until = now + 1
            self.estimate = self._ask()
            self.bits = self.estimate.toWire()
