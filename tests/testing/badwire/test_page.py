"""
The page about bad networks in test suites.
"""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import needs

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "test-suites.md"


class PageTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """
        The page's examples run as they stand.
        """
        needs("sh")
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        self.patch(os, "environ", {**os.environ, "PATH": path})
        examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
        self.assertEqual(len(examples), 3)
        for example in examples:
            exec(compile(example, str(PAGE), "exec"), {})
