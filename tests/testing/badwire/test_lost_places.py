"""
The strategy for places.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from random import Random
from unittest.mock import patch

from hypothesis import Phase, find, given, settings
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.testing.badwire import Mistake, Unavailable, places
from twisted_netdemo.testing.badwire.figures import NETWORK

QUIET = settings(max_examples=1000, database=None, phases=[Phase.generate, Phase.shrink])


class PlacesTests(SynchronousTestCase):
    """
    Sets of places, up to a place, and at most so many.
    """

    @given(places(6, at_most=2))
    def test_bounds(self, some: set[int]) -> None:
        """
        Each is one that a figure takes.
        """
        self.assertLessEqual(some, set(range(1, 7)))
        self.assertLessEqual(len(some), 2)
        self.assertEqual(len(NETWORK.words({"up_corrupt": some})), 2)

    def test_shrinks(self) -> None:
        """
        What is left breaks it, none of its places can be left out, and no lower one takes the place
        of another: also where the places that break it do not lie side by side.
        """
        breaks: list[tuple[int, Callable[[set[int]], bool], set[int]]] = [
            (8, lambda some: True, set()),
            (8, lambda some: 4 in some, {4}),
            (8, lambda some: bool(some & {3, 5, 8}), {3}),
            (8, lambda some: {5, 8} <= some, {5, 8}),
            (8, lambda some: len(some) >= 3, {1, 2, 3}),
            (40, lambda some: bool(some & {2, 9, 25, 40}), {2}),
            (40, lambda some: 39 in some, {39}),
        ]
        for highest, isBroken, smallest in breaks:
            for seed in range(2):
                found = find(places(highest, 3), isBroken, settings=QUIET, random=Random(seed))
                self.assertEqual(found, smallest)

    def test_moreThanThereAre(self) -> None:
        """
        At most more than there are is all of them.
        """
        every = find(places(3, 100), lambda some: len(some) == 3, settings=QUIET)
        self.assertEqual(every, {1, 2, 3})

    def test_mistakes(self) -> None:
        """
        Each number is 1 or more.
        """
        for highest, most, words in (
            (0, 1, "highest: 0 is not a whole number, 1 or more"),
            (3, 0, "at_most: 0 is"),
            (3, True, "at_most: True is"),
            ("3", 1, "highest: '3' is"),
        ):
            error = self.assertRaises(Mistake, places, highest, most)
            self.assertIn(words, str(error))

    def test_withoutHypothesis(self) -> None:
        """
        Where hypothesis is not installed, the error says what to install.
        """
        with patch.dict(sys.modules, {"hypothesis": None}):
            error = self.assertRaises(Unavailable, places, 3, 1)
        self.assertIn("pip install hypothesis", str(error))
