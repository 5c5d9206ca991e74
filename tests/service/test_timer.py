"""
The fine timer.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_netdemo.service.timer import ClockTimer, KernelTimer, ThreadTimer, Timer, timer


class OnAFakeClock(SynchronousTestCase):
    """
    Where there is no kernel's timer, the reactor's does.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: list[float] = []
        self.timer = timer(self.clock, lambda: self.calls.append(self.clock.seconds()))

    def test_once(self) -> None:
        """
        It calls once, at the time; one gone by is now.
        """
        self.assertIsInstance(self.timer, ClockTimer)
        self.timer.at(0.5)
        self.clock.pump([0.25] * 4)
        self.assertEqual(self.calls, [0.5])
        self.timer.at(0.1)
        self.clock.advance(0)
        self.assertEqual(self.calls, [0.5, 1.0])

    def test_setAnew(self) -> None:
        """
        A new time takes the place of the old one; C{None} is none.
        """
        self.timer.at(0.5)
        self.timer.at(0.75)
        self.clock.pump([0.25] * 4)
        self.assertEqual(self.calls, [0.75])
        self.timer.at(2.0)
        self.timer.at(None)
        self.timer.at(3.0)
        self.timer.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OnTheReactor(TestCase):
    """
    With the real reactor, on Linux by the kernel's timer.
    """

    kind: type[Timer] = KernelTimer

    def make(self, call: Callable[[], None]) -> Timer:
        from twisted.internet import reactor

        made = timer(reactor, call)
        self.addCleanup(made.close)
        if sys.platform == "linux" and IReactorFDSet.providedBy(reactor):
            self.assertIsInstance(made, self.kind)
        return made

    async def test_notBefore(self) -> None:
        """
        It calls at the time, not before, and again when it is set again.
        """
        due: Deferred[None] = Deferred()
        made = self.make(lambda: due.callback(None))
        for wait in (0.003, 0.0, -1.0):
            due = Deferred()
            when = made.seconds() + wait
            made.at(when)
            await due
            self.assertGreaterEqual(made.seconds(), when)

    async def test_setAnew(self) -> None:
        """
        Who sets it anew or to C{None} is not called at the old time.
        """
        calls: list[str] = []
        done: Deferred[None] = Deferred()
        replaced = self.make(lambda: calls.append("replaced"))
        stopped = self.make(lambda: calls.append("stopped"))
        closed = self.make(lambda: calls.append("closed"))
        last = self.make(lambda: done.callback(None))
        now = last.seconds()
        for each in (replaced, stopped, closed):
            each.at(now + 0.001)
        replaced.at(now + 1000)
        stopped.at(None)
        closed.close()
        closed.at(now)
        last.at(now + 0.01)
        await done
        self.assertEqual(calls, [])


class OnTheReactorByAThread(OnTheReactor):
    """
    Where the kernel gives no timer (here as if there were none to spare), a thread keeps the time.
    """

    kind = ThreadTimer

    def setUp(self) -> None:
        from twisted_netdemo.service import timer as module

        def shortage() -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(module, "_calls", shortage)
