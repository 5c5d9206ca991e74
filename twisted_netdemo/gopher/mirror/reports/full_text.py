"""
Finding resources of a mirror by words of their text and title, the best first.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from twisted_netdemo.gopher.formats.display import safeLine
from twisted_netdemo.gopher.mirror.reports.row_values import rowURL

# A word in the title counts as much as so many in the text.
_WEIGHTS = "bm25(5.0, 1.0)"
_SNIPPET = 24  # words


@dataclass(frozen=True)
class Hit:
    """
    A resource that has the words.

    @ivar title: the name by which a menu led to it.
    @ivar snippet: a part of its text with some of the words, as one line.
    """

    url: str
    title: str
    snippet: str


def expression(words: Iterable[str]) -> str:
    """
    The query for resources that have all of these words, whatever they look like. Quoted, none has
    a meaning of its own.

    @return: empty if there is no letter and no digit in them.
    """
    single = [word for text in words for word in text.replace("\0", " ").split()]
    return " ".join(
        '"{}"'.format(word.replace('"', '""'))
        for word in single
        if any(char.isalnum() for char in word)
    )


def search(database: sqlite3.Connection, words: Sequence[str]) -> Iterator[Hit]:
    """
    The resources that have all of the words, in any case and with or without accents; the best
    first.

    @raise sqlite3.Error: the database cannot be read.
    """
    query = expression(words)
    if not query:
        return
    rows = database.execute(
        "SELECT host.scheme, host.name, host.port, resource.type, resource.request, text.title,"
        f" snippet(text, -1, '', '', '…', {_SNIPPET})"
        " FROM text CROSS JOIN resource ON resource.id = text.rowid"
        " CROSS JOIN host ON host.id = resource.host"
        f" WHERE text MATCH ? AND rank MATCH '{_WEIGHTS}' ORDER BY rank",
        (query.encode("utf-8", "replace").decode(),),
    )
    for *place, title, snippet in rows:
        yield Hit(str(rowURL(*place)), " ".join(title.split()), " ".join(snippet.split()))


def hitLines(hits: Iterable[Hit]) -> Iterator[str]:
    """
    For people; nothing in it can drive a terminal.
    """
    for hit in hits:
        shown = [hit.url]
        shown += [f"  {safeLine(text)}" for text in (hit.title, hit.snippet) if text]
        yield "\n".join((*shown, ""))


def hitsAsJSON(hits: Iterable[Hit]) -> Iterator[str]:
    """
    One JSON list, in ASCII, in pieces.
    """
    before = "["
    for hit in hits:
        yield before + json.dumps(asdict(hit))
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"
