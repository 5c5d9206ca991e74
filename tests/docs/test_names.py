"""
The dotted names and the paths in the pages are those of the code.
"""

from __future__ import annotations

import pydoc
import re
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "public.txt",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").iterdir()),
    *sorted((ROOT / "examples").rglob("*.py")),
    *sorted((ROOT / "examples").rglob("*.tac")),
]
_DOTTED = re.compile(r"\btwisted_netdemo(?:\.[A-Za-z]\w*)+")
_FOLDERS = "twisted_netdemo|tests|benchmarks|examples|deploy|docs"
_PATH = re.compile(rf"(?<![\w/.-])(?:{_FOLDERS})/[\w./-]*\w\b(?!\.\*)")
# An import in a program of a page: the module, and the names.
_IMPORT = re.compile(r"^from (twisted_netdemo[\w.]*) import ([\w, ]+)$", re.M)


def nameIsThere(name: str) -> bool:
    """
    Whether a dotted name can be imported, or is something of what can.
    """
    return pydoc.locate(name) is not None


class NamesTests(SynchronousTestCase):
    """
    For whoever copies a name out of a page.
    """

    def test_dotted(self) -> None:
        """
        Each dotted name is there, and so is each name that a program of a page imports.
        """
        seen = 0
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            names = {name for name in _DOTTED.findall(text) if not name.endswith(".py")}
            for module, imported in _IMPORT.findall(text):
                names |= {f"{module}.{name.strip()}" for name in imported.split(",")}
            for name in sorted(names):
                self.assertTrue(nameIsThere(name), f"{page.relative_to(ROOT)}: {name}")
            seen += len(names)
        self.assertGreater(seen, 10)

    def test_wrongNames(self) -> None:
        """
        A name that is gone would be noticed.
        """
        self.assertFalse(nameIsThere("twisted_netdemo.service.jsonlog.nothing"))
        self.assertFalse(nameIsThere("twisted_netdemo.nothing"))

    def test_paths(self) -> None:
        """
        Each path of the repository is there.
        """
        for page in PAGES:
            for path in set(_PATH.findall(page.read_text(encoding="utf-8"))):
                self.assertTrue((ROOT / path).exists(), f"{page.relative_to(ROOT)}: {path}")

    def test_public(self) -> None:
        """
        The API's page names the modules that the site shows as public, and no others.
        """
        page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
        named = re.findall(r"^\| `(twisted_netdemo[\w.]+)` \|", page, re.M)
        self.assertEqual(named, (ROOT / "docs" / "public.txt").read_text().split())

    def test_commands(self) -> None:
        """
        The page of command lines has each plugin of twistd and each command.
        """
        page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
        shown = re.findall(r"^```\{command-line\} \S+ (.+)$", page, re.M)
        plugins = {path.stem.removeprefix("netdemo_") for path in (ROOT / "twisted").rglob("*.py")}
        scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
        # what the lessons' programs take is for lessons alone
        for name in plugins | set(scripts) - {"badwire-actor"}:
            self.assertIn(name, shown)
