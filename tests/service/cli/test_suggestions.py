"""
Tests of what a misspelt word was meant to be.
"""

from __future__ import annotations

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.linecount.tap import Options
from twisted_netdemo.service.cli.suggestions import aboutOption, didYouMean


class NearestTests(SynchronousTestCase):
    """
    The nearest word is asked for; a far one is not.
    """

    def test_word(self) -> None:
        """
        One that is near, and none that is.
        """
        self.assertEqual(didYouMean("lessn", ["run", "lesson"]), "; did you mean lesson?")
        self.assertEqual(didYouMean("dance", ["run", "lesson"]), "")

    def test_option(self) -> None:
        """
        An option is named as it is typed; any other complaint stays as it is.
        """
        complaint = "option --corupt not recognized"
        self.assertEqual(
            aboutOption(complaint, ["corrupt=", "loss="]), f"{complaint}; did you mean --corrupt?"
        )
        complaint = "option --lo not a unique prefix"
        self.assertEqual(
            aboutOption(complaint, ["loss-burst=", "loss="]), f"{complaint}; did you mean --loss?"
        )
        self.assertEqual(aboutOption("option --x requires argument", ["y"]), _REQUIRES)

    def test_service(self) -> None:
        """
        Each service says so.
        """
        with self.assertRaises(usage.UsageError) as raised:
            Options().parseOptions(["--prot", "1"])
        self.assertIn("did you mean --port?", str(raised.exception))


_REQUIRES = "option --x requires argument"
