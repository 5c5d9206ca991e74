"""
The time of day, watched for steps: somebody or something may set it while a run is measured.

The monotonic clock, which nobody sets, runs beside it at the same rate. Where the distance of the
two changes at once, the time of day was set, or the machine slept.
"""

from __future__ import annotations

from collections.abc import Callable

# A change of the distance that is less, in nanoseconds, is no step: the clocks' rates may differ a
# little on some systems.
_LEAST = 1_000_000

# A step is measured by the best of so many further readings of the two: the process may have had to
# wait between them.
_READINGS = 5

# For so long after a step, in nanoseconds, the kernel's time of receipt may be one from before it.
_UNSETTLED = 1_000_000_000


class WallClock:
    """
    @ivar step: by how much the time of day has been set forward, in nanoseconds; negative if back.
    @ivar isStepped: whether it was set at all.
    """

    def __init__(self, now: Callable[[], int], seconds: Callable[[], float]) -> None:
        """
        @param now: the time of day, in nanoseconds since 1970.
        @param seconds: the monotonic clock.
        """
        self._now = now
        self._seconds = seconds
        self.step = 0
        self.isStepped = False
        self._unsettled = 0
        # Between which bounds the distance lies.
        _, self._monotonic, self._least, self._most = self._reading()

    def _reading(self) -> tuple[int, int, int, int]:
        """
        @return: the time of day, the monotonic time, and the bounds of their distance.
        """
        before = round(self._seconds() * 1e9)
        now = self._now()
        after = round(self._seconds() * 1e9)
        return now, after, now - after, now - before

    @property
    def distance(self) -> int:
        """
        By how many nanoseconds the time of day was ahead of the monotonic clock when last read.
        """
        return (self._least + self._most) // 2

    def read(self) -> int:
        """
        @return: the time of day. L{step} is that of this moment.
        """
        now, self._monotonic, least, most = self._reading()
        if least > self._most + _LEAST or most < self._least - _LEAST:
            readings = [self._reading() for _ in range(_READINGS)]
            now, self._monotonic, _, _ = readings[-1]
            _, _, least, most = min(readings, key=lambda each: each[3] - each[2])
            self.step += (least + most - self._least - self._most) // 2
            self.isStepped = True
            self._unsettled = self._monotonic + _UNSETTLED
        elif least <= self._most and most >= self._least:
            least, most = max(least, self._least), min(most, self._most)
        self._least, self._most = least, most
        return now

    def arrival(self, received: int | None, now: int) -> int:
        """
        When a datagram came, as if the time of day had never been set.

        @param received: the kernel's time of receipt, C{None} where there is none.
        @param now: as L{read} has just told it.
        """
        if received is None or self._monotonic < self._unsettled:
            received = now
        return received - self.step
