"""
Many deadlines, one timer.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.time.deadlines import Deadlines


class DeadlinesTests(SynchronousTestCase):
    def test_inOrder(self) -> None:
        """
        Each comes when its own time is up, and there is one timer.
        """
        clock = Clock()
        came: list[str] = []
        deadlines = Deadlines(clock, 10.0, came.append)
        deadlines.begin("a")
        clock.advance(4)
        deadlines.begin("b")
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        self.assertEqual(deadlines.since("b"), 4)
        clock.advance(6)
        self.assertEqual(came, ["a"])
        self.assertIsNone(deadlines.since("a"))
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
        came: list[str] = []

        def due(owner: str) -> None:
            came.append(owner)
            deadlines.cancel("third")

        deadlines = Deadlines(clock, 1.0, due)
        for owner in ("first", "second", "third"):
            deadlines.begin(owner)
        deadlines.cancel("first")
        deadlines.cancel("first")
        clock.advance(1)
        self.assertEqual(came, ["second"])

    def test_beganInACallback(self) -> None:
        """
        One that begins while others come has its whole time, and those before it keep theirs.
        """
        clock = Clock()
        came: list[tuple[str, float]] = []

        def due(owner: str) -> None:
            came.append((owner, clock.seconds()))
            if len(came) == 1:
                deadlines.begin("first")

        deadlines = Deadlines(clock, 10.0, due)
        deadlines.begin("first")
        clock.advance(5)
        deadlines.begin("middle")
        for _ in range(4):
            clock.advance(5)
        self.assertEqual(came, [("first", 10), ("middle", 15), ("first", 20)])

    def test_aFailureHarmsNoOther(self) -> None:
        """
        Others come when one's callback raises; the log has it.
        """
        clock = Clock()
        came: list[float] = []
        deadlines: Deadlines[int] = Deadlines(clock, 1.0, lambda owner: came.append(1 / owner))
        deadlines.begin(0)
        deadlines.begin(2)
        clock.advance(1)
        self.assertEqual(came, [0.5])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """
        Once stopped, none comes and no timer is left.
        """
        clock = Clock()
        deadlines = Deadlines(clock, 1.0, self.fail)
        deadlines.begin("one")
        deadlines.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
        clock.advance(5)

    @given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=30))
    def test_asManyTimersWould(self, steps: list[tuple[float, bool]]) -> None:
        """
        Each of them comes just when a timer of its own would.
        """
        clock = Clock()
        came: list[int] = []
        expected: list[int] = []
        deadlines = Deadlines(clock, 2.0, came.append)
        for number, (pause, cancelled) in enumerate(steps):
            deadlines.begin(number)
            if cancelled:
                deadlines.cancel(number)
            else:
                clock.callLater(2.0, expected.append, number)
            clock.advance(pause)
        clock.advance(0)
        self.assertEqual(came, expected)
