"""
A recorded run's ladder within a page: the directive C{ladder}.

C{```{ladder} resend```} has C{badwire show --html} make a page of docs/ladders/resend.log when the
site is built, and shows it in a frame. The words below the directive are the frame's title, which a
screen reader reads.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "docs" / "ladders"

#: Pixels; the reader may draw the frame larger.
_HEIGHT = 640


def _build(app: Sphinx) -> None:
    if app.builder.name != "html":
        return
    folder = Path(app.outdir) / "ladders"
    folder.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in (ROOT / "twisted_netdemo").rglob("*.py"))
    making = []
    for log in sorted(LOGS.glob("*.log")):
        page = folder / f"{log.stem}.html"
        if page.exists() and page.stat().st_mtime > max(newest, log.stat().st_mtime):
            continue
        command = [sys.executable, "-m", "twisted_netdemo.badwire", "show", str(log)]
        making.append(subprocess.Popen([*command, "--html", str(page)], cwd=ROOT))
    statuses = [each.wait() for each in making]
    if any(statuses):
        raise ExtensionError("badwire show --html failed")
    for page in folder.glob("*.html"):
        page.chmod(0o644)  # for the web server; badwire lets its owner alone read payload


class Ladder(SphinxDirective):
    """
    The directive: a log's name, and in its body what the ladder shows.
    """

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        (name,) = self.arguments
        if not (LOGS / f"{name}.log").exists():
            raise self.error(f"no recorded run: {name}")
        self.env.note_dependency(str(LOGS / f"{name}.log"))
        title = " ".join(self.content) or f"The ladder of {name}"
        where = "../" * self.env.docname.count("/") + f"ladders/{name}.html"
        frame = nodes.raw(
            "",
            f'<iframe src="{where}" title="{title.replace(chr(34), "&quot;")}" loading="lazy" '
            f'height="{_HEIGHT}"></iframe>',
            format="html",
        )
        caption = nodes.paragraph("", f"{title} ")
        caption += nodes.reference("", "Open it as a page", internal=True, refuri=where)
        caption += nodes.Text(".")
        return [nodes.container("", frame, caption, classes=["ladder"])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", _build)
    app.add_directive("ladder", Ladder)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
