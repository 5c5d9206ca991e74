"""
The figures on the command line.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.faults.figure_texts import trigger
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds import FAULTS, PACKET_FAULTS
from twisted_netdemo.faults.options import FaultOptions, faultRows, figure
from twisted_netdemo.faults.trigger import NEVER, Direction, Positions, Probability
from twisted_netdemo.service.cli.quantities import whole


class Options(FaultOptions):
    """
    A service with all faults and a figure of its own.
    """

    faults = FAULTS
    hold = 0.04
    optParameters = [*faultRows(PACKET_FAULTS), *figure("slice", None, "the largest piece")]
    slices: dict[Direction, int | None]

    def postOptions(self) -> None:
        self.takeFigures()
        self.slices = self.takeOptional("slice", whole)


def parsed(line: str) -> Options:
    options = Options()
    options.parseOptions(line.split())
    return options


class Values(SynchronousTestCase):
    """
    The options as they are typed, and the values that they mean.
    """

    def test_defaults(self) -> None:
        """
        Nothing asked for is a wire that does no harm.
        """
        options = parsed("")
        self.assertEqual(
            options.impairments, {"up": Impairments(hold=0.04), "down": Impairments(hold=0.04)}
        )

    def test_all(self) -> None:
        """
        Every figure goes to both directions.
        """
        options = parsed(
            "--loss 10% --loss-burst 3 --duplicate 5% --reorder 3% --reorder-gap 2 --corrupt 1% "
            "--delay 20ms --jitter 5ms --distribution normal --rate 1mbit --queue 50 --seed 42"
        )
        expected = Impairments(
            loss=Probability(0.1),
            burst=3,
            duplicate=Probability(0.05),
            reorder=Probability(0.03),
            gap=2,
            hold=0.04,
            corrupt=Probability(0.01),
            delay=0.02,
            jitter=0.005,
            distribution="normal",
            rate=1e6,
            queue=50,
        )
        self.assertEqual(options.impairments, {"up": expected, "down": expected})
        self.assertEqual((options.seed, options.isSeedDrawn), (42, False))

    def test_oneDirection(self) -> None:
        """
        The form for one direction wins over the one for both.
        """
        options = parsed(
            "--loss 10% --up-loss @2,5-7 --down-delay 1s --up-rate 1kbit --down-loss-burst 2 "
            "--up-undetectable 1% --up-slice 7"
        )
        up, down = options.impairments["up"], options.impairments["down"]
        self.assertEqual((up.of("loss"), up.delay, up.rate), (Positions(((2, 2), (5, 7))), 0, 1000))
        self.assertEqual((down.of("loss"), down.delay, down.rate), (Probability(0.1), 1, None))
        self.assertEqual((up.burst, down.burst), (None, 2))
        self.assertEqual(
            (up.of("undetectable"), down.of("undetectable")), (Probability(0.01), NEVER)
        )
        self.assertEqual(options.slices, {"up": 7, "down": None})

    def test_seedIsDrawn(self) -> None:
        """
        Without a seed each run has another, short enough to be typed again.
        """
        seeds = {parsed("").seed for _ in range(5)}
        self.assertGreater(len(seeds), 1)
        self.assertLess(max(seeds), 10**9)
        self.assertTrue(parsed("").isSeedDrawn)

    @given(st.text(alphabet="@0123456789-,% ", max_size=8))
    def test_trigger(self, text: str) -> None:
        """
        Any text is a value or one line that quotes it.
        """
        try:
            value = trigger(text)
        except ValueError as error:
            self.assertIn(repr(text), str(error))
        else:
            self.assertIsInstance(value, Positions if text.startswith("@") else Probability)


class Mistakes(SynchronousTestCase):
    """
    One line, which names the option and the value.
    """

    def test_mistakes(self) -> None:
        """
        Every wrong figure is a usage error.
        """
        for line, words in (
            ("--loss 150%", "--loss: '150%'"),
            ("--loss 10", "--loss: '10'"),
            ("--up-corrupt x", "--up-corrupt: 'x'"),
            ("--duplicate @0", "--duplicate: '@0'"),
            ("--duplicate @7-5", "--duplicate: '@7-5'"),
            ("--duplicate @", "--duplicate: '@'"),
            ("--delay 20", "--delay: '20'"),
            ("--down-jitter 2h", "--down-jitter: '2h'"),
            ("--distribution pareto", "--distribution: 'pareto'"),
            ("--rate 1000", "--rate: '1000'"),
            ("--rate 0.1bit", "--rate: '0.1bit'"),
            ("--queue -1", "--queue: '-1'"),
            ("--reorder-gap 0", "--reorder-gap: '0'"),
            ("--loss-burst 0.5 --loss 1%", "--loss-burst: '0.5'"),
            ("--loss-burst 2 --loss 80%", "--loss-burst: 2 is too short"),
            ("--up-loss-burst 2 --loss @5", "--up-loss-burst: 2 needs a ratio"),
            (
                "--distribution constant --jitter 5ms",
                "'constant' leaves no room for a jitter of 5ms",
            ),
            ("--seed x", "--seed: 'x'"),
            ("--seed 1000000000000000000", "0 to 999999999999999999"),
            ("--loss-burst 3", "--loss-burst: '3' has no effect without --loss"),
            ("--loss-burst 3 --corrupt 1%", "has no effect without --loss"),
            ("--up-loss-burst 3 --down-loss 1%", "has no effect without --up-loss"),
            ("--reorder-gap 3", "has no effect without --reorder"),
            ("--down-queue=9", "has no effect without --down-rate"),
            ("--distribution normal", "has no effect without --jitter"),
            ("--undetectable 1", "--undetectable: '1'"),
        ):
            with self.subTest(line):
                error = self.assertRaises(UsageError, parsed, line)
                self.assertIn(words, str(error))
                self.assertNotIn("\n", str(error))

    def test_effect(self) -> None:
        """
        A figure that belongs to another one is accepted beside it, even at 0%, and for
        one direction alone.
        """
        for line in (
            "--loss 0% --loss-burst 3",
            "--loss-burst 3 --up-loss 10%",
            "--up-reorder-gap 3 --reorder 1%",
            "--queue 9 --down-rate 1mbit",
            "--distribution constant",
        ):
            with self.subTest(line):
                parsed(line)


class Help(SynchronousTestCase):
    """
    The help is one screen.
    """

    def test_help(self) -> None:
        """
        Every figure stands in it once.
        """
        options = Options()
        usage = options.getUsage(80)
        for name in ("queue", "slice", *(fault.name for fault in FAULTS)):
            self.assertEqual(usage.count(f"  --{name}="), 1)
        self.assertNotIn("--up-", usage.split("Options:")[1])
        self.assertIn("up-loss=", options.longOpt)
