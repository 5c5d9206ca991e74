"""
The fast transport beside Twisted's own: Twisted's tests of them, and what is left without the
private names.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.service.tcp.fast import renamed
from tests.service.tcp.fast.twisteds import otherwise

ROOT = Path(__file__).parents[4]
PATIENCE = 200


def begin(*arguments: str) -> subprocess.Popen[str]:
    """
    Start a Python module of ours.
    """
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TwistedsTests(SynchronousTestCase):
    def test_passed(self) -> None:
        """
        Of Twisted's tests of TCP, on the reactor of Linux, the fast transport passes as many as
        Twisted's own, but for those in the page's table.
        """
        self.assertLessEqual(len(otherwise()), 3)
        lines = {}
        running = {
            which: begin("tests.service.tcp.fast.twisteds", which, "EPollReactor")
            for which in ("fast", "stock")
        }
        for which, process in running.items():
            output, errors = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, output + errors)
            lines[which] = output.splitlines()[-1].removeprefix(which)
        self.assertEqual(lines["fast"], lines["stock"])

    def test_privateNames(self) -> None:
        """
        A Twisted without one of the private names still serves every client, on its own transports.
        """
        output, errors = begin("tests.service.tcp.fast.renamed").communicate(timeout=PATIENCE)
        answer = "Please enter a string: You entered 9 characters."
        answers = " | ".join([answer] * 3)
        expected = [f"nothing: twisted_netdemo.service.tcp.fast.client: {answers}"]
        expected += [f"{name}: twisted.internet.tcp: {answers}" for name in renamed.names()]
        self.assertEqual(output.splitlines(), expected, errors)
        self.assertGreater(len(expected), 10)
