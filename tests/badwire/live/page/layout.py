"""
How the page is laid out: its sizes, its barriers, its languages and its keys.
"""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.badwire.live.page.browsing import BrowserCase

# the height of the smallest letters that are seen, and what reaches beyond the right edge
_SIZES = """
let least = Infinity;
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const owner = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || owner.closest(".reader, script, template")) continue;
  if (!owner.checkVisibility()) continue;
  const size = parseFloat(getComputedStyle(owner).fontSize);
  least = Math.min(least, size * (owner.getScreenCTM ? owner.getScreenCTM().a : 1));
}
const wide = [...document.querySelectorAll("body *")].filter(each => each.checkVisibility()
  && !each.closest("svg, .reader, .scroll") && each.getBoundingClientRect().right > innerWidth + 1);
return [least, wide.map(each => each.outerHTML.slice(0, 80))];
"""

# another language, whose field may be folded away
_CHOOSE = """
const field = document.getElementById("language");
field.value = arguments[0];
field.dispatchEvent(new Event("change"));
"""


class LayoutTests(BrowserCase):
    """
    What is seen at all sizes.
    """

    def test_barriers(self) -> None:
        """
        axe finds no barrier, light and dark, narrow and wide; letters are 16 pixels high at least,
        and nothing is wider than the window.
        """
        self.live("--delay", "700ms", "--loss", "30%", "--seed", "7")
        for width, least in ((390, 16), (768, 16), (1280, 16), (1920, 20), (2560, 26)):
            for scheme in ("light", "dark"):
                self.scheme(scheme)
                self.window(width, 900)
                self.by("send").click()
                self.browser.execute_script("document.getElementById('text').open = true")
                self.wait(lambda: self.find("#ladder [role=button]"), "a packet flies")
                if width == 390 and scheme == "light":
                    self.by("menu").click()
                    self.by("more").click()
                smallest, wide = self.browser.execute_script(_SIZES)
                self.assertGreaterEqual(smallest, least, width)
                self.assertEqual(wide, [], width)
                if width in (390, 1280):
                    self.assertEqual(self.barriers(), [], (width, scheme))
        self.by("keys").click()
        self.assertEqual(self.barriers(), [])

    def test_narrow(self) -> None:
        """
        A narrow page begins with the picture's buttons and the line to send, in a row each; the
        ladder follows within a fifth of a phone's height, and ends before its edge. The rest
        unfolds, by keyboard too, and nothing is folded where there is room.
        """
        self.live()
        folded = ("speed", "replay", "language", "present", "keys", "span", "flow", "transfer")
        for width, height, most in ((390, 844, 844 / 5), (844, 390, 110), (320, 640, 160)):
            self.window(width, height)
            for language in ("de", "en"):
                self.browser.execute_script(_CHOOSE, language)
                top, bottom = self.browser.execute_script(
                    "const place = document.getElementById('ladder').getBoundingClientRect();"
                    "return [place.top, place.bottom]"
                )
                self.assertLess(top, most, width)
                self.assertLess(bottom, height, width)
                for name in ("pause", "line", "send", "menu", "more"):
                    self.assertTrue(self.by(name).is_displayed(), name)
                for name in folded:
                    self.assertFalse(self.by(name).is_displayed(), name)
        for name in ("menu", "more"):
            button = self.by(name)
            self.assertEqual(button.get_attribute("aria-expanded"), "false")
            button.send_keys(Keys.ENTER)
            self.assertEqual(button.get_attribute("aria-expanded"), "true")
        for name in folded:
            self.assertTrue(self.by(name).is_displayed(), name)
        for name in ("menu", "more"):
            self.by(name).click()
        self.window(1280, 800)
        for name in folded:
            self.assertTrue(self.by(name).is_displayed(), name)
        self.assertFalse(self.by("menu").is_displayed())
        # All of it is seen at once: the page itself need not be moved.
        self.assertEqual(
            self.browser.execute_script("return document.documentElement.scrollHeight"), 800
        )

    def test_present(self) -> None:
        """
        Presenting: larger letters, the ladder alone, and back, by key and without a keyboard.
        """
        self.live()
        body = self.browser.find_element(By.TAG_NAME, "body")
        before = self.browser.execute_script(_SIZES)[0]
        body.send_keys("p")
        self.assertFalse(self.by("near").is_displayed())
        self.assertTrue(self.by("ladder").is_displayed())
        self.assertGreater(self.browser.execute_script(_SIZES)[0], before * 1.2)
        body.send_keys("p")
        self.assertTrue(self.by("near").is_displayed())
        self.by("present").click()
        self.assertFalse(self.by("near").is_displayed())
        for width in (1280, 390):
            self.window(width, 800)
            self.assertTrue(self.by("present").is_displayed(), width)
        self.by("present").click()
        self.assertTrue(self.by("near").is_displayed())

    def test_ownColours(self) -> None:
        """
        Where the reader's own palette replaces the page's, what is chosen still looks otherwise
        than what is not.
        """
        self.live()
        self.scheme("dark", palette="active")
        chosen, other = self.browser.execute_script(
            "return [...document.querySelectorAll('.choice span')]"
            ".map(each => getComputedStyle(each).backgroundColor)"
        )
        self.assertNotEqual(chosen, other)
        self.by("pause").click()
        self.wait(lambda: self.data("body", "picture") == "paused", "it is paused")
        pressed, plain = self.browser.execute_script(
            "return ['pause', 'now']"
            ".map(id => getComputedStyle(document.getElementById(id)).backgroundColor)"
        )
        self.assertNotEqual(pressed, plain)

    def test_keys(self) -> None:
        """
        The keyboard does all of it, and leaves those alone who type.
        """
        self.live()
        body = self.browser.find_element(By.TAG_NAME, "body")
        body.send_keys(" ")
        self.wait(lambda: self.data("body", "picture") == "paused", "Space pauses")
        body.send_keys("n")
        self.wait(lambda: self.data("body", "picture") == "live", "N is now")
        body.send_keys("r")
        self.wait(lambda: self.data("body", "picture") == "replay", "R replays")
        body.send_keys("n", "+")
        self.assertEqual(self.by("span").get_property("value"), "2")
        body.send_keys("?")
        self.wait(lambda: self.by("help").is_displayed(), "? helps")
        self.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        line = self.by("line")
        line.send_keys(" p?n")
        self.assertEqual(line.get_property("value"), "hello p?n")
        self.assertEqual(self.data("body", "picture"), "live")
        self.assertFalse(self.by("help").is_displayed())

    def untranslated(self) -> list[str]:
        """
        The texts that are not those of the language that is chosen.
        """
        found: list[str] = self.browser.execute_async_script(
            """
            const [told] = arguments;
            fetch(`texts/${document.documentElement.lang}.json`).then(r => r.json()).then(words =>
              told([...document.querySelectorAll("[data-text]")].filter(each =>
                !["pause", "slow"].includes(each.id) &&
                each.textContent !== words[each.dataset.text]).map(each => each.outerHTML)));
            """
        )
        return found

    def test_language(self) -> None:
        """
        The page speaks German too, at once and after it is loaded again.
        """
        self.live()
        self.assertEqual(self.untranslated(), [])
        self.assertEqual(self.text("#near h2"), "Near: the client")
        self.choose("language", "de")
        self.wait(lambda: self.text("#send") == "Senden", "it is German")
        self.browser.refresh()
        self.wait(lambda: self.text("#send") == "Senden", "it is German again")
        self.assertEqual(self.untranslated(), [])
        self.assertEqual(self.text("#near h2"), "Nah: der Client")
        self.wait(lambda: self.text("#status") == "live", "it is live")
