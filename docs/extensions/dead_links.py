"""
Fails the build (status 1) where a link leads nowhere inside the site: in Sphinx's pages, the API's
and the ladders'.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)


class Page(HTMLParser):
    """
    What a page has: the targets of its links, and the places that can be linked to.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.places.add(value)
            elif name == "src" or (name == "href" and tag in ("a", "link")):
                self.links.add(value)


def deadLinks(folder: Path) -> list[str]:
    """
    A line for each link that leads nowhere.
    """
    pages = {
        path: Page(path.read_text(encoding="utf-8", errors="replace"))
        for path in sorted(folder.rglob("*.html"))
    }
    dead = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            if not target.is_file():
                dead.append(f"{path.relative_to(folder)}: {link}")
            elif target in pages and unquote(parts.fragment) not in pages[target].places:
                dead.append(f"{path.relative_to(folder)}: {link}: no such place")
    return dead


def _check(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        for line in deadLinks(Path(app.outdir).resolve()):
            _log.error("dead link: %s", line)
            app.statuscode = 1


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
