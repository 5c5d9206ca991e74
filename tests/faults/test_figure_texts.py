"""
Figures as words and texts.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.faults.figure_texts import FigureError, figureNames, settled, withFigures
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS
from twisted_netdemo.faults.trigger import Positions, Probability


class FigureTests(SynchronousTestCase):
    """
    Some figures are set, and the others stay.
    """

    def test_some(self) -> None:
        """
        Each text is what it means on the command line, C{none} takes a figure away.
        """
        before = Impairments(corrupt=Probability(0.5), burst=2.0, rate=1e6, hold=0.04, jitter=0.01)
        after = withFigures(before, {"loss": "@2,5-7", "loss-burst": "none", "rate": "none"})
        self.assertEqual(
            after,
            Impairments(
                corrupt=Probability(0.5),
                loss=Positions(((2, 2), (5, 7))),
                hold=0.04,
                jitter=0.01,
            ),
        )
        self.assertEqual(withFigures(after, {}), after)

    def test_defaults(self) -> None:
        """
        An empty text is the default's: with all of them empty, nothing happens to any packet.
        """
        empty = settled(dict.fromkeys(figureNames(), " "))
        self.assertEqual(withFigures(Impairments(burst=3.0, rate=5.0), empty), Impairments())
        self.assertEqual(settled(empty), empty)

    def test_mistakes(self) -> None:
        """
        A figure that is wrong, or that does not go with those in force, is named in one line.
        """
        runs = Impairments(loss=Probability(0.1), burst=3.0)
        for impairments, figures, line in (
            (Impairments(), {"delay": "5"}, "delay: '5' is not a duration"),
            (
                Impairments(),
                {"dealy": "5ms"},
                "dealy: there is no such figure; did you mean delay?",
            ),
            (Impairments(), {"a\nb": "5ms"}, "a\\nb: there is no such figure"),
            (Impairments(), {"undetectable": "5%"}, "undetectable: there is no such figure"),
            (runs, {"loss": "80%"}, "loss-burst: 3 is too short"),
            (runs, {"loss": "@3"}, "loss-burst: 3 needs a ratio"),
            (Impairments(jitter=0.01), {"distribution": "constant"}, "distribution: 'constant'"),
        ):
            with self.subTest(line):
                error = self.assertRaises(
                    FigureError, withFigures, impairments, figures, DATAGRAM_FAULTS
                )
                self.assertTrue(str(error).startswith(line), error)
                self.assertNotIn("\n", str(error))
