"""
The ladder as a page that needs only a browser: a drawing, and a list of the same packets for narrow
windows and screen readers.

Pure. All text of a log is escaped. The Content-Security-Policy allows the page's own script only,
which reads nothing but the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from twisted_netdemo.badwire.render.labels import clock, protocolName
from twisted_netdemo.badwire.render.ladder import RecordedFlow, Row, rows
from twisted_netdemo.badwire.render.page_style import LEGEND, SCRIPT, STYLE
from twisted_netdemo.badwire.render.svg import WIDTH, Draw, kind, panels
from twisted_netdemo.badwire.render.terminal import MARKS


@dataclass(frozen=True, slots=True)
class Chapter:
    """
    A part of a page.

    @ivar heading: may be empty.
    @ivar parts: preformatted texts and ladders, in order.
    """

    heading: str
    parts: Sequence[str | Sequence[RecordedFlow]]


def document(
    title: str, chapters: Sequence[Chapter], about: str = "", draw: Draw = panels
) -> Iterator[str]:
    """
    An HTML file, in parts.

    @param about: how to repeat the run: its options and its seed.
    @param draw: draws a flow.
    """
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in title
    )
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n"
    )
    if about:
        yield f'<p class="about">{escape(about)}</p>\n'
    headings = [chapter.heading for chapter in chapters]
    if len(chapters) > 1:
        links = "\n".join(
            f'<li><a href="#chapter{place}">{escape(heading)}</a></li>'
            for place, heading in enumerate(headings)
        )
        yield f'<nav aria-label="Contents">\n<ol>\n{links}\n</ol>\n</nav>\n'
    yield LEGEND
    for place, chapter in enumerate(chapters):
        yield from _chapter(chapter, place, draw)
    yield (
        '</main>\n<aside class="empty" aria-label="The packet">\n<pre id="details" tabindex="0" '
        'aria-live="polite">No packet is chosen.</pre>\n</aside>\n'
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _chapter(chapter: Chapter, number: int, draw: Draw) -> Iterator[str]:
    flows = [flow for part in chapter.parts if not isinstance(part, str) for flow in part]
    yield f'<section class="chapter" id="chapter{number}">\n'
    if chapter.heading:
        yield f"<h2>{escape(chapter.heading)}</h2>\n"
    protocols = sorted({flow.first.protocol for flow in flows})
    if len(protocols) > 1:
        yield _boxes("Protocols", [(name, protocolName(name)) for name in protocols])
    if len(flows) > 1:
        titles = [f"{flow.title}, {flow.ends[1]}" for flow in flows]
        yield _boxes("Flows", [(f"#{place}", title) for place, title in enumerate(titles)])
    place = 0
    for part in chapter.parts:
        if isinstance(part, str):
            if part.strip():
                yield f'<pre tabindex="0">{escape(part)}</pre>\n'
            continue
        for flow in part:
            yield from _flow(flow, place, "h3" if chapter.heading else "h2", draw)
            place += 1
    yield "</section>\n"


def _flow(flow: RecordedFlow, place: int, heading: str, draw: Draw) -> Iterator[str]:
    near, far = map(escape, flow.ends)
    made = rows(flow)
    yield (
        f'<div class="flow" data-protocol="{escape(flow.first.protocol)}" data-flow="#{place}">\n'
        f"<{heading}>{escape(flow.title)}</{heading}>\n"
        '<div class="drawing" aria-hidden="true">\n'
    )
    for drawn, height in draw(flow, made):
        # The browser skips panels that are out of sight.
        size = f"content-visibility: auto; contain-intrinsic-size: auto {height}px"
        yield f'<svg viewBox="0 0 {WIDTH} {height}" style="{size}">\n{drawn}</svg>\n'
    yield (
        f'</div>\n<p class="ends"><span>{near}</span><span>{far}</span></p>\n'
        f'<ol class="list" aria-label="{escape(flow.title)}: {near} and {far}">\n'
    )
    isFirst = True
    for row in made:
        yield _item(row, isFirst)
        isFirst = isFirst and row.sent is None
    yield "</ol>\n</div>\n"


def _item(row: Row, isFirst: bool) -> str:
    """
    A row as an item of the list. Tab reaches one button of a flow, the arrow keys the others.
    """
    if row.changed is not None:
        return f'<li class="pause">{clock(row.t)}: {escape(row.what)}</li>\n'
    if row.sent is None:
        return f'<li class="pause">{escape(row.what)}</li>\n'
    index = "" if isFirst else ' tabindex="-1"'
    target = "far" if row.sent.direction == "up" else "near"
    times = [] if row.kind == "arrives" else [clock(row.sent.t)]
    times += [] if row.arrived is None else [f"arrives {clock(row.arrived.t)}"]
    leaves = " leaves" if row.kind == "leaves" else ""
    marks = "".join(f"<b>{MARKS[fate]}</b>" for fate in row.sent.fates if fate in MARKS)
    note = f'<span class="note">{escape(row.note)}</span>' if row.note else ""
    return (
        f'<li><button type="button"{index} class="row {row.sent.direction} {kind(row)}{leaves}" '
        f'data-n="{row.sent.n}"><span class="time">{", ".join(times)}</span>'
        f'<span class="reader"> to {target}: </span><span class="what">{escape(row.what)}</span>'
        f'<span class="wire" aria-hidden="true">{marks}</span> {note}</button></li>\n'
    )


def _boxes(legend: str, choices: Sequence[tuple[str, str]]) -> str:
    boxes = "\n".join(
        f'<label><input type="checkbox" value="{escape(value)}" checked> {escape(words)}</label>'
        for value, words in choices
    )
    return f"<fieldset><legend>{legend}</legend>\n{boxes}\n</fieldset>\n"
