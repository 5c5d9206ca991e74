"""
The monotonic clock of a reactor.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from twisted_netdemo.service.time import clock as module
from twisted_netdemo.service.time.clock import MonotonicClock, monotonic
from twisted_netdemo.service.time.timer import ClockTimer

# What is done in a step, and with which call, and how long the step takes.
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["call", "cancel", "reset", "delay", "nothing"]),
        st.integers(0, 100),
        st.integers(0, 8),
        st.integers(0, 3),
    ),
    max_size=150,
)


class InMemory(SynchronousTestCase):
    """
    With a fake for the kernel's clock and timer.
    """

    def setUp(self) -> None:
        self.fake = Clock()
        self.patch(module, "time", SimpleNamespace(monotonic=self.fake.seconds))
        self.patch(module, "timer", lambda reactor, call: ClockTimer(self.fake, call))
        reactor: Any = None
        self.clock = MonotonicClock(reactor)

    def test_interface(self) -> None:
        """
        It can stand wherever Twisted asks for something that calls later.
        """
        verifyObject(IReactorTime, self.clock)
        verifyObject(IReactorTime, monotonic(Clock()))

    def test_fakesAreLeftAlone(self) -> None:
        """
        A test's own clock goes when the test says so, and a fake reactor is such a clock.
        """
        for fake in (Clock(), MemoryReactorClock()):
            self.assertIs(monotonic(fake), fake)
        self.assertIs(monotonic(self.clock), self.clock)

    def test_aFailureHarmsNoOther(self) -> None:
        """
        A call that raises is in the log, and the next one comes.
        """
        came: list[str] = []
        self.clock.callLater(1, lambda: 1 // 0)
        self.clock.callLater(1, came.append, "next")
        self.fake.advance(1)
        self.assertEqual(came, ["next"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothingIsLeft(self) -> None:
        """
        Once all calls have been made or cancelled, the reactor is clean.
        """
        kept = [self.clock.callLater(5, self.fail) for _ in range(200)]
        self.clock.callLater(1, lambda: None)
        self.fake.advance(1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 200)
        for call in kept:
            call.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.fake.getDelayedCalls(), [])

    @given(_STEPS)
    def test_asTwistedsClock(self, steps: list[tuple[str, int, int, int]]) -> None:
        """
        Whatever is called, cancelled, reset and delayed comes when it would on Twisted's own clock.
        """
        self.setUp()
        came: list[tuple[float, int]] = []
        expected: list[tuple[float, int]] = []
        calls: list[tuple[Any, Any]] = []

        def begin(clock: Any, seconds: int, log: list[tuple[float, int]]) -> Any:
            number = len(calls)
            return clock.callLater(seconds, lambda: log.append((self.fake.seconds(), number)))

        for step, which, seconds, pause in steps:
            if step == "call":
                ours = begin(self.clock, seconds, came)
                calls.append((ours, begin(self.fake, seconds, expected)))
            elif calls and step != "nothing":
                for each in calls[which % len(calls)]:
                    if each.active():
                        getattr(each, step)(*[seconds] * (step != "cancel"))
            for _ in range(pause):
                self.fake.advance(1)
            self.fake.advance(0)
        for _ in range(400):
            self.fake.advance(1)
        self.assertEqual(sorted(came), sorted(expected))
        self.assertEqual(self.fake.getDelayedCalls(), [])


class OnTheReactor(TestCase):
    async def test_comes(self) -> None:
        """
        Of a real reactor there is one; its calls come at their times, and leave nothing behind.
        """
        from twisted.internet import reactor

        clock = monotonic(reactor)
        self.assertIsInstance(clock, MonotonicClock)
        self.assertIs(monotonic(reactor), clock)
        for delay in (0.002, 0):
            due: Deferred[float] = Deferred()
            begun = time.monotonic()
            clock.callLater(delay, lambda due=due: due.callback(time.monotonic()))
            self.assertGreaterEqual(await due, begun + delay)
