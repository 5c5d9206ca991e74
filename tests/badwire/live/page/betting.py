"""
Bets, and their marks.
"""

from __future__ import annotations

from tests.badwire.live.page.browsing import BrowserCase


class BetTests(BrowserCase):
    """
    A bet hides what would give it away, and is marked against the log.
    """

    def test_bet(self) -> None:
        """
        A bet hides the timers; the mark tells the truth of the log, and the mechanism.
        """
        self.live("--delay", "300ms", "--seed", "7")
        self.by("guess").send_keys("soon")
        self.by("bet").click()
        self.assertEqual(self.by("guess").get_attribute("aria-invalid"), "true")
        self.by("guess").clear()
        self.by("guess").send_keys("300")
        self.by("bet").click()
        self.wait(lambda: self.state("verdict") == "waiting", "it waits")
        self.by("lose-next-up").click()
        self.wait(lambda: self.text("#toast"), "it is armed")
        self.say("hello")
        self.wait(lambda: self.field("near", "rto") == "?", "it is hidden")
        self.assertIn("hidden", self.field("near", "timer"))
        self.wait(lambda: self.state("verdict") == "marked", "it is marked")
        rows = self.packets("[data-direction=up][data-seq='1'][data-length='6']")
        truth = (float(rows[1]["t"]) - float(rows[0]["t"])) * 1000
        self.assertEqual(self.data("#verdict", "truth"), str(round(truth)))
        self.assertEqual(self.data("#verdict", "guess"), "300")
        self.assertIn(f"after {round(truth)} ms", self.text("#verdict"))
        self.assertRegex(self.text("#verdict"), "RFC 8985|RFC 6298|not known")
        self.assertNotEqual(self.field("near", "rto"), "?")

    def test_betOnReading(self) -> None:
        """
        What the far program has read is hidden as soon as it is asked for, until the bet.
        """
        self.live()
        self.choose("question", "read")
        self.by("transfer").click()
        self.wait(lambda: self.find("#far li[data-what=end]"), "all is read")
        self.assertEqual(set(self.text("#far li[data-what=read]").split()), {"read?"})
        self.by("guess").send_keys("100000")
        self.by("bet").click()
        self.wait(lambda: self.data("#verdict", "mark") == "right", "it is marked")
        self.assertNotIn("?", self.text("#far li[data-what=read]"))

    def test_betOnNext(self) -> None:
        """
        A bet on the next to speak, in a picture that is paused, is decided by what comes then.
        """
        self.live("--delay", "2s")
        self.say("one", "udp")
        self.wait(lambda: self.packets("[data-direction=up]"), "it has left")
        self.by("pause").click()
        self.choose("question", "next")
        self.choose("guess", "far")
        self.by("bet").click()
        self.wait(lambda: self.state("verdict") == "waiting", "it waits")
        self.by("pause").click()
        self.wait(lambda: self.data("#verdict", "mark") == "right", "it is marked")
