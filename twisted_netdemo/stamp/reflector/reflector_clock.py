"""
The accuracy of a reflector's clock. The kernel tells how far a clock may be off that runs on; where
it is set while senders measure, their figures of one way are off by as much, and the reflector's
Error Estimate says so for a while.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate
from twisted_netdemo.stamp.session.kernel_clock import ClockError
from twisted_netdemo.stamp.session.wall_clock import WallClock

#: For how many seconds after it was set a clock is said to be off by so much.
SETTLES = 60.0

# How often it is looked at, in seconds: under load, not for each packet.
_OFTEN = 0.001

# By how many nanoseconds the two clocks may seem to have moved apart before they are read with
# care: the process may have had to wait between the one and the other.
_SUSPECT = 500_000


class ReflectorClock:
    """
    @ivar estimate: the Error Estimate for each packet, and C{bits}: as it stands there.
    @ivar due: when it is to be looked at again, in seconds of the monotonic clock.
    """

    def __init__(
        self, now: Callable[[], int], seconds: Callable[[], float], error: ClockError
    ) -> None:
        """
        @param now: the time of day, in nanoseconds since 1970.
        @param seconds: the monotonic clock.
        @param error: what the kernel says.
        """
        self._now = now
        self._clock = WallClock(now, seconds)
        self._error = error
        self.due = self._until = seconds()  # C{_until}: when the kernel is asked in any case
        self._step = 0
        self._settled = 0.0
        # between which steps the clock has been since it was last settled
        self._back = self._ahead = 0
        self._least = self._most = 0.0
        self.estimate = error.estimate
        self.bits = error.bits

    def look(self, now: float) -> None:
        """
        Bring the estimate up to date, if it is old or the clock may have been set.

        @param now: the monotonic clock, as it has just been read.
        """
        self.due = now + _OFTEN
        if now >= self._until or not self._least < self._now() - now * 1e9 < self._most:
            self._until = now + 1
            self._look(now)

    def _look(self, now: float) -> None:
        clock, error = self._clock, self._error
        clock.read()
        self._least, self._most = clock.distance - _SUSPECT, clock.distance + _SUSPECT
        if now >= self._settled:
            self._back = self._ahead = self._step
        if clock.step != self._step:
            self._step = clock.step
            self._back = min(self._back, clock.step)
            self._ahead = max(self._ahead, clock.step)
            self._settled = now + SETTLES
        apart = self._ahead - self._back
        error.look(now)
        self.estimate, self.bits = error.estimate, error.bits
        if apart:
            seconds = max(error.estimate.seconds, apart / 1e9)
            self.estimate = ErrorEstimate.of(seconds, synchronized=False)
            self.bits = self.estimate.toWire()
