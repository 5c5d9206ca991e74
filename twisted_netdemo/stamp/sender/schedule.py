"""
When packets are to be sent. Pure: times are in seconds from the start.
"""

from __future__ import annotations

import math
import random


class Periodic:
    """
    At equal distances.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._place = 0

    def following(self, now: float) -> tuple[float, int]:
        """
        @return: the first tick that comes after now, and how many before it are skipped.
        """
        self._place += 1
        skipped = max(0, math.floor(now / self._interval) - self._place + 1)
        self._place += skipped
        return self._place * self._interval, skipped


# Over a stretch of more ticks than this, they are not drawn one by one.
_FEW = 1000

# So many standard deviations below the mean: the chance of more is under 1e-22.
_FAR = 10


class Poisson:
    """
    At distances that are distributed exponentially (RFC 2330 11.1.1).
    """

    def __init__(self, interval: float, seed: int | None = None) -> None:
        """
        @param interval: their mean.
        """
        self._rate = 1 / interval
        self._drawn = random.Random(seed)
        self._tick = 0.0

    def following(self, now: float) -> tuple[float, int]:
        """
        As L{Periodic.following}. However long the sender was stopped, a few thousand draws do.
        """
        skipped = -1
        while True:
            expected = (now - self._tick) * self._rate
            if expected > _FEW:
                # the sum of so many distances, in one draw: it stays below now
                leap = math.floor(expected - _FAR * math.sqrt(expected))
                self._tick += self._drawn.gammavariate(leap, 1 / self._rate)
                skipped += leap
                continue
            self._tick += self._drawn.expovariate(self._rate)
            skipped += 1
            if self._tick > now:
                return self._tick, skipped


Schedule = Periodic | Poisson
