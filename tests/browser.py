"""
The browser of the tests: a headless Chromium, and axe-core, which looks for barriers.
"""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.processes import missing, needs

#: Looks for barriers (WCAG 2.2, A and AA), once the script of axe-core is there.
AXE = """
const told = arguments[arguments.length - 1];
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
axe.run(document, { runOnly: rules }).then(found => told({
  passes: found.passes.length,
  violations: found.violations.map(
    each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 90)).slice(0, 3)}`),
}));
"""


@cache
def axeCore() -> str:
    """
    The script of axe-core, from npm.
    """
    needs("chromium")
    file = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        return missing("axe-core is not there: npm install --prefix tests --no-package-lock")
    return file.read_text(encoding="utf-8")


@cache
def chromium() -> Chrome:
    """
    A headless Chromium that ends with the tests. (trial knows no setUpClass.)
    """
    options = ChromeOptions()
    options.binary_location = needs("chromium")
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        "window-size=1400,900",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, Service(needs("chromedriver")))
    atexit.register(browser.quit)
    return browser
