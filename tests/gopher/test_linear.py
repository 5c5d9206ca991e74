"""
No input costs more than linear time, nor more memory than it is large: each parser with much of
each byte that might matter, and the command with bodies made to cost both.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.bounds import LOADS, use
from tests.gopher.costs import PARSERS, REPEATED, ratio
from tests.gopher.peers import sends
from tests.processes import needs


class LinearTests(SynchronousTestCase):
    def test_all(self) -> None:
        """
        Eight times as much takes about eight times as long, not sixty-four times.
        """
        for name, parse in PARSERS.items():
            for piece in REPEATED:
                # a second look, where the machine had something else to do
                if ratio(parse, piece) > 24 and ratio(parse, piece, 5) > 24:
                    self.fail(f"{name} with much of {piece!r} is worse than linear")


class MemoryTests(SynchronousTestCase):
    def test_bodies(self) -> None:
        """
        The command holds little more than for an empty answer, shown or as JSON, and ends in time.
        CI has a step of its own for other bodies, which takes longer.
        """
        needs("sh")
        empty = use(self, LOADS[0], sends(b""))
        for load in LOADS[1:3]:
            full = use(self, load, load.behave, "--max-time", "0.6")
            self.assertIn(full.status, (0, 28), load.name)
            self.assertLess(full.peak - empty.peak, load.most, load.name)
