"""
The ladder as a page that needs nothing but a browser: hover or click for a packet's details,
choose flows and protocols.

Pure. All that comes from a log is escaped text; the page's own script is the only one that its
Content-Security-Policy lets run, and it reads nothing but what the page shows.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from twisted_netdemo.badwire.ladder import Flow
from twisted_netdemo.badwire.svg import STYLE, WIDTH, panels
from twisted_netdemo.badwire.words import protocolName

_STYLE = f"""\
:root {{ color-scheme: light; }}
body {{ margin: 1rem; background: #fff; color: #222; font: 16px/1.45 system-ui, sans-serif;
  display: grid; grid-template-columns: minmax(0, {WIDTH}px) minmax(18rem, 26rem); gap: 1.5rem; }}
main {{ min-width: 0; }}
h1 {{ font-size: 1.4rem; margin: 0; }}
h2 {{ font-size: 1.15rem; margin: 2rem 0 .5rem; }}
pre {{ font: 13px/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }}
fieldset {{ border: 1px solid #bbb; max-height: 9rem; overflow: auto; }}
label {{ display: inline-block; margin-right: 1.2rem; }}
aside {{ position: sticky; top: 1rem; align-self: start; border-left: 3px solid #bbb;
  padding-left: 1rem; }}
.flow {{ margin-bottom: 1.5rem; }}
.flow svg {{ display: block; width: 100%; height: auto; }}
.packet {{ cursor: pointer; }}
.packet:hover > .hit {{ fill: #eef3fb; }}
.packet.chosen > .hit {{ fill: #fdf3d0; }}
@media (max-width: 70rem) {{
  body {{ display: block; }}
  aside {{ position: sticky; top: auto; bottom: 0; background: #fff; border: 0;
    border-top: 3px solid #bbb; padding: .3rem 0; max-height: 40vh; overflow: auto; }}
}}
{STYLE}"""

_SCRIPT = """
"use strict";
const details = document.getElementById("details");
const packetAt = target => target instanceof Element ? target.closest(".packet") : null;
let chosen = null;

function show(packet) {
  if (packet) details.textContent = packet.querySelector("title").textContent;
}

function choose(packet) {
  for (const old of document.querySelectorAll(".chosen")) old.classList.remove("chosen");
  chosen = packet;
  if (!packet) return;
  const same = `.packet[data-n="${packet.dataset.n}"]`;
  for (const part of packet.closest(".flow").querySelectorAll(same)) part.classList.add("chosen");
  show(packet);
}

function filter(chapter) {
  const off = new Set();
  for (const box of chapter.querySelectorAll("input")) if (!box.checked) off.add(box.value);
  for (const flow of chapter.querySelectorAll(".flow"))
    flow.hidden = off.has(flow.dataset.protocol) || off.has(flow.dataset.flow);
}

document.addEventListener("pointerover", event => show(packetAt(event.target) ?? chosen));
document.addEventListener("click", event => {
  const packet = packetAt(event.target);
  if (packet) choose(packet === chosen ? null : packet);
});
document.addEventListener("change", event => filter(event.target.closest(".chapter")));
document.addEventListener("keydown", event => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !chosen) return;
  const packets = [...chosen.closest(".flow").querySelectorAll(".packet")];
  const next = packets[packets.indexOf(chosen) + step];
  if (next) {
    choose(next);
    next.scrollIntoView({ block: "nearest" });
  }
  event.preventDefault();
});
for (const chapter of document.querySelectorAll(".chapter")) filter(chapter);
"""

_LEGEND = """\
An arrow that ends in a cross was lost. A zigzag on it: damaged on the way. A wave: damaged so that
the checksum still fits. Long dashes: overtaken by others. Dots: a copy.

Point at an arrow for all that is known of its packet, click to keep it here, then go on with the
arrow keys. What a receiver did is inferred from what reached it."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """
    A part of a page.

    @ivar heading: may be empty.
    @ivar parts: in their order, preformatted text and ladders.
    """

    heading: str
    parts: Sequence[str | Sequence[Flow]]


def document(title: str, chapters: Sequence[Chapter]) -> Iterator[str]:
    """
    An HTML file, in parts.
    """
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n"
    )
    for chapter in chapters:
        yield from _chapter(chapter)
    yield (
        f'</main>\n<aside><pre id="details" aria-live="polite">{escape(_LEGEND)}</pre></aside>\n'
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _chapter(chapter: Chapter) -> Iterator[str]:
    flows = [flow for part in chapter.parts if not isinstance(part, str) for flow in part]
    yield '<section class="chapter">\n'
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
                yield f"<pre>{escape(part)}</pre>\n"
            continue
        for flow in part:
            yield from _flow(flow, place)
            place += 1
    yield "</section>\n"


def _flow(flow: Flow, place: int) -> Iterator[str]:
    yield (
        f'<div class="flow" data-protocol="{escape(flow.first.protocol)}" data-flow="#{place}">\n'
    )
    for drawn, height in panels(flow):
        # what is out of sight costs the browser nothing
        size = f"content-visibility: auto; contain-intrinsic-size: auto {height}px"
        yield (
            f'<svg viewBox="0 0 {WIDTH} {height}" style="{size}" role="img" '
            f'aria-label="{escape(flow.title)}">\n{drawn}</svg>\n'
        )
    yield "</div>\n"


def _boxes(legend: str, choices: Sequence[tuple[str, str]]) -> str:
    boxes = "\n".join(
        f'<label><input type="checkbox" value="{escape(value)}" checked> {escape(words)}</label>'
        for value, words in choices
    )
    return f"<fieldset><legend>{legend}</legend>\n{boxes}\n</fieldset>\n"
