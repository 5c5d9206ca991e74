"""
The live page in a browser: that it lives at all. The other modules of
this folder try the rest: C{nox -s proofs} runs them.
"""

from __future__ import annotations

from tests.badwire.live.page.browsing import BrowserCase


class SmokeTests(BrowserCase):
    """
    The user that runs the tests.
    """

    def test_line(self) -> None:
        """
        A line goes to the far end and back: the programs, the ladder, the table and the kernel's
        counters show it, and the browser has nothing to complain of.
        """
        self.live("--delay", "20ms", "--seed", "7")
        self.say("Grüße, \u4e16\u754c")
        self.wait(lambda: "Grüße, \u4e16\u754c" in self.text("#far [data-what=read] q"), "it came")
        self.wait(lambda: self.find("#near li[data-what=end]"), "the far end closes")
        shown = self.packets("[data-direction=up][data-protocol=tcp]")
        self.assertEqual(shown[0]["length"], "0")
        self.assertIn("16", [each["length"] for each in shown])
        self.assertGreater(len(self.find("#ladder [data-n][data-state=arrived]")), 5)
        self.wait(lambda: self.find("#counters tr[data-equal=true]"), "the counters agree")
