"""
The README keeps its word.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent


#: A form of the repository where it is published, which no clone has.
ADVISORY = "../../security/advisories/new"


class ReadmeTests(SynchronousTestCase):
    def test_ciRunsItsTestCommand(self) -> None:
        """
        The command that the README tells a newcomer to paste is the one that CI runs.
        """
        commands = re.findall(r"^\$ (python3 -m venv .*)$", (ROOT / "README.md").read_text(), re.M)
        self.assertEqual(len(commands), 2)
        self.assertIn(commands[1], (ROOT / ".ci/run").read_text().splitlines())

    def test_linksLeadSomewhere(self) -> None:
        """
        Every relative link of the pages at the top and in docs/ leads to a file that is there.
        """
        for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
                if link != ADVISORY:
                    self.assertTrue((page.parent / link).exists(), f"{page}: {link}")
