"""
Tests of the drawings, in a browser.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random
from xml.etree import ElementTree

from selenium.common.exceptions import ElementClickInterceptedException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene, datagrams, lesson
from tests.browser import AXE, axeCore, chromium
from tests.processes import PATIENCE, folder
from twisted_netdemo.badwire.model.events import Event
from twisted_netdemo.badwire.render import page, scaled_svg, svg
from twisted_netdemo.badwire.render.ladder import flows, rows

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


# the height of the smallest letters that are seen, in pixels
_SMALLEST = """
let least = Infinity;
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const owner = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || owner.closest(".reader, script, title")) continue;
  if (!owner.checkVisibility() || owner.closest("ol.list")?.clientWidth === 1) continue;
  const size = parseFloat(getComputedStyle(owner).fontSize);
  least = Math.min(least, size * (owner.getScreenCTM ? owner.getScreenCTM().a : 1));
}
return least;
"""

# what reaches beyond the window's right edge
_WIDER = """
return [...document.querySelectorAll("main *")]
  .filter(each => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1)
  .map(each => each.outerHTML.slice(0, 80));
"""

# how light the paper and the ink are, 0 to 255
_SHADES = """
const svg = document.querySelector(".drawing svg") ?? document.documentElement;
const light = colour => Math.max(...colour.match(/[0-9]+/g).slice(0, 3).map(Number));
const paper = getComputedStyle(document.body ?? svg).backgroundColor;
return [light(paper), light(getComputedStyle(svg.querySelector("text.what")).fill)];
"""


def both() -> list[Event]:
    return [*lesson(), *(replace(event, n=event.n + 100, flow=1) for event in datagrams())]


def storm(seed: int, count: int) -> list[Event]:
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


def evil() -> list[Event]:
    """
    Payload that would like to be markup.
    """
    scene = Scene()
    for place, data in enumerate(EVIL):
        scene.go("up", "", place + 1, data, protocol="udp")
    return scene.events


def html(events: list[Event]) -> str:
    return "".join(page.document("A <bad> wire", [page.Chapter("", [flows(events)])]))


def lessons() -> str:
    """
    A page of two chapters.
    """
    return "".join(
        page.document(
            "Lessons",
            [
                page.Chapter("one: first", ["Some words\n" * 5, flows(lesson())]),
                page.Chapter("two: second", [flows(datagrams()), "More\n"]),
            ],
            "badwire options: --seed 7",
        )
    )


class FileTests(SynchronousTestCase):
    """
    The files, without a browser.
    """

    def test_wellFormed(self) -> None:
        """
        An SVG file is well-formed XML that loads nothing, whatever the payload was.
        """
        for events in (evil(), both(), storm(1, 200), []):
            drawn = "".join(svg.document(flows(events), ["Some <are> left out."]))
            tree = ElementTree.fromstring(drawn)
            self.assertEqual(tree.findall(".//{*}script"), [])
            self.assertNotIn("href", drawn)
            self.assertIn("Some <are> left out.", "".join(tree.itertext()))

    def test_title(self) -> None:
        """
        A name with control characters, or with characters that turn the text round, steers nothing.
        """
        drawn = "".join(
            page.document("a\x1b[31m\x00\u202eb\nc", [page.Chapter("", [])], "--seed 7")
        )
        titled = drawn.partition("<title>")[2].partition("</title>")[0]
        self.assertTrue(titled.isprintable(), titled)
        self.assertIn("--seed 7", drawn)

    def test_toScale(self) -> None:
        """
        To scale, an arrow goes as far down as its packet took time, wherever it is, and so does the
        bar; what is said stays in the order of time.
        """
        scene = Scene()
        for seq, way in ((1, 0.03), (2, 0.01), (3, 0.06), (4, 0.02)):
            sent = scene.leave("up", "", seq, b"x", protocol="udp")
            scene.leave("down", "", seq, b"y", protocol="udp", fates=("lost",))
            scene.now += way - 0.001
            scene.arrive(sent)
            scene.now += 0.5 if seq == 2 else 0.0
        (flow,) = flows(scene.events)
        self.patch(scaled_svg, "BLOCK", 3)
        made = list(scaled_svg.panels(flow, rows(flow)))
        self.assertEqual(len(made), 2)
        self.patch(scaled_svg, "BLOCK", 400)
        limit = self.patch(scaled_svg, "MOST", 5)
        self.assertIn("Not to scale", next(scaled_svg.panels(flow, rows(flow)))[0])
        limit.restore()
        ((drawn, height),) = scaled_svg.panels(flow, rows(flow))
        arrows = re.findall(r'class="arrow" d="M425 ([\d.]+)L791.0 ([\d.]+)"', drawn)
        slants = [float(down) - float(up) for up, down in arrows]
        for slant, way in zip(slants, (0.03, 0.01, 0.06, 0.02), strict=True):
            self.assertAlmostEqual(slant / slants[0], way / 0.03, delta=0.02)
        bar, words = re.findall(r'd="M608 4v([\d.]+)m.*?>(\d+) ms<', drawn)[0]
        self.assertAlmostEqual(float(bar) / slants[0], float(words) / 30, delta=0.02)
        said = re.findall(r'class="time" x="1142" y="([\d.]+)">([\d.]+)<', drawn)
        said = [(float(when), float(y)) for y, when in said]
        heights = [y for _, y in sorted(said)]
        self.assertEqual(sorted(heights), heights)
        self.assertLess(max(heights), height)

    def test_times(self) -> None:
        """
        Each row says when it left and when it arrived, at the side where it did.
        """
        scene = Scene()
        sent = scene.leave("up", "", 1, b"x", protocol="udp")
        scene.now = 0.25
        scene.arrive(sent)
        drawn = "".join(svg.document(flows(scene.events)))
        near, far = (f'x="{x}" y="' for x in (74, 1142))
        (group,) = (each for each in drawn.split("</g>") if "data-n" in each)
        self.assertRegex(group, near + r'[\d.]+">0.000<')
        self.assertRegex(group, far + r'[\d.]+">0.251<')

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
        Lost, damaged and late packets and copies have a shape or a dash pattern each.
        """
        for kind in ("late", "copy", "lost"):
            self.assertRegex(svg.STYLE, rf"\.{kind} \.arrow {{[^}}]*stroke-dasharray")
        made = [row for row in rows(flows(lesson())[0]) if row.sent is not None]
        again = sum("again" in svg.kind(row).split() for row in made)
        self.assertEqual(again, 2)
        self.assertEqual("".join(svg.document(flows(lesson()))).count('class="ring"'), again)
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
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        self.addCleanup(self.scheme, "light")

    def window(self, width: int) -> None:
        """
        A window, or a telephone, of a width.
        """
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def scheme(self, scheme: str) -> None:
        """
        A system that is light or dark.
        """
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

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
        A click keeps a packet's details in sight, the arrow keys go on to the next; a second click
        puts them away.
        """
        self.open(html(both()))
        self.assertEqual(self.details, "No packet is chosen.")
        packet = self.find('.packet[data-n="4"] .hit')[0]
        packet.click()
        self.assertIn("packet 4 of flow 0, down, TCP over IPv4", self.details)
        self.assertIn("fate: corrupted", self.details)
        self.assertIn("57 65 6c 63 6f 6d 65", self.details)
        self.assertEqual(len(self.find(".packet.chosen")), 1)
        self.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        self.assertIn("packet 5 of flow 0", self.details)
        self.assertIn("attempt 2", self.details)
        again = self.find('.packet[data-n="5"] .hit')[0]
        # The page scrolls to the packet meanwhile: the click may miss it, and be refused.
        misses = [ElementClickInterceptedException]
        WebDriverWait(self.browser, PATIENCE, ignored_exceptions=misses).until(
            lambda _: again.click() is None
        )
        self.assertEqual(self.find(".chosen"), [])

    def test_copies(self) -> None:
        """
        A packet that came twice is marked in both rows, and says both effects.
        """
        self.open(html(both()))
        self.find('.packet.copy[data-n="10"] .hit')[0].click()
        self.assertEqual(len(self.find(".packet.chosen")), 2)
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
        panels = self.find(".drawing svg")
        self.assertGreater(len(panels), 2)
        arrows = self.browser.execute_script(
            "return document.querySelectorAll('.flow .arrow').length"
        )
        made = rows(flow)
        late = {row.sent.n for row in made if row.kind == "arrives" and not row.arrived.copy}
        self.assertEqual(
            arrows,
            sum(row.sent is not None for row in made)
            - sum(row.kind == "leaves" and row.sent.n in late for row in made),
        )
        last = self.browser.execute_script(
            "const all = document.querySelector('.drawing svg').querySelectorAll('.packet');"
            "choose(all[all.length - 1]); return chosen.dataset.n"
        )
        self.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        first = panels[1].find_element(By.CSS_SELECTOR, ".packet")
        self.assertIn("chosen", first.get_attribute("class"))
        self.assertNotEqual(first.get_attribute("data-n"), last)

    def test_keyboard(self) -> None:
        """
        Tab reaches each flow's packets, and the arrow keys the next; each says what it is, where it
        goes and what became of it, and is marked in the drawing.
        """
        self.open(html(both()))
        self.find("body")[0].send_keys(Keys.TAB)
        for _ in range(20):
            active = self.browser.switch_to.active_element
            if "row" in (active.get_attribute("class") or ""):
                break
            active.send_keys(Keys.TAB)
        self.assertEqual(active.accessible_name, "0.000 to far: SYN lost")
        self.assertEqual(active.aria_role, "button")
        active.send_keys(Keys.ARROW_DOWN)
        active = self.browser.switch_to.active_element
        self.assertEqual(
            active.accessible_name,
            "1.000, arrives 1.001 to far: SYN sent again (no. 2); hand-shake 1: may we talk?",
        )
        self.assertEqual(len(self.find('.packet.again.chosen[data-n="1"]')), 1)
        self.assertIn("packet 1 of flow 0", self.details)
        lists = [each.accessible_name for each in self.find("ol.list")]
        self.assertEqual(lists[0], "Flow 0: TCP over IPv4: near:41000 and far:51423")

    def test_listHasEachRow(self) -> None:
        """
        The list has what the drawing has, in the same order.
        """
        self.open(html(storm(4, 300)))
        for kinds in (".row", ".packet"):
            found = f"return [...document.querySelectorAll('{kinds}')].map(each => each.dataset.n)"
            if kinds == ".row":
                numbers = self.browser.execute_script(found)
            else:
                self.assertEqual(self.browser.execute_script(found), numbers)

    def test_sizes(self) -> None:
        """
        Letters are 16 pixels high at least in any window, 24 in one of 1920, and nothing is wider
        than a window; the legend and the details cover nothing.
        """
        self.open(html([*both(), *(replace(each, flow=2, n=each.n + 200) for each in evil())]))
        for width, least in ((320, 16), (390, 16), (768, 16), (1280, 16), (1920, 24)):
            self.window(width)
            self.assertGreaterEqual(self.browser.execute_script(_SMALLEST), least, width)
            self.assertEqual(self.browser.execute_script(_WIDER), [], width)
            isNarrow = width < 1264
            self.assertEqual(self.find(".drawing")[0].is_displayed(), not isNarrow, width)
            choice = ".row" if isNarrow else ".packet .hit"
            self.find(choice)[2].click()
            below = self.find("main")[0].rect["height"]
            self.assertLessEqual(below, self.find("aside")[0].rect["y"] + 1, width)
            self.assertTrue(self.find(f"{choice.split()[0]}.chosen")[0].is_displayed())
            self.find(choice)[2].click()
            legend = self.find(".legend")[0].rect
            self.assertLessEqual(legend["y"] + legend["height"], self.find(".flow")[0].rect["y"])

    def test_dark(self) -> None:
        """
        Where the system is dark, the page and the drawing are.
        """
        for name, text in (
            ("page.html", html(both())),
            ("ladder.svg", "".join(svg.document(flows(both())))),
        ):
            shades = []
            for scheme in ("light", "dark"):
                self.scheme(scheme)
                self.open(text, name)
                shades.append(self.browser.execute_script(_SHADES))
            (paper, ink), (darkPaper, darkInk) = shades
            self.assertTrue(paper > 200 and ink < 60, (name, shades))
            self.assertTrue(darkPaper < 60 and darkInk > 200, (name, shades))

    def test_axe(self) -> None:
        """
        axe finds no barrier on the page (WCAG 2.2, A and AA): light and dark,
        wide and narrow, with a packet chosen.
        """
        axe = axeCore()
        for scheme in ("light", "dark"):
            self.scheme(scheme)
            for width in (1280, 390):
                self.window(width)
                self.open(lessons())
                self.browser.execute_script("choose(document.querySelector('.row'))")
                self.browser.execute_script(axe)
                found = self.browser.execute_async_script(AXE)
                self.assertEqual(found["violations"], [], (scheme, width))
                self.assertGreater(found["passes"], 15)

    def test_axeSees(self) -> None:
        """
        The check itself sees what is wrong.
        """
        axe = axeCore()
        self.open("<p style='color: #ddd; background: #fff'>pale</p><img src=''>")
        self.browser.execute_script(axe)
        found = self.browser.execute_async_script(AXE)["violations"]
        self.assertTrue({"color-contrast", "image-alt"} <= {each.split(":")[0] for each in found})

    def test_contents(self) -> None:
        """
        A page of several lessons begins with its contents, which lead there.
        """
        self.open(lessons())
        self.assertEqual([each.text for each in self.find("nav a")], ["one: first", "two: second"])
        self.find("nav a")[1].click()
        top = self.find("#chapter1")[0].rect["y"]
        self.assertTrue(self.browser.execute_script("return location.hash"), "#chapter1")
        seen = self.browser.execute_script(
            "return document.querySelector('#chapter1 h2').getBoundingClientRect().top"
        )
        self.assertTrue(-1 <= seen <= self.find("main")[0].rect["height"], (top, seen))

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
        for events in (both(), evil(), storm(1, 400), storm(2, 200)):
            for text, name in (
                (html(events), "page.html"),
                ("".join(svg.document(flows(events))), "ladder.svg"),
                ("".join(svg.document(flows(events), (), scaled_svg.panels)), "scaled.svg"),
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
