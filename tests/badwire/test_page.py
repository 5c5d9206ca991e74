"""
Tests of the drawings, in a browser.
"""

from __future__ import annotations

import atexit
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from xml.etree import ElementTree

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene, datagrams, lesson
from tests.processes import folder, needs
from twisted_netdemo.badwire import page, svg
from twisted_netdemo.badwire.events import Arrived, Sent
from twisted_netdemo.badwire.ladder import flows, rows

EVIL = (
    b"</script></title>",
    b"<script>x=1</script>",
    b"--><img src=x onerror=",
    b"]]>&amp;\x00\x1b",
)

# texts that meet another, and texts that leave the drawing
_COLLISIONS = """
const found = [];
for (const svg of document.querySelectorAll("svg")) {
  const edge = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map(
    text => ({ text: text.textContent, box: text.getBoundingClientRect() }));
  for (const { text, box } of boxes)
    if (box.left < edge.left || box.right > edge.right || box.bottom > edge.bottom)
      found.push(text);
  boxes.sort((a, b) => a.box.top - b.box.top);
  for (let i = 0; i < boxes.length; i++)
    for (let j = i + 1; j < boxes.length && boxes[j].box.top < boxes[i].box.bottom - 2; j++)
      if (boxes[i].box.left < boxes[j].box.right && boxes[j].box.left < boxes[i].box.right)
        found.push(boxes[i].text + " / " + boxes[j].text);
}
return found;
"""


def both() -> list[Sent | Arrived]:
    return [*lesson(), *(replace(event, n=event.n + 100, flow=1) for event in datagrams())]


def storm(seed: int, count: int) -> list[Sent | Arrived]:
    """
    Whatever may happen to many packets, with labels as long as they get.
    """
    chance = Random(seed)
    scene = Scene()
    scene.open()
    late = []
    for place in range(count):
        scene.now += chance.choice((0, 0, 0.001, 0.5))
        direction = chance.choice(("up", "down"))
        data = chance.choice((b"", b"W" * 40, "字字字字字字字字".encode(), bytes(range(24))))
        seq = chance.choice((1, 10**9, 1 + place))
        fates = tuple(
            fate
            for fate in ("duplicated", "reordered", "corrupted", "undetectable")
            if chance.random() < 0.3
        )
        sent = scene.leave(
            direction,
            chance.choice(("A", "PA", "FPA")),
            seq,
            data,
            ack=10**9,
            attempt=chance.choice((1, 12)),
            fates=chance.choice((fates, ("lost",), ("blackout",))),
        )
        if "reordered" in sent.fates:
            late.append(sent)
        elif sent.fates not in (("lost",), ("blackout",)):
            scene.arrive(sent)
            if "duplicated" in sent.fates:
                scene.arrive(sent, 1)
        if late and chance.random() < 0.3:
            scene.arrive(late.pop(0))
    return scene.events


def evil() -> list[Sent | Arrived]:
    """
    Payload that would like to be markup.
    """
    scene = Scene()
    for place, data in enumerate(EVIL):
        scene.go("up", "", place + 1, data, protocol="udp")
    return scene.events


def html(events: list[Sent | Arrived]) -> str:
    return "".join(page.document("A <bad> wire", [page.Chapter("", [flows(events)])]))


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


class FileTests(SynchronousTestCase):
    """
    The files, without a browser.
    """

    def test_wellFormed(self) -> None:
        """
        An SVG file is well-formed XML that loads nothing, whatever the payload was.
        """
        for events in (evil(), both(), storm(1, 200), []):
            drawn = "".join(svg.document(flows(events), "Some <are> left out."))
            tree = ElementTree.fromstring(drawn)
            self.assertEqual(tree.findall(".//{*}script"), [])
            self.assertNotIn("href", drawn)
            self.assertIn("Some <are> left out.", "".join(tree.itertext()))

    def test_manyCopies(self) -> None:
        """
        A log that lets one packet arrive for ever makes no drawing that grows with the square.
        """
        scene = Scene()
        sent = scene.leave("up", protocol="udp")
        for copy in range(2000):
            scene.arrive(sent, copy)
        drawn = "".join(svg.document(flows(scene.events)))
        self.assertIn("1,990 more copies arrived", drawn)
        self.assertLess(len(drawn), 2000 * 2000)

    def test_notByColourAlone(self) -> None:
        """
        What is lost, damaged, late or a copy has a shape or a dash pattern of its own.
        """
        for kind in ("late", "copy", "lost"):
            self.assertRegex(svg.STYLE, rf"\.{kind} \.arrow {{[^}}]*stroke-dasharray")
        drawn = "".join(svg.document(flows(lesson())))
        lost = [group for group in drawn.split("</g>") if "packet lost" in group]
        self.assertEqual(len(lost), 2)
        for group in lost:
            self.assertIn('class="mark"', group)
            self.assertNotIn('class="point"', group)


class BrowserTests(SynchronousTestCase):
    """
    The page in headless Chromium, from a file.
    """

    def setUp(self) -> None:
        self.browser = chromium()

    def open(self, text: str, name: str = "page.html") -> Path:
        file = folder(self) / name
        file.write_text(text, encoding="utf-8")
        self.browser.get(file.as_uri())
        return file

    def find(self, selector: str) -> list:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    @property
    def details(self) -> str:
        return self.find("#details")[0].text

    def test_click(self) -> None:
        """
        A click keeps a packet's details in sight, the arrow keys go on to the next.
        """
        self.open(html(both()))
        self.assertIn("cross was lost", self.details)
        packet = self.find('.packet[data-n="4"] .hit')[0]
        packet.click()
        self.assertIn("packet 4 of flow 0, down, TCP over IPv4", self.details)
        self.assertIn("fate: corrupted", self.details)
        self.assertIn("57 65 6c 63 6f 6d 65", self.details)
        self.assertEqual(len(self.find(".chosen")), 1)
        self.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        self.assertIn("packet 5 of flow 0", self.details)
        self.assertIn("attempt 2", self.details)

    def test_copies(self) -> None:
        """
        A packet that came twice is marked in both rows, and says both effects.
        """
        self.open(html(both()))
        self.find('.packet.copy[data-n="10"] .hit')[0].click()
        self.assertEqual(len(self.find(".chosen")), 2)
        self.assertIn("copy 0 arrived at 1.208000 s; by rule: held", self.details)
        self.assertIn("copy 1 arrived at 1.209000 s; by rule: ignored", self.details)

    def test_filter(self) -> None:
        """
        Flows and protocols can be chosen.
        """
        self.open(html(both()))

        def shown() -> list[bool]:
            return [flow.is_displayed() for flow in self.find(".flow")]

        self.assertEqual(shown(), [True, True])
        self.find('input[value="udp"]')[0].click()
        self.assertEqual(shown(), [True, False])
        self.find('input[value="#0"]')[0].click()
        self.assertEqual(shown(), [False, False])
        self.find('input[value="udp"]')[0].click()
        self.assertEqual(shown(), [False, True])

    def test_longFlow(self) -> None:
        """
        A long flow comes in panels, no arrow lost between them; the arrow keys cross over.
        """
        events = storm(3, 1500)
        (flow,) = flows(events)
        self.open(html(events))
        panels = self.find(".flow svg")
        self.assertGreater(len(panels), 2)
        arrows = self.browser.execute_script("return document.querySelectorAll('.arrow').length")
        made = rows(flow)
        late = {row.sent.n for row in made if row.kind == "arrives" and not row.arrived.copy}
        self.assertEqual(
            arrows,
            sum(row.sent is not None for row in made)
            - sum(row.kind == "leaves" and row.sent.n in late for row in made),
        )
        last = self.browser.execute_script(
            "const all = document.querySelectorAll('.flow svg')[0].querySelectorAll('.packet');"
            "choose(all[all.length - 1]); return chosen.dataset.n"
        )
        self.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        first = panels[1].find_element(By.CSS_SELECTOR, ".packet")
        self.assertIn("chosen", first.get_attribute("class"))
        self.assertNotEqual(first.get_attribute("data-n"), last)

    def test_noMarkupFromALog(self) -> None:
        """
        Payload is text: it ends no script and no element, and nothing of it runs or loads.
        """
        self.open(html(evil()))
        self.assertEqual(len(self.find("script")), 1)
        self.assertEqual(self.find("img"), [])
        self.assertEqual(self.browser.execute_script("return typeof x"), "undefined")
        self.assertIn("</script></title>", self.find(".packet text.what")[0].text)
        self.assertEqual(self.find("h1")[0].text, "A <bad> wire")
        self.find(".packet .hit")[0].click()
        self.assertIn("</script></title>", self.details)
        self.assertEqual(self.browser.get_log("browser"), [])

    def test_labelsNeverCollide(self) -> None:
        """
        In short and long flows no label meets another or leaves the drawing.
        """
        for events in (both(), evil(), storm(1, 400), storm(2, 400)):
            for text, name in (
                (html(events), "page.html"),
                ("".join(svg.document(flows(events))), "ladder.svg"),
            ):
                self.open(text, name)
                self.assertEqual(self.browser.execute_script(_COLLISIONS), [])

    def test_collisionsAreSeen(self) -> None:
        """
        The check itself sees a collision, and a label that does not fit.
        """
        self.open(
            "<svg width=200 height=50><text x=9 y=20>one</text><text x=9 y=25>two</text>"
            "<text x=190 y=45>three</text></svg>"
        )
        self.assertEqual(self.browser.execute_script(_COLLISIONS), ["three", "one / two"])
