"""
Tests of the live page's files: its pure modules under node, and what they share with Python.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, needs
from twisted_netdemo.badwire import live
from twisted_netdemo.badwire.live.export_page import bundle, exercisePage, exportPage
from twisted_netdemo.badwire.render.labels import LOSSES
from twisted_netdemo.badwire.render.svg import COLOURS
from twisted_netdemo.faults.figure_texts import settled
from twisted_netdemo.faults.kinds import BY_WORD

STATIC = Path(live.__file__).parent / "static"
HERE = Path(__file__).parent

#: Names that tests and teachers' scripts may rely on.
HOOKS = re.findall(
    r"\S+",
    """
status pause speed replay now line send transfer slow lose-next-up lose-next-down bet verdict near
far ladder packets counters toast export-page export-svg export-png export-pcap export-log answers
""",
)


class _Page(HTMLParser):
    """
    What a page consists of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.inline = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data.strip()


def modules() -> dict[str, str]:
    """
    The page's modules, by their paths.
    """
    return {
        path.relative_to(STATIC).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(STATIC.rglob("*.js"))
    }


def texts(language: str) -> dict[str, str]:
    """
    The page's texts by their names.
    """
    found: dict[str, str] = json.loads((STATIC / "texts" / f"{language}.json").read_text("utf-8"))
    return found


class NodeTests(SynchronousTestCase):
    """
    The pure modules, tested where they are at home.
    """

    def test_node(self) -> None:
        """
        What the page shows follows from the events and the moment: node's own test runner says so.
        """
        node = needs("node")
        tests = [str(path) for path in sorted(HERE.glob("*.test.mjs"))]
        done = subprocess.run(
            [node, "--test", *tests], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-1000:])
        passed = re.search(r"^\S+ pass (\d+)$", done.stdout, re.MULTILINE)
        self.assertGreater(int(passed[1]) if passed else 0, 30, done.stdout[-500:])


class FilesTests(SynchronousTestCase):
    """
    The files, as they are.
    """

    def test_noMarkupFromTexts(self) -> None:
        """
        Nothing that comes to the page becomes markup or a program.
        """
        for name, text in modules().items():
            found = re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
                r"|createContextualFragment|DOMParser|setHTML|srcdoc|javascript:",
                text,
            )
            self.assertEqual(found, [], name)

    def test_pure(self) -> None:
        """
        The model knows neither the page, nor the time, nor the network.
        """
        for name, text in modules().items():
            if not name.startswith("model/"):
                continue
            code = re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", "", text, flags=re.DOTALL)
            found = re.findall(
                r"\b(?:document|window|performance|fetch|EventSource|Date|setTimeout|navigator)\b",
                code,
            )
            self.assertEqual(found, [], name)

    def test_nothingInline(self) -> None:
        """
        A policy of 'self' alone is enough for the page: no script, style or handler is within it,
        and nothing comes from elsewhere.
        """
        page = _Page()
        page.feed((STATIC / "index.html").read_text(encoding="utf-8"))
        self.assertEqual(page.inline, "")
        for tag, name, value in page.attributes:
            self.assertFalse(name.startswith("on") or name == "style", (tag, name))
            if name in ("src", "href"):
                self.assertNotIn(":", value)
                self.assertFalse(value.startswith("/"), value)
        style = (STATIC / "style.css").read_text(encoding="utf-8")
        self.assertNotIn("url(", style)
        self.assertNotIn("@import", style)

    def test_hooks(self) -> None:
        """
        The names that scripts rely on are there, each once; every text has its words.
        """
        page = _Page()
        page.feed((STATIC / "index.html").read_text(encoding="utf-8"))
        self.assertEqual(len(page.ids), len({*page.ids}))
        self.assertEqual({*HOOKS} - {*page.ids}, set())
        words = texts("en")
        for _, name, value in page.attributes:
            if name in ("data-text", "data-label", "data-title"):
                self.assertIn(value, words)

    def test_everyTextIsUsed(self) -> None:
        """
        No text is left over: each is named somewhere, or begins with a name that is completed.
        """
        everything = "".join(modules().values()) + (STATIC / "index.html").read_text("utf-8")
        families = {*re.findall(r"`(\w+)\$\{", everything)}
        for name in texts("en"):
            isKnown = re.search(rf"\b{name}\b", everything) or any(
                name.startswith(family) for family in families
            )
            self.assertTrue(isKnown, name)

    def test_everythingIsUsed(self) -> None:
        """
        A page loads nothing for nothing: what a module exports, another one or a test imports, and
        what the style names is in the page.
        """
        known = modules()
        tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.test.mjs"))
        for name, text in known.items():
            others = tests + "".join(each for other, each in known.items() if other != name)
            for exported in re.findall(
                r"^export (?:async )?(?:function\*?|const|class) (\w+)", text, re.MULTILINE
            ):
                self.assertRegex(others, rf"\b{exported}\b", name)
        everything = "".join(known.values()) + (STATIC / "index.html").read_text("utf-8")
        style = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", self.style(), flags=re.DOTALL)
        for name in re.findall(r"[.#]([a-zA-Z][\w-]*)", style):
            self.assertRegex(everything, rf"\b{name}\b")

    def test_widthsInLetters(self) -> None:
        """
        Where the page changes its layout is told in letters: larger ones have less room.
        """
        widths = re.findall(
            r"(?:min|max)-width: ([^)]*)\)", "".join(re.findall(r"@media[^{]*", self.style()))
        )
        self.assertGreater(len(widths), 2)
        for width in widths:
            self.assertRegex(width, r"\A[\d.]+em\Z")

    def style(self) -> str:
        """
        The page's style.
        """
        return (STATIC / "style.css").read_text(encoding="utf-8")

    def test_small(self) -> None:
        """
        One idea a module: none is long.
        """
        for name, text in modules().items():
            self.assertLess(text.count("\n"), 400, name)


class SharedTests(SynchronousTestCase):
    """
    What the page and the drawings in Python have in common.
    """

    def test_shapes(self) -> None:
        """
        Each fault has the same mark as in 'badwire show --svg'.
        """
        found = re.findall(r"^  (\w+): \"(m[^\"]+)\",$", modules()["model/shapes.js"], re.MULTILINE)
        drawn = {word: fault.drawing for word, fault in BY_WORD.items() if fault.drawing}
        self.assertEqual(dict(found), drawn)

    def test_colours(self) -> None:
        """
        The colours are those of the drawings, light and dark.
        """
        style = (STATIC / "style.css").read_text(encoding="utf-8")
        colours = re.findall(r"--\w+: #\w+;", COLOURS)
        self.assertGreater(len(colours), 20)
        for colour in colours:
            self.assertIn(colour, style)

    def test_losses(self) -> None:
        """
        What means that nothing arrives is the same for both.
        """
        listed = re.search(r"LOSSES = new Set\((\[.*?\])\)", modules()["model/packet.js"])
        assert listed is not None
        self.assertEqual({*json.loads(listed[1])}, {*LOSSES})

    def test_defaults(self) -> None:
        """
        A figure that is as by default is known as such.
        """
        listed = re.search(r"DEFAULTS = \{(.*?)\};", modules()["model/state.js"], re.DOTALL)
        assert listed is not None
        page = dict(re.findall(r"(\w+): \"([^\"]*)\"", listed[1]))
        known = settled(dict.fromkeys(page, ""))
        self.assertEqual(page, known)


class BundleTests(SynchronousTestCase):
    """
    The modules as one script.
    """

    def test_whole(self) -> None:
        """
        Each module is there once, after all that it needs, and ends no script element.
        """
        script = bundle(STATIC, "page/main.js")
        made: list[str] = []
        for line in script.splitlines():
            if found := re.match(r"const (\$\w+) = \(\(\) =>", line):
                made.append(found[1])
            elif found := re.match(r"const \{[^}]*\} = (\$\w+);", line):
                self.assertIn(found[1], made[:-1])
        self.assertEqual(len(made), len({*made}))
        self.assertEqual(len(made), len(modules()))
        self.assertNotIn("</", script)
        self.assertNotIn("<!--", script)

    def test_refuses(self) -> None:
        """
        What it does not understand is refused, never left out.
        """
        for files in (
            {"a.js": 'import x from "./b.js";\n', "b.js": ""},
            {"a.js": "export default 5;\n"},
            {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'},
        ):
            root = folder(self)
            for name, text in files.items():
                (root / name).write_text(text, encoding="utf-8")
            with self.assertRaises(ValueError):
                bundle(root, "a.js")


class ExportTests(SynchronousTestCase):
    """
    A run as one page, without a browser.
    """

    def test_self(self) -> None:
        """
        The page needs nothing beside itself, and no text of the run ends its script.
        """
        hello = {"event": "hello", "t": 0.0, "seed": 7, "lesson": {"title": "</script><b>"}}
        event = '{"event": "program", "text": "<!--<script>\u2028"}'
        made = b"".join(exportPage(STATIC, hello, [event.encode(), b"1,2"])).decode()
        page = _Page()
        page.feed(made)
        for _, name, value in page.attributes:
            if name in ("src", "href"):
                self.assertTrue(value.startswith("data:") or value.startswith("export/"), value)
        self.assertNotIn("<b>", made)
        self.assertEqual(made.count("</script>"), 3)
        inside = made.partition('id="recording">')[2].partition("</script>")[0]
        self.assertEqual(
            json.loads(inside), {"hello": hello, "task": None, "events": [json.loads(event), 1, 2]}
        )

    def test_policy(self) -> None:
        """
        The page's own script and style are all that may run; nothing may be fetched.
        """
        made = b"".join(exportPage(STATIC, {}, [])).decode()
        policy = made.partition('http-equiv="Content-Security-Policy" content="')[2]
        policy = policy.partition('"')[0]
        self.assertTrue(policy.startswith("default-src 'none'; "))
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("connect", policy)
        for tag in ('<script type="module">', "<style>"):
            text = made.partition(tag)[2].partition("</")[0]
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", policy)

    def test_exercise(self) -> None:
        """
        The page of an exercise holds what it is given, and nothing else of the run.
        """
        task = {"student": "student-å <1>", "lesson": "resend", "questions": []}
        made = exercisePage(STATIC, {}, ['{"event": "sent", "n": 5}'], task).decode()
        inside = made.partition('id="recording">')[2].partition("</script>")[0]
        self.assertEqual(json.loads(inside)["task"], task)
        rest = made.replace(inside, "")
        self.assertEqual(
            rest,
            b"".join(exportPage(STATIC, {}, []))
            .decode()
            .replace('{"hello": {}, "task": null, "events": []}', ""),
        )
