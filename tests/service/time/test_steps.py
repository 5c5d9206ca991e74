"""
The time of day is set while deadlines are pending.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.service.time.steps import CASES, PATIENCE, STOCK


@cache
def tables() -> dict[str, dict[str, str]]:
    """
    After what time each deadline came, by the step and the deadline's name. (trial with C{-j} knows
    no setUpClass.)
    """
    processes = {
        step: subprocess.Popen(
            [sys.executable, "-m", "tests.service.time.steps", step],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for step in ("back", "forward")
    }
    found = {}
    for step, process in processes.items():
        output, errors = process.communicate(timeout=3 * PATIENCE)
        rows = [line.rsplit(maxsplit=2) for line in output.splitlines()]
        found[step] = {name: after for name, _, after in rows}
        assert not errors, errors
    return found


class StepTests(SynchronousTestCase):
    """
    See L{tests.service.time.steps}: the clock that a reactor of its own reads is set, not the
    system's.
    """

    def check(self, step: str) -> None:
        came = {name: after for name, after in tables()[step].items() if name != STOCK}
        self.assertEqual(came.keys(), CASES.keys() - {STOCK})
        self.assertNotIn("never", came.values(), came)
        for name, after in came.items():
            # a timer may round; a step of an hour has it come at once
            self.assertGreater(float(after), CASES[name][1] / 2, name)

    def test_back(self) -> None:
        """
        When the time of day is set an hour back, all deadlines come: not an hour later, as the
        reactor's own do.
        """
        self.check("back")
        self.assertEqual(tables()["back"][STOCK], "never")

    def test_forward(self) -> None:
        """
        When it is set an hour forward, none comes at once, as the reactor's own do.
        """
        self.check("forward")
        self.assertLess(float(tables()["forward"][STOCK]), CASES[STOCK][1])
