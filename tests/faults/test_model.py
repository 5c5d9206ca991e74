"""
The pure model: what is drawn, how often, and what it depends on.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations, groupby, pairwise
from math import sqrt

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.model import UNHARMED, Conditions, Fate, Fates, damageDraw
from twisted_netdemo.faults.trigger import NEVER, Positions, Probability

#: What seed 42 draws for the first client's first datagram on its way up.
BASE = 2355305401097989064

#: What is drawn for its damage, if it is corrupted.
WHERE = 7601945381458980990

#: Which packets are lost at 10 %.
LOST = [6, 9, 20, 26, 28, 32]

CLEAR = Conditions(Impairments())

PACKETS = 10_000
SEEDS = range(5)


def fatesOf(figures: Impairments, seed: int = 42, count: int = PACKETS) -> list[Fate]:
    fates = Fates(Conditions(figures), seed, "up", 0)
    return [fates.next(n) for n in range(count)]


class Certain(SynchronousTestCase):
    def test_always(self) -> None:
        """
        Where nothing is left to chance or place, all fates are the one that can be had without
        asking; where anything is, there is none such.
        """
        for figures in (Impairments(), Impairments(delay=0.5), Impairments(rate=8.0, burst=2.0)):
            fate = Conditions(figures).always
            for drawn in fatesOf(figures, count=20):
                self.assertEqual(drawn._replace(position=0, base=0), fate)
        third = Positions.of([(3, 3)])
        for uncertain in (
            Impairments(delay=0.5, jitter=0.1),
            *(
                Impairments({fault.name: each})
                for fault in FAULTS
                for each in (Probability(0.5), third)
            ),
        ):
            self.assertIsNone(Conditions(uncertain).always)


class Chances(SynchronousTestCase):
    """
    Faults come as often as the user asked, within the limits of chance.
    """

    def within(self, count: float, expected: float, variance: float) -> None:
        """
        Five standard deviations: one honest run in 1.7 million fails.
        """
        self.assertLess(abs(count - expected), 5 * sqrt(variance), f"{count}, not {expected}")

    def test_ratios(self) -> None:
        """
        Each figure comes at its ratio, whatever the others are; a lost packet has no other fault.
        """
        figures = Impairments(
            loss=Probability(0.1),
            duplicate=Probability(0.05),
            reorder=Probability(0.03),
            corrupt=Probability(0.01),
        )
        for seed in SEEDS:
            fates = fatesOf(figures, seed)
            lost = sum(f.outcome.isLost for f in fates)
            self.within(lost, PACKETS * 0.1, PACKETS * 0.1 * 0.9)
            for name, ratio in (("duplicated", 0.05), ("reordered", 0.03), ("corrupted", 0.01)):
                count = sum(name in f.outcome.words for f in fates)
                share = 0.9 * ratio
                self.within(count, PACKETS * share, PACKETS * share * (1 - share))
            for f in fates:
                if f.outcome.isLost:
                    self.assertEqual((f.outcome.words, f.outcome.copies), (("lost",), 0))

    def test_figuresAreIndependent(self) -> None:
        """
        Two things that happen to half of all happen together to a quarter of all.
        """
        half = Probability(0.5)
        for seed in SEEDS:
            fates = fatesOf(Impairments(duplicate=half, reorder=half, corrupt=half), seed)
            for pair in combinations(("duplicated", "reordered", "corrupted"), 2):
                both = sum({*pair} <= {*f.outcome.words} for f in fates)
                self.within(both, PACKETS / 4, PACKETS * 3 / 16)

    def test_neighboursAreIndependent(self) -> None:
        """
        Without a burst length, a loss says nothing about the next packet.
        """
        for seed in SEEDS:
            lost = [f.outcome.isLost for f in fatesOf(Impairments(loss=Probability(0.5)), seed)]
            pairs = sum(a and b for a, b in pairwise(lost))
            # neighbouring pairs share a packet: 5/16 instead of 3/16 a pair
            self.within(pairs, PACKETS / 4, PACKETS * 5 / 16)

    def test_burst(self) -> None:
        """
        C{--loss 10% --loss-burst 4}: a tenth is lost, in runs of 4 in the mean.
        """
        figures = Impairments(loss=Probability(0.1), burst=4)
        after, again = figures.lossAfter() or (0.0, 0.0)
        self.assertAlmostEqual(after, 1 / 36)
        self.assertAlmostEqual(again, 0.75)
        for seed in SEEDS:
            lost = [f.outcome.isLost for f in fatesOf(figures, seed)]
            # of a two-state chain whose states' covariance shrinks by this a step
            memory = again - after
            variance = PACKETS * 0.1 * 0.9 * (1 + memory) / (1 - memory)
            self.within(sum(lost), PACKETS * 0.1, variance)
            runs = [len(list(run)) for isLost, run in groupby(lost) if isLost]
            # geometric with mean 4: variance 4 * 3 for each run
            self.within(sum(runs), 4 * len(runs), 12 * len(runs))

    def test_burstFirst(self) -> None:
        """
        The first packet of a conversation is lost at the ratio, too: of many short conversations,
        as questions of DNS are, as many packets are lost as of a long one.
        """
        conditions = Conditions(Impairments(loss=Probability(0.3), burst=3))
        first = [Fates(conditions, 42, "up", client).next(0) for client in range(PACKETS)]
        lost = sum(fate.outcome.isLost for fate in first)
        self.within(lost, PACKETS * 0.3, PACKETS * 0.3 * 0.7)

    def test_burstEdges(self) -> None:
        """
        Runs as short as the ratio allows, no loss and nothing but loss.
        """
        alternating = [
            f.outcome.isLost
            for f in fatesOf(Impairments(loss=Probability(0.5), burst=1), count=100)
        ]
        self.assertEqual(alternating, [alternating[0], not alternating[0]] * 50)
        self.assertFalse(any(f.outcome.isLost for f in fatesOf(Impairments(burst=3))))
        self.assertTrue(
            all(f.outcome.isLost for f in fatesOf(Impairments(loss=Probability(1), burst=3)))
        )
        for impossible in (Probability(0.8), 3.9), (Probability(0.1), 0.5):
            with self.assertRaises(ValueError):
                Impairments(loss=impossible[0], burst=impossible[1])

    def test_allAndNone(self) -> None:
        """
        100% is every one and 0% is none, not nearly.
        """
        for figures, expected in (
            (
                Impairments(
                    duplicate=Probability(1), reorder=Probability(1), corrupt=Probability(1)
                ),
                3,
            ),
            (Impairments(), 0),
        ):
            self.assertEqual({len(f.outcome.words) for f in fatesOf(figures)}, {expected})
        self.assertEqual(NEVER, Probability(0))

    def test_uniform(self) -> None:
        """
        A uniform delay lies within its jitter, evenly.
        """
        for seed in SEEDS:
            delays = [f.delay for f in fatesOf(Impairments(delay=0.02, jitter=0.005), seed)]
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
        figures = Impairments(delay=0.02, jitter=0.004, distribution="normal")
        for seed in SEEDS:
            delays = [f.delay for f in fatesOf(figures, seed)]
            self.within(sum(delays), PACKETS * 0.02, PACKETS * 0.004**2)
            for deviations, share in ((1, 0.6826895), (2, 0.9544997), (3, 0.9973002)):
                count = sum(abs(d - 0.02) < deviations * 0.004 for d in delays)
                self.within(count, PACKETS * share, PACKETS * share * (1 - share))
        wide = Impairments(delay=0.001, jitter=0.1, distribution="normal")
        self.assertEqual(min(f.delay for f in fatesOf(wide)), 0.0)

    def test_constant(self) -> None:
        """
        A constant delay is one.
        """
        figures = Impairments(delay=0.02, jitter=0.005, distribution="constant")
        self.assertEqual({f.delay for f in fatesOf(figures)}, {0.02})


class Dependence(SynchronousTestCase):
    """
    A fate follows from the seed and the key alone.
    """

    figures = Impairments(
        loss=Probability(0.1),
        duplicate=Probability(0.05),
        reorder=Probability(0.03),
        corrupt=Probability(0.01),
        delay=0.02,
        jitter=0.005,
        distribution="normal",
    )

    def test_exact(self) -> None:
        """
        The same seed has the same fates in every version of Python, on every machine.
        """
        fates = fatesOf(self.figures, 42)
        words = ("lost", "duplicated", "reordered", "corrupted")
        counts = [sum(word in f.outcome.words for f in fates) for word in words]
        self.assertEqual(counts, [956, 467, 267, 96])
        interesting = [(f.position, *f.outcome.words) for f in fates if f.outcome.words]
        self.assertEqual([place for place, *words in interesting[:8]], [3, 5, 6, 9, 18, 20, 26, 28])
        self.assertEqual(
            interesting[:4], [(3, "duplicated"), (5, "reordered"), (6, "lost"), (9, "lost")]
        )
        self.assertEqual(
            [f.delay for f in fates[:6]],
            [0.017563, 0.027297, 0.026102, 0.012983, 0.023134, 0.024105],
        )
        self.assertEqual(fates[0].base, BASE)

    def test_anotherProcess(self) -> None:
        """
        Nor do they depend on a process's hash seed.
        """
        code = (
            "from twisted_netdemo.faults.model import *\n"
            "print(Fates(Conditions(Impairments()), 42, 'up', 0).next(0).base)"
        )
        output = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual(int(output), BASE)

    def test_eachPartOfTheKeyCounts(self) -> None:
        """
        Another seed, direction, client or number is another fate.
        """
        draws = {
            Fates(CLEAR, seed, direction, client).next(n).base
            for seed in range(3)
            for direction in ("up", "down")
            for client in range(12)
            for n in range(112)
        }
        self.assertEqual(len(draws), 3 * 2 * 12 * 112)
        self.assertNotEqual(
            Fates(CLEAR, 0, "up", 1).next(12).base,
            Fates(CLEAR, 0, "up", 11).next(2).base,
        )

    def test_onePacketAlone(self) -> None:
        """
        A packet that is told from others by what it is has its fate whenever it sets out; its
        place and its run of losses are what follows from the order.
        """
        one = Fates(Conditions(self.figures), 7, "tcp", 4, 80, 0, "up")
        other = Fates(Conditions(self.figures), 7, "tcp", 4, 80, 0, "up")
        keys = [("PA", sequence, 512, 0) for sequence in range(200)]
        forwards = {key: one.next(*key) for key in keys}
        backwards = {key: other.next(*key) for key in reversed(keys)}
        for key in keys:
            self.assertEqual(forwards[key][1:], backwards[key][1:])

    def test_figuresDoNotDisturbEachOther(self) -> None:
        """
        More of one fault leaves the others where they were.
        """
        few = fatesOf(Impairments(duplicate=Probability(0.05), jitter=0.005, delay=0.02))
        many = fatesOf(
            Impairments(
                duplicate=Probability(0.05),
                corrupt=Probability(0.5),
                jitter=0.005,
                delay=0.02,
                gap=9,
            )
        )
        self.assertEqual(
            [("duplicated" in f.outcome.words, f.delay, f.base) for f in few],
            [("duplicated" in f.outcome.words, f.delay, f.base) for f in many],
        )

    def test_moreLossIsMoreOfTheSame(self) -> None:
        """
        A higher ratio keeps the losses of the lower one.
        """
        few = {f.position for f in fatesOf(Impairments(loss=Probability(0.05))) if f.outcome.isLost}
        many = {f.position for f in fatesOf(Impairments(loss=Probability(0.1))) if f.outcome.isLost}
        self.assertLess(few, many)


class Change(SynchronousTestCase):
    """
    The conditions change while packets are under way.
    """

    def test_change(self) -> None:
        """
        From a change on, each packet has the fate that it would have had if the conditions had
        always been the new ones, in every conversation of the direction.
        """
        before = Impairments(loss=Probability(0.5), delay=1.0)
        after = Impairments(
            loss=Probability(0.2), corrupt=Positions(((150, 160),)), delay=0.02, jitter=0.01
        )
        conditions = Conditions(before)
        changed = [Fates(conditions, 42, "up", client) for client in range(3)]
        fates = [[each.next(n) for n in range(100)] for each in changed]
        conditions.change(after)
        for drawn, each in zip(fates, changed, strict=True):
            drawn += [each.next(n) for n in range(100, 200)]
        for client, drawn in enumerate(fates):
            for impairments, part in ((before, slice(100)), (after, slice(100, 200))):
                alone = Fates(Conditions(impairments), 42, "up", client)
                self.assertEqual(drawn[part], [alone.next(n) for n in range(200)][part])

    def test_cutAndHeal(self) -> None:
        """
        A line that is cut and healed forgets the run of losses that it was in.
        """
        calm = Impairments(loss=Probability(0.01), burst=50.0)
        conditions = Conditions(Impairments(loss=Probability(1.0)))
        fates = Fates(conditions, 42, "up", 0)
        self.assertTrue(fates.next(0).outcome.isLost)
        conditions.change(Impairments())
        self.assertEqual(conditions.always, Fate(0, UNHARMED, 0.0, 0))
        self.assertEqual(fates.next(1).outcome, UNHARMED)
        conditions.change(calm)
        self.assertFalse(fates.next(2).outcome.isLost)


class Draws(SynchronousTestCase):
    """
    Each fault has random numbers of its own.
    """

    def test_independent(self) -> None:
        """
        Any two faults, each of which happens to a tenth, happen together to a hundredth; and so
        does any fault with a delay in the lowest tenth.
        """
        for one, other in combinations(FAULTS, 2):
            fates = fatesOf(
                Impairments(
                    {one.name: Probability(0.1), other.name: Probability(0.1)}, delay=1, jitter=1
                )
            )
            short = {fate.position for fate in fates if fate.delay < 0.2}
            hit = [
                {fate.position for fate in fates if fault.word in fate.outcome.words}
                for fault in (one, other)
            ]
            pairs = [(hit[0], short), (hit[1], short)]
            if not one.stops:  # a packet that is lost has no other fault
                pairs.append((hit[0], hit[1]))
            for left, right in pairs:
                expected = len(left) * len(right) / PACKETS
                self.assertLess(abs(len(left & right) - expected), 5 * sqrt(expected))

    def test_fixed(self) -> None:
        """
        A fault's draws follow from the packet and its name, so that no fault that is added moves
        them.
        """
        self.assertEqual(damageDraw(BASE, "corrupt"), WHERE)
        lost = [f.position for f in fatesOf(Impairments(loss=Probability(0.1))) if f.outcome.isLost]
        self.assertEqual(lost[:6], LOST)


class Unknown(SynchronousTestCase):
    def test_unknown(self) -> None:
        """
        A programmer's misspelt fault is told.
        """
        with self.assertRaisesRegex(TypeError, "there is no fault los"):
            Impairments(los=Probability(0.1))


class AtPositions(SynchronousTestCase):
    """
    C{@2,5-7} is the 2nd and the 5th to 7th, whatever the seed.
    """

    def test_places(self) -> None:
        """
        Exactly these, of each kind of fault.
        """
        positions = Positions(((2, 2), (5, 7)))
        for seed in SEEDS:
            figures = Impairments(loss=positions, duplicate=Positions(((3, 5),)), burst=9)
            fates = fatesOf(figures, seed, 20)
            self.assertEqual([f.position for f in fates if f.outcome.isLost], [2, 5, 6, 7])
            self.assertEqual([f.position for f in fates if "duplicated" in f.outcome.words], [3, 4])

    @given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), min_size=1))
    def test_anyRanges(self, ranges: list[tuple[int, int]]) -> None:
        """
        Ranges may come in any order, touch and overlap.
        """
        spans = [(first, first + more) for first, more in ranges]
        positions = Positions.of(spans)
        wanted = {place for first, last in spans for place in range(first, last + 1)}
        self.assertEqual({p for p in range(1, 80) if positions.hits(p)}, wanted)

    def test_badRanges(self) -> None:
        """
        A programmer's mistake is told.
        """
        for ranges in (), ((0, 1),), ((3, 2),), ((5, 6), (1, 2)), ((1, 2), (3, 4)):
            with self.assertRaises(ValueError):
                Positions(ranges)
        for ratio in (-0.1, 1.1, float("nan")):
            with self.assertRaises(ValueError):
                Probability(ratio)
