"""
What --help says, read by a machine.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.lessons.programs import actor
from twisted_netdemo.badwire.tap import Options as Badwire
from twisted_netdemo.gopher.cli.tap import Options as Gopherfetch
from twisted_netdemo.impair.tap import Options as Impair
from twisted_netdemo.linecount.tap import Options as Linecount
from twisted_netdemo.stamp.exporter_tap import Options as Stampexporter
from twisted_netdemo.stamp.reflector_tap import Options as Stampreflector
from twisted_netdemo.stamp.sender_tap import Options as Stampsender
from twisted_netdemo.udpcount.tap import Options as Udpcount

_MARKUP = re.compile(r"\b[A-Z]\{")


class HelpTests(SynchronousTestCase):
    def test_services(self) -> None:
        """
        Each option is told of in words that stand for themselves, without markup or stray spaces.
        """
        for kind in (
            Linecount,
            Udpcount,
            Impair,
            Badwire,
            Gopherfetch,
            Stampreflector,
            Stampsender,
            Stampexporter,
        ):
            options = kind()
            text = options.getUsage(width=100_000)
            self.assertIsNone(_MARKUP.search(text))
            for name, doc in options.docs.items():
                self.assertNotRegex(doc, r"\s\s|\n|the same\b", f"--{name}")
                self.assertTrue(doc, f"--{name}")

    def test_actors(self) -> None:
        """
        So it is with the actors.
        """
        said = io.StringIO()
        self.patch(sys, "argv", ["badwire-actor", "--help"])
        with contextlib.redirect_stdout(said), self.assertRaises(SystemExit):
            actor.main()
        self.assertIn("badwire-actor", said.getvalue())
        self.assertIsNone(_MARKUP.search(said.getvalue()))
