"""
Token buckets against a model that counts tokens exactly and forgets nothing.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.time.token_buckets import TokenBuckets


class Model:
    """
    A token bucket for each key, in fractions.
    """

    def __init__(self, rate: int, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.buckets: dict[int, tuple[Fraction, Fraction]] = {}

    def take(self, key: int, now: Fraction) -> bool:
        tokens, then = self.buckets.get(key, (Fraction(self.burst), now))
        tokens = min(Fraction(self.burst), tokens + (now - then) * self.rate)
        taken = tokens >= 1
        self.buckets[key] = tokens - taken, now
        return taken


#: Steps of time in eighths of a token, and keys.
steps = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=200)


class BucketTests(SynchronousTestCase):
    def test_burstThenRate(self) -> None:
        """
        A source that has been quiet may have the burst at once, and then the rate.
        """
        buckets = TokenBuckets(100, 200)
        self.assertEqual(sum(buckets.take("a", 1000.0) for _ in range(1000)), 200)
        self.assertEqual(sum(buckets.take("a", 1001.0 + n / 1000) for n in range(995)), 199)
        self.assertEqual(sum(buckets.take("b", 1003.0) for _ in range(1000)), 200)

    def test_asked(self) -> None:
        """
        A source that asks far too often still gets the rate: asking costs nothing.
        """
        buckets = TokenBuckets(100, 200)
        times = [1000 + n / 10_000 for n in range(99_950)]
        self.assertEqual(sum(buckets.take("a", now) for now in times), 200 + 999)

    @given(steps, st.integers(1, 5), st.integers(1, 7))
    def test_exact(self, steps: list[tuple[int, int]], burst: int, rate: int) -> None:
        """
        Each gets as many as a bucket that is counted in fractions has, neither more nor fewer.
        """
        buckets, model = TokenBuckets(rate, burst), Model(rate, burst)
        now = Fraction(1_700_000_000)
        for step, key in steps:
            now += Fraction(step, 8 * rate)
            self.assertEqual(buckets.take(key, float(now)), model.take(key, now))

    @given(
        st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=100),
        st.integers(1, 5),
        st.integers(1, 7),
    )
    def test_several(self, steps: list[tuple[int, int]], burst: int, rate: int) -> None:
        """
        A request for several tokens gets as many as a request for each.
        """
        buckets, model = TokenBuckets(rate, burst), Model(rate, burst)
        now = Fraction(1_700_000_000)
        for step, most in steps:
            now += Fraction(step, 8 * rate)
            taken = sum(model.take(0, now) for _ in range(most))
            self.assertEqual(buckets.take(0, float(now), most), taken)

    def test_forgets(self) -> None:
        """
        A source that has not come for long takes no memory.
        """
        buckets = TokenBuckets(1, 10)
        for key in range(1000):
            buckets.take(key, 100.0)
        self.assertEqual(len(buckets), 1000)
        buckets.take("x", 110.0)
        buckets.take("x", 120.0)
        self.assertEqual(len(buckets), 2)

    def test_bounded(self) -> None:
        """
        A flood of invented sources takes bounded memory, and one who keeps coming meanwhile has
        its own limit still.
        """
        buckets = TokenBuckets(1, 10, most=1000)
        taken = 0
        for key in range(100_000):
            buckets.take(key, 100.0)
            if key % 100 == 0:
                taken += buckets.take("steady", 100.0)
            self.assertLessEqual(len(buckets), 1000)
        self.assertEqual(taken, 10)

    def test_clockSetBack(self) -> None:
        """
        A clock that is set back an hour does not shut anyone out for an hour.
        """
        buckets = TokenBuckets(1, 2)
        self.assertEqual([buckets.take("a", 5000.0) for _ in range(3)], [True, True, False])
        self.assertTrue(buckets.take("a", 1400.0))
        self.assertEqual([buckets.take("a", 1400.0) for _ in range(2)], [True, False])
        self.assertTrue(buckets.take("a", 1401.0))
