"""
A run as one page that needs no server: the live page with its style, its script and the events
inside.

Pure. The page's modules become functions of one script, in the order in which they need each other.
The Content-Security-Policy allows that script and that style alone, and no connection.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_MAIN = "page/main.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|class) (\w+))", re.MULTILINE)
_STYLE = '<link rel="stylesheet" href="style.css">\n'
_SCRIPT = f'<script type="module" src="{_MAIN}"></script>\n'
_ICON = '<link rel="icon" href="icon.svg">\n'


def exportPage(static: Path, hello: Mapping[str, Any], events: Iterable[bytes]) -> Iterator[bytes]:
    """
    The page of a recorded run, in parts.

    @param static: the folder of the live page.
    @param hello: the first event of the live page's stream.
    @param events: the other events as JSON texts, one or more in each part with commas between.
    """
    return _page(static, hello, events, None)


def exercisePage(
    static: Path, hello: Mapping[str, Any], events: Sequence[str], task: Mapping[str, Any]
) -> bytes:
    """
    The page of an exercise: a recorded run, and questions about what has been left out of it.

    The page holds all that is given here: what a student must not see must be in none of it.

    @param events: the events without what is hidden. A C{sent} without C{fates} is drawn with a
        question mark, one without C{ack} acknowledges an unknown number.
    @param task: C{student}, C{lesson}, C{questions} and, if it is given, C{file}: the name of the
        file with the answers. A question has a C{name}, a C{text}, a C{kind} (C{number}, C{text},
        or C{choice} with its C{choices}) and perhaps a C{unit}.
    """
    return b"".join(_page(static, hello, (each.encode() for each in events), task))


def _page(
    static: Path,
    hello: Mapping[str, Any],
    events: Iterable[bytes],
    task: Mapping[str, Any] | None,
) -> Iterator[bytes]:
    shell, style, script, texts = _parts(static)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
    )
    before, after = shell.split(_STYLE)
    body, end = after.split("</body>")
    body += f'<script type="application/json" id="texts">{texts}</script>\n'
    yield f'{before}{head}{body}<script type="application/json" id="recording">'.encode()
    inside = f'{{"hello": {json.dumps(hello)}, "task": {json.dumps(task)}, "events": ['
    yield _harmless(inside.encode())
    separator = b""
    for part in events:
        yield separator + _harmless(part)
        separator = b",\n"
    yield f']}}</script>\n<script type="module">{script}</script>\n</body>{end}'.encode()


def _harmless(text: bytes) -> bytes:
    """
    JSON for a script of data, which ends at the first '</script', and of which '<!--' makes more.
    """
    return text.replace(b"<", b"\\u003c")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _parts(static: Path) -> tuple[str, str, str, str]:
    """
    The page without its style and script, the style, the script, and the texts of all languages.
    """
    shell = (static / "index.html").read_text(encoding="utf-8")
    icon = base64.b64encode((static / "icon.svg").read_bytes()).decode()
    shell = shell.replace(
        _ICON, f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">\n'
    ).replace(_SCRIPT, "")
    style = (static / "style.css").read_text(encoding="utf-8")
    texts = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((static / "texts").glob("*.json"))
    }
    return shell, style, bundle(static, _MAIN), _harmless(json.dumps(texts).encode()).decode()


def bundle(static: Path, main: str) -> str:
    """
    A module and all that it imports, as one script.

    It understands what the page's modules are made of: C{import {...} from "..."} at their
    beginning, and C{export} before a C{function}, C{const} or C{class} at the beginning of a line.

    @raise ValueError: a module has some other import or export, or two need each other.
    """
    made: dict[str, str] = {}
    _bundle(static, main, made, ())
    return "".join(made.values())


def _bundle(static: Path, name: str, made: dict[str, str], users: tuple[str, ...]) -> None:
    if name in users:
        raise ValueError(f"modules need each other: {' -> '.join((*users, name))}")
    if name in made:
        return
    text = (static / name).read_text(encoding="utf-8")
    taken = []
    for names, target in _IMPORT.findall(text):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        _bundle(static, path, made, (*users, name))
        taken.append(f"const {{{names.replace(' as ', ': ')}}} = {_variable(path)};\n")
    text = _IMPORT.sub("", text)
    given = ", ".join(_EXPORT.findall(text))
    text = _EXPORT.sub("", text)
    if re.search(r"^(import|export)\b", text, re.MULTILINE):
        raise ValueError(f"{name} has an import or export that is not understood")
    body = f"{''.join(taken)}{text}return {{ {given} }};"
    made[name] = f"const {_variable(name)} = (() => {{\n{body}\n}})();\n"


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
