"""
Tests of the warning about positions that no packet reached.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.faults.test_options import parsed
from twisted_netdemo.faults.reached import Reached


class ReachedTests(SynchronousTestCase):
    """
    A position beyond the longest flow's end is warned of, one that was reached is not.
    """

    def said(self, line: str, up: int, down: int) -> list[str]:
        """
        The warnings after flows of such lengths.
        """
        reached = Reached(parsed(line).asked())
        for count in range(1, up + 1):
            reached.went("up", count)
        reached.went("down", down)
        reached.went("down", 0)  # a shorter one
        return reached.lines("flow", "packet")

    def test_lines(self) -> None:
        """
        The option is named as it was given, with those of its positions that were not reached.
        """
        for line, up, down, said in (
            ("--up-loss @7", 5, 9, ["--up-loss @7: no flow had more than 5 packets up"]),
            ("--up-loss @5", 5, 0, []),
            ("--up-loss @1-9", 1, 0, []),
            (
                "--loss @1,3,7-9",
                2,
                1,
                ["--loss @3,7-9: no flow had more than 2 packets up or 1 packet down"],
            ),
            ("--corrupt @4", 2, 4, []),
            (
                "--corrupt @4 --up-corrupt @3",
                2,
                4,
                ["--up-corrupt @3: no flow had more than 2 packets up"],
            ),
            ("--loss 10%", 0, 0, []),
            (
                "--duplicate @2 --down-reorder @9",
                1,
                1,
                [
                    "--duplicate @2: no flow had more than 1 packet up or 1 packet down",
                    "--down-reorder @9: no flow had more than 1 packet down",
                ],
            ),
        ):
            with self.subTest(line):
                self.assertEqual(self.said(line, up, down), said)
