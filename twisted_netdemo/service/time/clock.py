"""
A reactor's clock for deadlines: the kernel's monotonic one, which nobody sets.

Twisted's reactors tell the time of day (twisted#2424). When that is set back an hour, a
C{callLater} that has begun waits an hour longer; when it is set forward, it comes at once. Code
with deadlines takes its clock through L{monotonic}.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Protocol, runtime_checkable
from weakref import WeakValueDictionary

from twisted.internet.base import DelayedCall, ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_netdemo.service.time.timer import Timer, timer

_log = Logger()

# Cancelled calls stay in the heap until there are so many, and more of them than of others.
_CANCELLED = 50


@implementer(IReactorTime)
class MonotonicClock:
    """
    The C{seconds} and C{callLater} of a reactor, by the monotonic clock. While no call is pending
    it has nothing in the reactor.
    """

    def __init__(self, reactor: ReactorBase) -> None:
        self._reactor = reactor
        self._calls: list[DelayedCall] = []  # a heap
        self._cancelled = 0  # of them
        self._timer: Timer | None = None
        self._set = math.inf  # when the timer will wake us

    #: as a plain function: it is asked for each datagram
    seconds = staticmethod(time.monotonic)

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        when = time.monotonic() + delay
        call = DelayedCall(when, callable, args, kw, self._forget, self._moved, time.monotonic)
        heappush(self._calls, call)
        self._arm()
        return call

    def getDelayedCalls(self) -> list[IDelayedCall]:
        return [call for call in self._calls if call.active()]

    def _forget(self, call: DelayedCall) -> None:
        """
        A call is about to be cancelled.
        """
        self._cancelled += 1
        if self._cancelled == len(self._calls):
            self._calls.clear()
            self._cancelled = 0
            self._arm()
        elif self._cancelled > max(_CANCELLED, len(self._calls) // 2):
            self._calls = [each for each in self._calls if each.active() and each is not call]
            heapify(self._calls)
            self._cancelled = 0

    def _moved(self, call: DelayedCall) -> None:
        """
        A call has been moved forward; the heap has its old time.
        """
        heapify(self._calls)
        self._arm()

    def _arm(self) -> None:
        """
        Set the timer for the first call, or remove it. Waking up for a cancelled call costs less
        than setting the timer for each.
        """
        if not self._calls:
            self._set = math.inf
            if self._timer is not None:
                self._timer.close()
                self._timer = None
            return
        first = self._calls[0].time
        if first < self._set:
            if self._timer is None:
                self._timer = timer(self._reactor, self._wake)
            self._set = first
            self._timer.at(first)

    def _wake(self) -> None:
        self._set = math.inf
        now = time.monotonic()
        while self._calls and self._calls[0].time <= now:
            call = heappop(self._calls)
            if call.cancelled:
                self._cancelled -= 1
            elif call.delayed_time > 0:
                call.activate_delay()
                heappush(self._calls, call)
            else:
                call.called = 1
                with _log.failuresHandled("a call that was due failed"):
                    call.func(*call.args, **call.kw)
        self._arm()


@runtime_checkable
class HasMonotonicClock(Protocol):
    """
    A clock whose time of day is set, and that has a monotonic one beside it, as the fake one in
    L{twisted_netdemo.testing} has.
    """

    @property
    def monotonic(self) -> IReactorTime:
        """
        The one to measure deadlines by.
        """


_clocks: WeakValueDictionary[ReactorBase, MonotonicClock] = WeakValueDictionary()


def monotonic(clock: IReactorTime) -> IReactorTime:
    """
    The clock to measure deadlines by.

    @return: for a reactor, its one L{MonotonicClock}; for a clock that has one of its own
        (L{HasMonotonicClock}), that one. Any other clock, such as L{twisted.internet.task.Clock},
        is returned as it is: nobody sets it.
    """
    if not isinstance(clock, ReactorBase):
        return clock.monotonic if isinstance(clock, HasMonotonicClock) else clock
    found = _clocks.get(clock)
    if found is None:
        found = _clocks[clock] = MonotonicClock(clock)
    return found
