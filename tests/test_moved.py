"""
Names that the documentation has published go on working.
"""

from __future__ import annotations

import sys
import warnings
from subprocess import run

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

#: Where the pages had it, and where it is.
MOVED = [
    (
        "twisted_netdemo.gopher.tls.Verified",
        "twisted_netdemo.gopher.client.trust.Verified",
    ),
    (
        "twisted_netdemo.service.clock.monotonic",
        "twisted_netdemo.service.time.clock.monotonic",
    ),
    (
        "twisted_netdemo.service.jsonlog.stdout",
        "twisted_netdemo.service.observe.json_log.stdout",
    ),
    (
        "twisted_netdemo.service.udp.UDPService",
        "twisted_netdemo.service.udp.service.UDPService",
    ),
]


class MovedTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        The old name is the same object as the new one, and a warning says where that is.
        """
        for old, new in MOVED:
            with self.subTest(old=old), warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                self.assertIs(namedAny(old), namedAny(new))
                self.assertEqual(
                    {(each.category, str(each.message)) for each in warned},
                    {(DeprecationWarning, f"{old} is now {new}")},
                )

    def test_program(self) -> None:
        """
        A program that imports the old names is shown its own lines.
        """
        names = [old.rpartition(".") for old, _ in MOVED]
        program = "\n".join(f"from {module} import {name}" for module, _, name in names)
        command = [sys.executable, "-W", "default", "-c", program]
        errors = run(command, capture_output=True, text=True).stderr
        for line, (old, _) in enumerate(MOVED, 1):
            self.assertIn(f"<string>:{line}: DeprecationWarning: {old} is now ", errors)

    def test_nothingElse(self) -> None:
        """
        A name that was never there is missing as it is from any module.
        """
        module = namedAny("twisted_netdemo.service.clock")
        self.assertFalse(hasattr(module, "other"))
