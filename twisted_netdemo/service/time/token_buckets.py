"""
Token buckets: how often each of many may have something, in bounded memory.

Pure: the time is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Hashable


class TokenBuckets:
    """
    A token bucket for each key: it holds C{burst} tokens, and C{rate} more come each second until
    it is full again.

    One number stands for a bucket, the time when it will be full. A bucket that has not been used
    while an empty one fills is full, and is forgotten without a loss. No more than C{most} are
    kept: keys that come faster than that (each source of a flood may be invented) push out those
    unused longest, which start anew with a full bucket.
    """

    def __init__(self, rate: float, burst: float, most: int = 1 << 15) -> None:
        """
        @param rate: tokens a second, above 0.
        @param burst: tokens at most, 1 or more.
        """
        self._interval = 1 / rate
        self._fills = burst / rate
        # A bucket that will be full within this time holds a token now; and none is ever further
        # from full than that. Sums in floating point may be off by a hair.
        self._enough = (burst - 0.999) / rate
        self._furthest = (burst + 1) / rate
        self._half = most // 2
        self._recent: dict[Hashable, float] = {}
        self._older: dict[Hashable, float] = {}
        self._turn = -math.inf

    def __len__(self) -> int:
        """
        How many buckets are kept.
        """
        return len(self._recent) + len(self._older)

    def take(self, key: Hashable, now: float, most: int = 1) -> int:
        """
        Take tokens, as many as there are.

        @param now: the time in seconds. A clock that is set back empties no bucket.
        @param most: how many are wanted, 1 or more.
        @return: how many were taken.
        """
        if now >= self._turn:
            self._age(now)
        recent = self._recent
        if key in recent:
            full = recent[key]
        else:
            if len(recent) >= self._half:
                self._age(now)
                recent = self._recent
            full = self._older.get(key, now)
        wait = full - now
        if not 0 <= wait <= self._furthest:
            full, wait = now, 0.0
        if wait > self._enough:
            recent[key] = full
            return 0
        if most == 1:
            recent[key] = full + self._interval
            return 1
        taken = min(most, 1 + int((self._enough - wait) / self._interval))
        recent[key] = full + taken * self._interval
        return taken

    def _age(self, now: float) -> None:
        """
        Forget the older half: its buckets are full by now, or there is no room for them.
        """
        self._older, self._recent = self._recent, {}
        self._turn = now + self._fills
