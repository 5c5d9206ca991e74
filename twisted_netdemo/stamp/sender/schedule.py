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
        As L{Periodic.following}.
        """
        skipped = -1
        while True:
            self._tick += self._drawn.expovariate(self._rate)
            skipped += 1
            if self._tick > now:
                return self._tick, skipped


Schedule = Periodic | Poisson
