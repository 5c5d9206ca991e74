"""
The fine timer.
"""

from __future__ import annotations

import errno
import math
import sys
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_netdemo.service.time.timer import ClockTimer, KernelTimer, ThreadTimer, Timer, timer


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

    def callLater(self, deferred: Deferred[None]) -> None:
        """
        Fire it when the reactor is done with what it does now.
        """
        from twisted.internet import reactor

        clock: Any = reactor
        clock.callLater(0, deferred.callback, None)

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
        A timer that is set anew, or to C{None}, does not call at the old time.
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

    async def test_aFailureIsNotItsEnd(self) -> None:
        """
        A call that raises is in the log, and a later one comes.
        """
        made = self.make(lambda: calls.pop(0)())
        done: Deferred[None] = Deferred()
        failed: Deferred[None] = Deferred()

        def fail() -> None:
            self.callLater(failed)
            raise ZeroDivisionError

        calls = [fail, lambda: done.callback(None)]
        made.at(made.seconds())
        await failed
        made.at(made.seconds())
        await done
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_far(self) -> None:
        """
        A time that no machine lives to see is never, and a nearer one takes its place.
        """
        done: Deferred[None] = Deferred()
        made = self.make(lambda: done.callback(None))
        for when in (1e23, 1e300, math.inf):
            made.at(when)
        made.at(made.seconds())
        await done


class OnTheReactorByAThread(OnTheReactor):
    """
    Where the kernel gives no timer (here as if there were none to spare), a thread keeps the time.
    """

    kind = ThreadTimer

    def setUp(self) -> None:
        from twisted_netdemo.service.time import timer as module

        def shortage() -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(module, "_calls", shortage)

    def test_daemon(self) -> None:
        """
        A timer that was made before the process became a daemon, as impair's is, works in the
        daemon: a thread that had begun would be left behind.
        """
        before = set(threading.enumerate())
        made = self.make(self.fail)
        self.assertEqual(set(threading.enumerate()) - before, set())
        made.at(made.seconds() + 1000)
        self.assertEqual(len(set(threading.enumerate()) - before), 1)
