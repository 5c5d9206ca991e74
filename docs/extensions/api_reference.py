"""
The API, by pydoctor, under C{api/}; and links to it from each dotted name in the pages.

A page writes C{`twisted_netdemo.service.clock`} as code. Here it becomes a link to that module's,
class's or function's page; a name that is not there is a warning.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import inspect
import io
import pydoc
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pydoctor
from docutils import nodes
from pydoctor.driver import main
from pydoctor.model import System
from pydoctor.sphinx import SphinxInventory
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from twisted.internet import defer, endpoints, error, interfaces, protocol, task, testing

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "twisted_netdemo"

_log = logging.getLogger(__name__)

_NAME = re.compile(r"twisted_netdemo(\.\w+)*")

_WITHIN = re.compile(r'<a href="#[^"]+" class="internal-link" title="(?P<title>[\w.]+)">')

# A constant of control characters cannot be shown in XML, and is shown as it is written.
_HARMLESS = ("bad rendering of constant: SAXParseException",)

_IN_STDTYPES = (bytearray, bytes, dict, frozenset, list, memoryview, range, set, str, tuple)


class Elsewhere(SphinxInventory):
    """
    Where Python's and Twisted's documentation has a name. Both follow rules, so that no list of
    theirs has to be fetched.
    """

    def getLink(self, name: str) -> str | None:
        if "." not in name:
            name = _BARE.get(name, name)
        found = pydoc.locate(name, forceload=False) if "." in name else None
        if name.startswith("twisted.") and found is not None:
            return f"https://docs.twisted.org/en/stable/api/{_twisteds(name)}"
        module = name.partition(".")[0]
        if module in sys.stdlib_module_names and found is not None:
            return f"https://docs.python.org/3/library/{_module(name)}.html#{name}"
        return f"https://docs.python.org/3/library/{_builtin(name)}" if name in BUILTINS else None


BUILTINS = frozenset(dir(builtins))

#: Names of Twisted's that docstrings give without their modules, which are imported late or not.
_BARE = {
    name: f"{module.__name__}.{name}"
    for module in (defer, endpoints, error, interfaces, task, testing, protocol)
    for name, found in vars(module).items()
    if getattr(found, "__module__", None) == module.__name__
}


def _module(name: str) -> str:
    """
    The module's part of a dotted name that can be imported.
    """
    while not inspect.ismodule(pydoc.locate(name)):
        name = name.rpartition(".")[0]
    return name


def _twisteds(name: str) -> str:
    found = pydoc.locate(name)
    if inspect.ismodule(found) or inspect.isclass(found) or hasattr(found, "providedBy"):
        return f"{name}.html"
    owner, _, last = name.rpartition(".")
    return f"{owner}.html#{last}"


def _builtin(name: str) -> str:
    kind = getattr(builtins, name)
    if kind in (None, True, False, NotImplemented, Ellipsis):
        return f"constants.html#{name}"
    if inspect.isclass(kind) and issubclass(kind, BaseException):
        return f"exceptions.html#{name}"
    return f"{'stdtypes' if kind in _IN_STDTYPES else 'functions'}.html#{name}"


class Documented(System):
    """
    pydoctor's model of the package, with the links to Python's and Twisted's documentation.
    """

    def fetchIntersphinxInventories(self, cache: object) -> None:
        self.intersphinx = Elsewhere(self.msg)


def _homes(module: str) -> Iterator[str]:
    """
    What is public with a module: itself, what it defines, and what it hands out of other modules,
    with those modules.
    """
    found = import_module(module)
    yield module
    for name in getattr(found, "__all__", vars(found)):
        home = getattr(getattr(found, name), "__module__", None)
        isOurs = home is not None and home.startswith(PACKAGE.name)
        if isOurs and (home == module or hasattr(found, "__all__")):
            yield from (home, f"{home}.{name}", f"{home}.{name}.**")


def _mend(page: Path) -> None:
    """
    pydoctor writes a link of a docstring once, and shows it to a subclass as well, where a link
    within the page leads nowhere: lead it to the page of the class that has the docstring.
    """
    text = page.read_text(encoding="utf-8")

    def lead(link: re.Match[str]) -> str:
        owner, _, name = link["title"].rpartition(".")
        isHere = f'name="{name}"' in text or f'id="{name}"' in text
        return link[0] if isHere else link[0].replace('href="#', f'href="{owner}.html#')

    mended = _WITHIN.sub(lead, text)
    if mended != text:
        page.write_text(mended, encoding="utf-8")


def _build(app: Sphinx) -> None:
    if app.builder.name != "html":
        return
    target = Path(app.outdir) / "api"
    public = (ROOT / "docs" / "public.txt").read_text().split()
    homes = {home for name in public for home in _homes(name)}
    arguments = [
        "--quiet",
        "--make-html",
        f"--html-output={target}",
        f"--project-base-dir={ROOT}",
        "--project-name=twisted-netdemo",
        "--project-url=../index.html",
        "--docformat=epytext",
        "--system-class=api_reference.Documented",
        "--no-sidebar",
        "--privacy=PRIVATE:twisted_netdemo.**",
        *(f"--privacy=PUBLIC:{name}" for name in sorted(homes)),
        "--privacy=PRIVATE:**._*",
        # A definition that a later one of the same name replaces; pydoctor numbers these.
        "--privacy=HIDDEN:** [0-9]",
        str(PACKAGE),
    ]
    state = hashlib.sha256(f"{pydoctor.__version__} {arguments}".encode())
    for path in [Path(__file__), *sorted(PACKAGE.rglob("*.py"))]:
        state.update(path.read_bytes())
    stamp = Path(app.doctreedir) / "api.sha256"
    if target.exists() and stamp.exists() and stamp.read_text() == state.hexdigest():
        return
    shutil.rmtree(target, ignore_errors=True)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(arguments)
    complaints = [
        line for line in said.getvalue().splitlines() if not any(each in line for each in _HARMLESS)
    ]
    for line in complaints:
        _log.warning("pydoctor: %s", line)
    for page in target.glob("*.html"):
        _mend(page)
    if not complaints:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(state.hexdigest())


class DottedNames(SphinxPostTransform):
    """
    Makes each of our dotted names that stands as code a link to the API.
    """

    default_priority = 400

    def run(self) -> None:
        if self.app.builder.name != "html":
            return
        inventory = SphinxInventory(lambda *about, **more: None)
        inventory.update_file(str(Path(self.app.outdir) / "api" / "objects.inv"), "api")
        up = "../" * self.env.docname.count("/")
        for literal in list(self.document.findall(nodes.literal)):
            name = literal.astext()
            if not _NAME.fullmatch(name) or isinstance(literal.parent, nodes.reference):
                continue
            link = inventory.getLink(name)
            if link is None:
                _log.warning("no such name: %s", name, location=literal)
                continue
            reference = nodes.reference("", "", internal=True, refuri=up + link)
            literal.replace_self(reference)
            reference += literal


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", _build)
    app.add_post_transform(DottedNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
