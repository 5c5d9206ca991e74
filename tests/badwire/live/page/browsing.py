"""
A page of badwire live in a browser.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.badwire.cases import BADWIRE, WireCase
from tests.browser import AXE, axeCore, chromium
from tests.processes import PATIENCE, Program, start

#: A text in two scripts, with a mark of its own on the first vowel, and with markup.
TEXT = "Gru\u0308ße, \u4e16\u754c <script>alert(1)</script><b>"

#: The packets on their way.
FLYING = "#ladder [data-state=flying]"


class BrowserCase(WireCase):
    """
    A test with a page. A complaint of the browser is a failure.
    """

    #: Complaints that a test provokes: parts of their texts.
    expected: tuple[str, ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.browser = chromium()
        self.browser.get("about:blank")
        self.browser.get_log("browser")
        self.window(1280, 800)
        self.scheme("light")

    def live(self, *arguments: str) -> Program:
        """
        Start badwire live, and open its page.
        """
        program = start(self, *self.who(), *BADWIRE, "live", "--linger", "20s", *arguments)
        self.url = program.line(r"\Ahttp://\S+/$")[0]
        self.open(self.url)
        return program

    def reachable(self) -> None:
        """
        Have the next page's stream as C{window.stream}.
        """
        kept = self.browser.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument",
            {
                "source": "window.EventSource = class extends EventSource {"
                "constructor(url) { super(url); window.stream = this; } }"
            },
        )
        self.addCleanup(
            self.browser.execute_cdp_cmd, "Page.removeScriptToEvaluateOnNewDocument", kept
        )

    def open(self, url: str) -> None:
        """
        Open a page, and wait until it is live.
        """
        self.browser.get(url)
        self.addCleanup(self.calm)
        self.wait(lambda: self.state("status") in ("live", "over"), "the page is live")

    def calm(self) -> None:
        """
        The browser had nothing to complain of.
        """
        complaints = [
            each["message"]
            for each in self.browser.get_log("browser")
            if not any(part in each["message"] for part in self.expected)
        ]
        self.browser.get("about:blank")
        self.assertEqual(complaints, [])

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """
        Wait until something holds.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if holds():
                    return
            except StaleElementReferenceException:
                pass  # it was drawn anew in between
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came that {what}")
            time.sleep(0.02)

    def find(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def by(self, name: str) -> WebElement:
        return self.browser.find_element(By.ID, name)

    def data(self, selector: str, name: str) -> str | None:
        """
        An attribute of the first element that a selector finds.
        """
        found: str | None = self.browser.execute_script(
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1])",
            selector,
            f"data-{name}",
        )
        return found

    def state(self, name: str) -> str | None:
        return self.data(f"#{name}", "state")

    def text(self, selector: str) -> str:
        """
        The text of all that a selector finds.
        """
        found: str = self.browser.execute_script(
            "const all = [...document.querySelectorAll(arguments[0])];"
            "return all.map(each => each.textContent).join('\\n')",
            selector,
        )
        return found

    def field(self, side: str, name: str) -> str:
        """
        What a kernel says.
        """
        return self.text(f"#{side} [data-field={name}]")

    def held(self, side: str, queue: str) -> int:
        """
        How many segments a queue has.
        """
        return int(self.data(f"#{side} [data-queue={queue}]", "count") or 0)

    def watch(self, selector: str, name: str) -> None:
        """
        Begin to note the values of an attribute: a busy machine looks too seldom from outside.
        """
        self.browser.execute_script(
            "const node = document.querySelector(arguments[0]), name = arguments[1];"
            "window.watched = [];"
            "new MutationObserver(() => watched.push(node.getAttribute(name)))"
            ".observe(node, { attributes: true, attributeFilter: [name] })",
            selector,
            name,
        )

    def watched(self) -> list[str]:
        """
        The values since then.
        """
        found: list[str] = self.browser.execute_script("return window.watched")
        return found

    def packets(self, selector: str = "") -> list[dict[str, str]]:
        """
        The packets of the table.
        """
        found: list[dict[str, str]] = self.browser.execute_script(
            "const all = [...document.querySelectorAll(arguments[0])];"
            "return all.map(each => ({...each.dataset}))",
            f"#packets [data-n]{selector}",
        )
        return found

    def say(self, text: str, protocol: str = "tcp") -> None:
        """
        Send a line.
        """
        line = self.by("line")
        line.clear()
        line.send_keys(text)
        self.browser.execute_script(
            "document.querySelector(`[name=protocol][value=${arguments[0]}]`).click()", protocol
        )
        self.by("send").click()

    def figure(self, name: str, text: str) -> None:
        """
        Type a figure of the wire.
        """
        field = self.by(name)
        field.clear()
        field.send_keys(text, "\ue007")

    def choose(self, name: str, value: str) -> None:
        Select(self.by(name)).select_by_value(value)

    def window(self, width: int, height: int) -> None:
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def scheme(self, scheme: str, motion: str = "no-preference", palette: str = "none") -> None:
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {
                "features": [
                    {"name": "prefers-color-scheme", "value": scheme},
                    {"name": "prefers-reduced-motion", "value": motion},
                    {"name": "forced-colors", "value": palette},
                ]
            },
        )

    def barriers(self) -> list[str]:
        """
        What axe-core finds.
        """
        self.browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axeCore()})
        found: list[str] = self.browser.execute_async_script(AXE)["violations"]
        return found
