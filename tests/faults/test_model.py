"""
The pure model: what is drawn, how often, and what it depends on.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import groupby, pairwise
from math import sqrt

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.faults.model import NEVER, Fate, Fates, Figures, Places, Ratio, corrupt

#: What seed 42 draws for the first client's first datagram on its way up: fixed for good.
WHERE = 13702017725976971299

PACKETS = 10_000
SEEDS = range(5)


def fatesOf(figures: Figures, seed: int = 42, count: int = PACKETS) -> list[Fate]:
    fates = Fates(figures, seed, "up", 0)
    return [fates.next(n) for n in range(count)]


class Certain(SynchronousTestCase):
    def test_always(self) -> None:
        """
        Where nothing is left to chance or place, all fates are the one that can be had without
        asking; where anything is, there is none such.
        """
        for figures in (Figures(), Figures(delay=0.5), Figures(rate=8.0, burst=2.0)):
            fate = figures.always()
            for drawn in fatesOf(figures, count=20):
                self.assertEqual(drawn._replace(place=0, where=0, spare=(0, 0)), fate)
        third = Places.of([(3, 3)])
        for uncertain in (
            Figures(delay=0.5, jitter=0.1),
            *(Figures(loss=each) for each in (Ratio(0.5), third)),
            *(Figures(duplicate=each) for each in (Ratio(0.5), third)),
            *(Figures(reorder=each) for each in (Ratio(0.5), third)),
            *(Figures(corrupt=each) for each in (Ratio(0.5), third)),
        ):
            self.assertIsNone(uncertain.always())


class Chances(SynchronousTestCase):
    """
    What is asked for is what comes, as near as chance has it.
    """

    def within(self, count: float, expected: float, variance: float) -> None:
        """
        Five standard deviations: one honest run in 1.7 million fails.
        """
        self.assertLess(abs(count - expected), 5 * sqrt(variance), f"{count}, not {expected}")

    def test_ratios(self) -> None:
        """
        Each figure comes at its ratio, whatever the others are; what is lost is nothing else.
        """
        figures = Figures(
            loss=Ratio(0.1), duplicate=Ratio(0.05), reorder=Ratio(0.03), corrupt=Ratio(0.01)
        )
        for seed in SEEDS:
            fates = fatesOf(figures, seed)
            lost = sum(f.lost for f in fates)
            self.within(lost, PACKETS * 0.1, PACKETS * 0.1 * 0.9)
            for name, ratio in (("duplicated", 0.05), ("reordered", 0.03), ("corrupted", 0.01)):
                count = sum(getattr(f, name) for f in fates)
                share = 0.9 * ratio
                self.within(count, PACKETS * share, PACKETS * share * (1 - share))
            for f in fates:
                if f.lost:
                    self.assertEqual((f.words, f.copies), (["lost"], 0))

    def test_figuresAreIndependent(self) -> None:
        """
        Two things that happen to half of all happen together to a quarter of all.
        """
        half = Ratio(0.5)
        for seed in SEEDS:
            fates = fatesOf(Figures(duplicate=half, reorder=half, corrupt=half), seed)
            for one, other in ((2, 3), (2, 4), (3, 4)):
                both = sum(bool(f[one] and f[other]) for f in fates)
                self.within(both, PACKETS / 4, PACKETS * 3 / 16)

    def test_neighboursAreIndependent(self) -> None:
        """
        Without a burst length, a loss says nothing about the next packet.
        """
        for seed in SEEDS:
            lost = [f.lost for f in fatesOf(Figures(loss=Ratio(0.5)), seed)]
            pairs = sum(a and b for a, b in pairwise(lost))
            # neighbouring pairs share a packet: 5/16 instead of 3/16 a pair
            self.within(pairs, PACKETS / 4, PACKETS * 5 / 16)

    def test_burst(self) -> None:
        """
        C{--loss 10% --loss-burst 4}: a tenth is lost, in runs of 4 in the mean.
        """
        figures = Figures(loss=Ratio(0.1), burst=4)
        after, again = figures.lossAfter()
        self.assertAlmostEqual(after, 1 / 36)
        self.assertAlmostEqual(again, 0.75)
        for seed in SEEDS:
            lost = [f.lost for f in fatesOf(figures, seed)]
            # of a two-state chain whose states' covariance shrinks by this a step
            memory = again - after
            variance = PACKETS * 0.1 * 0.9 * (1 + memory) / (1 - memory)
            self.within(sum(lost), PACKETS * 0.1, variance)
            runs = [len(list(run)) for isLost, run in groupby(lost) if isLost]
            # geometric with mean 4: variance 4 * 3 for each run
            self.within(sum(runs), 4 * len(runs), 12 * len(runs))

    def test_burstEdges(self) -> None:
        """
        Runs as short as the ratio allows, no loss and nothing but loss.
        """
        alternating = [f.lost for f in fatesOf(Figures(loss=Ratio(0.5), burst=1), count=100)]
        self.assertEqual(alternating, [alternating[0], not alternating[0]] * 50)
        self.assertFalse(any(f.lost for f in fatesOf(Figures(burst=3))))
        self.assertTrue(all(f.lost for f in fatesOf(Figures(loss=Ratio(1), burst=3))))
        for impossible in (Ratio(0.8), 3.9), (Ratio(0.1), 0.5):
            with self.assertRaises(ValueError):
                Figures(loss=impossible[0], burst=impossible[1])

    def test_allAndNone(self) -> None:
        """
        100% is every one and 0% is none, not nearly.
        """
        for figures, expected in (
            (Figures(duplicate=Ratio(1), reorder=Ratio(1), corrupt=Ratio(1)), 3),
            (Figures(), 0),
        ):
            self.assertEqual({len(f.words) for f in fatesOf(figures)}, {expected})
        self.assertEqual(NEVER, Ratio(0))

    def test_uniform(self) -> None:
        """
        A uniform delay lies within its jitter, evenly.
        """
        for seed in SEEDS:
            delays = [f.delay for f in fatesOf(Figures(delay=0.02, jitter=0.005), seed)]
            self.assertGreaterEqual(min(delays), 0.015)
            self.assertLessEqual(max(delays), 0.025)
            self.within(sum(delays), PACKETS * 0.02, PACKETS * 0.005**2 / 3)
            for edge in (0.0175, 0.02, 0.0225):
                share = (edge - 0.015) / 0.01
                count = sum(d < edge for d in delays)
                self.within(count, PACKETS * share, PACKETS * share * (1 - share))

    def test_normal(self) -> None:
        """
        A normal delay has its jitter as standard deviation, and never comes before it was sent.
        """
        figures = Figures(delay=0.02, jitter=0.004, distribution="normal")
        for seed in SEEDS:
            delays = [f.delay for f in fatesOf(figures, seed)]
            self.within(sum(delays), PACKETS * 0.02, PACKETS * 0.004**2)
            for deviations, share in ((1, 0.6826895), (2, 0.9544997), (3, 0.9973002)):
                count = sum(abs(d - 0.02) < deviations * 0.004 for d in delays)
                self.within(count, PACKETS * share, PACKETS * share * (1 - share))
        wide = Figures(delay=0.001, jitter=0.1, distribution="normal")
        self.assertEqual(min(f.delay for f in fatesOf(wide)), 0.0)

    def test_constant(self) -> None:
        """
        A constant delay is one.
        """
        figures = Figures(delay=0.02, jitter=0.005, distribution="constant")
        self.assertEqual({f.delay for f in fatesOf(figures)}, {0.02})


class Dependence(SynchronousTestCase):
    """
    A fate follows from the seed and the key alone.
    """

    figures = Figures(
        loss=Ratio(0.1),
        duplicate=Ratio(0.05),
        reorder=Ratio(0.03),
        corrupt=Ratio(0.01),
        delay=0.02,
        jitter=0.005,
        distribution="normal",
    )

    def test_exact(self) -> None:
        """
        The same seed has the same fates in every version of Python, on every machine.
        """
        fates = fatesOf(self.figures, 42)
        counts = [sum(f[field] for f in fates) for field in (1, 2, 3, 4)]
        self.assertEqual(counts, [1013, 410, 273, 110])
        interesting = [(f.place, *f.words) for f in fates if f.words]
        self.assertEqual(
            [place for place, *words in interesting[:8]], [3, 5, 7, 10, 11, 15, 27, 28]
        )
        self.assertEqual(interesting[5:7], [(15, "lost"), (27, "duplicated")])
        self.assertEqual(
            [f.delay for f in fates[:6]],
            [0.011066, 0.018655, 0.026397, 0.020977, 0.021405, 0.026306],
        )
        self.assertEqual(fates[0].where, WHERE)

    def test_anotherProcess(self) -> None:
        """
        Nor do they depend on a process's hash seed.
        """
        code = (
            "from twisted_netdemo.faults.model import *\n"
            "print(Fates(Figures(), 42, 'up', 0).next(0).where)"
        )
        output = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual(int(output), WHERE)

    def test_eachPartOfTheKeyCounts(self) -> None:
        """
        Another seed, direction, client or number is another fate.
        """
        draws = {
            Fates(Figures(), seed, direction, client).next(n).where
            for seed in range(3)
            for direction in ("up", "down")
            for client in range(12)
            for n in range(112)
        }
        self.assertEqual(len(draws), 3 * 2 * 12 * 112)
        self.assertNotEqual(
            Fates(Figures(), 0, "up", 1).next(12).where, Fates(Figures(), 0, "up", 11).next(2).where
        )

    def test_onePacketAlone(self) -> None:
        """
        A packet that is told from others by what it is has its fate whenever it sets out; its
        place and its run of losses are what follows from the order.
        """
        one = Fates(self.figures, 7, "tcp", 4, 80, 0, "up")
        other = Fates(self.figures, 7, "tcp", 4, 80, 0, "up")
        keys = [("PA", sequence, 512, 0) for sequence in range(200)]
        forwards = {key: one.next(*key) for key in keys}
        backwards = {key: other.next(*key) for key in reversed(keys)}
        for key in keys:
            self.assertEqual(forwards[key][1:], backwards[key][1:])

    def test_figuresDoNotDisturbEachOther(self) -> None:
        """
        More of one fault leaves the others where they were.
        """
        few = fatesOf(Figures(duplicate=Ratio(0.05), jitter=0.005, delay=0.02))
        many = fatesOf(
            Figures(duplicate=Ratio(0.05), corrupt=Ratio(0.5), jitter=0.005, delay=0.02, gap=9)
        )
        self.assertEqual(
            [(f.duplicated, f.delay, f.spare) for f in few],
            [(f.duplicated, f.delay, f.spare) for f in many],
        )

    def test_moreLossIsMoreOfTheSame(self) -> None:
        """
        Who raises the ratio keeps the losses that there were.
        """
        few = {f.place for f in fatesOf(Figures(loss=Ratio(0.05))) if f.lost}
        many = {f.place for f in fatesOf(Figures(loss=Ratio(0.1))) if f.lost}
        self.assertLess(few, many)


class AtPlaces(SynchronousTestCase):
    """
    C{@2,5-7} is the 2nd and the 5th to 7th, whatever the seed.
    """

    def test_places(self) -> None:
        """
        Exactly these, of each kind of fault.
        """
        places = Places(((2, 2), (5, 7)))
        for seed in SEEDS:
            figures = Figures(loss=places, duplicate=Places(((3, 5),)), burst=9)
            fates = fatesOf(figures, seed, 20)
            self.assertEqual([f.place for f in fates if f.lost], [2, 5, 6, 7])
            self.assertEqual([f.place for f in fates if f.duplicated], [3, 4])

    @given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), min_size=1))
    def test_anyRanges(self, ranges: list[tuple[int, int]]) -> None:
        """
        Ranges may come in any order, touch and overlap.
        """
        spans = [(first, first + more) for first, more in ranges]
        places = Places.of(spans)
        wanted = {place for first, last in spans for place in range(first, last + 1)}
        self.assertEqual({p for p in range(1, 80) if places.hits(p, 0)}, wanted)

    def test_badRanges(self) -> None:
        """
        A programmer's mistake is told.
        """
        for ranges in (), ((0, 1),), ((3, 2),), ((5, 6), (1, 2)), ((1, 2), (3, 4)):
            with self.assertRaises(ValueError):
                Places(ranges)
        for ratio in (-0.1, 1.1, float("nan")):
            with self.assertRaises(ValueError):
                Ratio(ratio)


class Corruption(SynchronousTestCase):
    """
    One bit, anywhere.
    """

    @given(st.binary(min_size=1, max_size=99), st.integers(0, 2**64 - 1))
    def test_oneBit(self, data: bytes, where: int) -> None:
        """
        What arrives is as long as it was and differs in one bit.
        """
        damaged = corrupt(data, where)
        self.assertEqual(len(damaged), len(data))
        difference = int.from_bytes(data, "big") ^ int.from_bytes(damaged, "big")
        self.assertEqual(difference.bit_count(), 1)

    def test_everyBit(self) -> None:
        """
        No bit is spared.
        """
        damaged = {corrupt(b"abc", where) for where in range(24)}
        self.assertEqual(len(damaged), 24)

    def test_nothingToFlip(self) -> None:
        """
        An empty datagram stays one.
        """
        self.assertEqual(corrupt(b"", 5), b"")
