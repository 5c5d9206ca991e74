"""
Many deadlines, one timer.
"""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.deadlines import Deadlines


class DeadlinesTests(SynchronousTestCase):
    def test_inOrder(self) -> None:
        """
        Each comes when its own time is up, and there is one timer.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 10.0)
        came: list[str] = []
        deadlines.begin(partial(came.append, "a"))
        clock.advance(4)
        deadlines.begin(partial(came.append, "b"))
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        clock.advance(6)
        self.assertEqual(came, ["a"])
        clock.advance(3.5)
        self.assertEqual(came, ["a"])
        clock.advance(0.5)
        self.assertEqual(came, ["a", "b"])
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """
        A cancelled one does not come, not even when the one before cancels it.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 1.0)
        came: list[str] = []
        first = deadlines.begin(partial(came.append, "first"))
        deadlines.begin(lambda: third.cancel())
        third = deadlines.begin(partial(came.append, "third"))
        first.cancel()
        first.cancel()
        clock.advance(1)
        self.assertEqual(came, [])

    def test_beganInACallback(self) -> None:
        """
        One that begins while others come has its whole time, and those before it keep theirs.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 10.0)
        came: list[str] = []
        deadlines.begin(lambda: deadlines.begin(partial(came.append, "late")) and None)
        clock.advance(5)
        deadlines.begin(partial(came.append, "middle"))
        clock.advance(5)
        clock.advance(5)
        self.assertEqual(came, ["middle"])
        clock.advance(5)
        self.assertEqual(came, ["middle", "late"])

    def test_aFailureHarmsNoOther(self) -> None:
        """
        Others come when one's callback raises; the log has it.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 1.0)
        came: list[str] = []
        deadlines.begin(lambda: 1 // 0 and None)
        deadlines.begin(partial(came.append, "next"))
        clock.advance(1)
        self.assertEqual(came, ["next"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """
        Once stopped, none comes and no timer is left.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 1.0)
        deadlines.begin(self.fail)
        deadlines.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
        clock.advance(5)

    @given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=30))
    def test_asManyTimersWould(self, steps: list[tuple[float, bool]]) -> None:
        """
        Each of them comes just when a timer of its own would.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 2.0)
        came: list[int] = []
        expected: list[int] = []
        for number, (pause, cancelled) in enumerate(steps):
            deadline = deadlines.begin(partial(came.append, number))
            if cancelled:
                deadline.cancel()
            else:
                clock.callLater(2.0, expected.append, number)
            clock.advance(pause)
        clock.advance(0)
        self.assertEqual(came, expected)
