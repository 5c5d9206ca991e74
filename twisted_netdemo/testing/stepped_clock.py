"""
A reactor's clock, as a test sets it.
"""

from __future__ import annotations

from twisted.internet.task import Clock


class SteppedClock(Clock):
    """
    The time of day, as a reactor has it, and beside it the monotonic clock. Where a test sets no
    time of day, L{Clock} itself will do.

    @ivar monotonic: what deadlines go by; see
        L{monotonic<twisted_netdemo.service.time.clock.monotonic>}.
    """

    def __init__(self) -> None:
        super().__init__()
        self.monotonic = Clock()

    def step(self, seconds: float) -> None:
        """
        Set the time of day forward, or back by a negative number. Calls that were
        scheduled by this clock's own C{callLater} come as much sooner or later, as in a reactor.
        """
        self.rightNow += seconds

    def advance(self, amount: float) -> None:
        """
        Let time pass, on both.
        """
        self.monotonic.advance(amount)
        super().advance(amount)
