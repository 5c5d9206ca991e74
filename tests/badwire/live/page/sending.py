"""
Sending, and losing what flies.
"""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.badwire import users
from tests.badwire.live.page.browsing import FLYING, TEXT, BrowserCase


class SendTests(BrowserCase):
    """
    What is sent, and what is seen of it.
    """

    def test_texts(self) -> None:
        """
        Lines in any language arrive by TCP and by UDP, and markup is text.
        """
        self.live()
        for protocol in ("tcp", "udp"):
            self.say(TEXT, protocol)
            self.wait(lambda: "<script>alert(1)" in self.text("#far li[data-what=read]"), "it came")
            shown = f"[data-protocol={protocol}][data-effect=delivered]"
            self.wait(lambda shown=shown: len(self.packets(shown)) >= 2, "it is in the table")
            self.assertIn('"Gru\u0308ße, \u4e16\u754c', self.text(f"#packets {shown}"))
        self.wait(lambda: "(UDP)" in self.text("#near li[data-what=read]"), "the answer came")
        self.assertEqual(self.find("#near b b, #far q b, .program script"), [])

    def test_loss(self) -> None:
        """
        With loss 100 % nothing arrives and the line is sent again and again; with 0 % it arrives.
        The changes are marked in the ladder, and an emptied field is the default.
        """
        self.live()
        self.figure("up-loss", "100%")
        self.wait(lambda: self.find("#ladder .change"), "the change is marked")
        self.say("through?")
        self.wait(lambda: self.packets("[data-attempt='2'][data-fates=lost]"), "a second attempt")
        self.assertEqual(self.packets("[data-direction=up][data-effect=delivered]"), [])
        self.assertEqual(self.data("#up-loss", "x"), None)
        self.figure("up-loss", "0%")
        self.wait(lambda: r"through?\n" in self.text("#far q"), "it came, with its line's end")
        self.assertIn("Loss 0%", self.text("#ladder .change"))

    def test_wrongFigure(self) -> None:
        """
        A figure that is none is marked and explained, and changes nothing; then a right one, and an
        emptied one.
        """
        self.expected = ("400 (Bad Request)",)
        self.live("--delay", "20ms")
        self.wait(lambda: self.by("up-delay").get_property("value") == "20ms", "the figures")
        self.figure("up-loss", "200%")
        field = self.by("up-loss")
        self.wait(lambda: field.get_attribute("aria-invalid") == "true", "it is refused")
        self.assertIn("200%", self.text("#wire-error"))
        self.assertEqual(self.find("#ladder .change"), [])
        self.figure("up-loss", "1%")
        self.wait(lambda: field.get_attribute("aria-invalid") == "false", "it is taken")
        self.assertEqual(self.text("#wire-error"), "")
        self.figure("up-delay", "")
        self.wait(lambda: "Delay 0ms" in self.text("#ladder .change"), "the default")
        self.assertEqual(self.by("up-delay").get_property("value"), "")

    def test_lose(self) -> None:
        """
        A flying packet is lost by a press, by Tab and Enter, and by its digit; one that has landed
        is not.
        """
        self.live("--delay", "2s")
        for place, way in enumerate(("press", "tab", "digit"), 1):
            self.say(f"lost {place}", "udp")
            self.wait(lambda: self.find(FLYING), "it flies")
            flier = self.find(FLYING)[0]
            self.assertEqual(flier.aria_role, "button")
            n = flier.get_attribute("data-n")
            if way == "press":
                flier.click()
            elif way == "tab":
                self.browser.execute_script("arguments[0].focus()", flier)
                self.assertRegex(flier.accessible_name, rf"\A1: Packet {n}, .*far: lose it\Z")
                flier.send_keys(Keys.ENTER)
            else:
                self.browser.execute_script("document.activeElement.blur()")
                self.browser.find_element(By.TAG_NAME, "body").send_keys("1")
            lost = f"#packets [data-n='{n}'][data-state=lost]"
            self.wait(lambda lost=lost: self.find(lost), f"it is lost by {way}")
        self.assertEqual(self.text("#far li"), "")

    def test_hold(self) -> None:
        """
        A lost segment of a transfer: the later ones are held back until it is sent again, and the
        transfer completes.
        """
        self.live("--delay", "300ms", "--seed", "7")
        self.watch("#far [data-queue=receive]", "data-count")
        self.by("lose-next-up").click()
        self.wait(lambda: self.text("#toast"), "it is armed")
        self.by("transfer").click()
        self.wait(lambda: "100000 bytes read" in self.text("#near li"), "the transfer completes")
        held = [int(count) for count in self.watched()]
        self.assertGreaterEqual(max(held), 3)
        self.assertEqual(held[-1], 0)
        self.wait(lambda: self.held("near", "send") == 0, "all is acknowledged")
        self.assertEqual(len(self.packets("[data-fates=chosen]")), 1)

    def test_slowReader(self) -> None:
        """
        A far program that reads nothing: the window closes, the sender asks for room; told to read,
        it reads all.
        """
        self.live("--delay", "20ms")
        self.by("slow").click()
        self.wait(lambda: self.data("#near [data-field=timer]", "kind") == "probe", "it asks")
        self.assertGreater(int(self.field("far", "recv-q")), 10_000)
        self.assertEqual(self.find("#far li[data-what=read]"), [])
        self.wait(lambda: "window 0" in self.text("#ladder"), "the ladder says so")
        self.by("slow").click()
        self.wait(lambda: "1000000 bytes read" in self.text("#near li"), "it reads all")


class OrdinaryTests(BrowserCase):
    """
    An ordinary user starts it.
    """

    who = staticmethod(users.ordinary)

    def test_hold(self) -> None:
        """
        It works all the same.
        """
        SendTests.test_hold(self)  # type: ignore[arg-type]  # it uses what both have
