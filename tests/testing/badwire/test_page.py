"""
The page about bad networks in test suites.
"""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path

from tests.testing.runners.project import ProjectCase

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "test-suites.md"


class PageTests(ProjectCase):
    def test_examples(self) -> None:
        """
        The page's examples run as they stand.
        """
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        self.patch(os, "environ", {**os.environ, "PATH": path})
        examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
        tests = [each for each in examples if "def test_" in each]
        programs = [each for each in examples if each not in tests]
        self.assertEqual((len(tests), len(programs)), (2, 3))
        for example in programs:
            exec(compile(example, str(PAGE), "exec"), {})
        self.write(**{f"test_{number}": test for number, test in enumerate(tests)})
        status, said = self.ran("-W", "error")
        self.assertEqual(status, 0, said)
        self.assertIn("7 passed", said)
