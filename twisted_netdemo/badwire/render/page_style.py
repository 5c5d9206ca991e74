"""
The style, the script and the legend of a page.

A window of 1264 pixels or more shows the drawing, which grows with it. A narrower window shows the
list, drawn as a ladder. Letters are 16 pixels high at least, 24 in a window of 1920.
"""

from __future__ import annotations

from twisted_netdemo.badwire.render import svg

_STYLE = """\
html { font-size: clamp(16px, 1.25vw, 40px); }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif;
  display: grid; grid-template-rows: minmax(0, 1fr) auto; height: 100vh; height: 100dvh; }
main { overflow: auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2rem 0 .5rem; }
h3, h2 { scroll-margin-top: 1rem; }
h3 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
a { color: var(--first); }
pre, .list, .ends, .about { font: 1rem/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas,
  monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.about { color: var(--soft); overflow-wrap: anywhere; margin: .5rem 0; }
fieldset { border: 1px solid var(--line); max-height: 9rem; overflow: auto; }
label { display: inline-block; margin-right: 1.2rem; }
input { width: 1em; height: 1em; }
:focus-visible { outline: 3px solid var(--late); outline-offset: 2px; }
aside { border-top: 3px solid var(--line); padding: .4rem 1rem; overflow: auto; }
aside pre { margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; list-style: none; padding: 0; }
.legend li { display: flex; align-items: center; }
.legend svg { flex: none; width: 4.5em; height: 1.5em; vertical-align: middle; margin-right: .4em; }
.drawing svg { display: block; width: 100%; height: auto; }
.packet { cursor: pointer; }
.packet:hover > .hit { fill: var(--point); }
.packet.chosen > .hit { fill: var(--chosen); }
.list { list-style: none; margin: 0; padding: 0; }
.list li { content-visibility: auto; contain-intrinsic-size: auto 4.5rem; }
.list button { font: inherit; color: inherit; background: none; border: 0; text-align: left; }
.reader { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (min-width: 1264px) {
  /* always there, so that nothing moves under the pointer */
  aside { height: 7.5rem; }
  #details { columns: 2; }
  .ends { display: none; }
  .list { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
    contain: strict; }
}
@media (max-width: 1263.98px) {
  aside { max-height: 35vh; }
  aside.empty { display: none; }
  .drawing { display: none; }
  .ends { display: flex; justify-content: space-between; margin: 0; font-weight: bold; }
  .list { border: solid var(--line); border-width: 0 2px; }
  .pause { text-align: center; color: var(--soft); padding: .6rem 0; margin: 0 -2px;
    border: dotted var(--line); border-width: 0 2px; background: var(--paper); }
  .row { --arrow: var(--first); display: grid; width: 100%; padding: .45rem .6rem;
    cursor: pointer; }
  .row.down { text-align: right; }
  .row:hover { background: var(--point); }
  .row.chosen { background: var(--chosen); }
  .time, .note { color: var(--soft); }
  .what, .note { overflow-wrap: anywhere; }
  .wire { margin: .5rem -.6rem; border-top: 2px solid var(--arrow); position: relative; height: 0; }
  .wire::after { content: ""; position: absolute; top: -7px; right: 0; border: solid transparent;
    border-width: 6px 0 6px 11px; border-left-color: var(--arrow); }
  .down .wire { transform: scaleX(-1); }
  .again { --arrow: var(--again); }
  .again .wire { border-top-width: 4px; }
  .again .wire::before { content: ""; position: absolute; left: 0; top: -9px; width: 8px;
    height: 8px; border: 3px solid var(--again); border-radius: 50%; background: var(--paper); }
  .late { --arrow: var(--late); }
  .late .wire { border-top-style: dashed; }
  .copy { --arrow: var(--copy); }
  .copy .wire { border-top-style: dotted; }
  .bad { --arrow: var(--bad); }
  .wire b { position: absolute; left: 45%; top: -.75em; padding: 0 .3em; color: var(--bad);
    background: var(--paper); }
  .bad .wire { margin-top: .8rem; margin-bottom: .9rem; }
  .chosen b { background: var(--chosen); }
  .lost { --arrow: var(--lost); }
  .lost .wire { border-top-style: dashed; margin-right: 40%; }
  .lost.down .wire { margin: .5rem -.6rem .5rem 40%; }
  .lost .wire::after { content: "\\2715"; border: 0; top: -.8em; right: -.5em;
    color: var(--lost); font-weight: bold; }
  .leaves .wire { border-top-style: dashed; margin-right: 60%; }
  .leaves.down .wire { margin: .5rem -.6rem .5rem 60%; }
  .leaves .wire::after { display: none; }
}
@media print {
  body { display: block; height: auto; }
  main { overflow: visible; }
}
"""

STYLE = f"{svg.COLOURS}{svg.STYLE}{_STYLE}"

SCRIPT = """
"use strict";
const aside = document.querySelector("aside");
const details = document.getElementById("details");
const NONE = details.textContent;
let chosen = null;
const known = new WeakMap();

// A flow's rows, the packets of its drawing and the buttons of its list, in one order.
function rowsOf(flow) {
  if (!known.has(flow))
    known.set(flow, {
      packets: [...flow.querySelectorAll(".packet")],
      buttons: [...flow.querySelectorAll(".row")],
    });
  return known.get(flow);
}

const rowAt = target => target instanceof Element ? target.closest(".packet, .row") : null;

function place(row) {
  const { packets, buttons } = rowsOf(row.closest(".flow"));
  return Math.max(packets.indexOf(row), buttons.indexOf(row));
}

function show(row) {
  if (!row) {
    details.textContent = NONE;
    return;
  }
  const packet = rowsOf(row.closest(".flow")).packets[place(row)];
  details.textContent = packet.querySelector("title").textContent;
}

function choose(row) {
  for (const old of document.querySelectorAll(".chosen")) {
    old.classList.remove("chosen");
    old.removeAttribute("aria-current");
  }
  chosen = row;
  aside.classList.toggle("empty", !row);
  show(row);
  if (!row) return;
  const flow = row.closest(".flow");
  const { packets, buttons } = rowsOf(flow);
  for (const part of flow.querySelectorAll(`[data-n="${row.dataset.n}"]`))
    part.classList.add("chosen");
  const button = buttons[place(row)];
  for (const other of flow.querySelectorAll('.row[tabindex="0"], .row:not([tabindex])'))
    other.tabIndex = -1;
  button.tabIndex = 0;
  button.setAttribute("aria-current", "true");
  button.focus({ preventScroll: true });
  const seen = [packets[place(row)], button].find(each => each.checkVisibility());
  if (seen) seen.scrollIntoView({ block: "nearest" });
}

function filter(chapter) {
  const off = new Set();
  for (const box of chapter.querySelectorAll("input")) if (!box.checked) off.add(box.value);
  for (const flow of chapter.querySelectorAll(".flow"))
    flow.hidden = off.has(flow.dataset.protocol) || off.has(flow.dataset.flow);
}

document.addEventListener("pointerover", event => show(rowAt(event.target) ?? chosen));
document.addEventListener("click", event => {
  const row = rowAt(event.target);
  if (row) choose(chosen && row.dataset.n === chosen.dataset.n
    && row.closest(".flow") === chosen.closest(".flow") && event.detail ? null : row);
});
document.addEventListener("focusin", event => {
  const row = rowAt(event.target);
  if (row && row !== chosen && event.target.matches(":focus-visible")) choose(row);
});
document.addEventListener("change", event => filter(event.target.closest(".chapter")));
document.addEventListener("keydown", event => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !chosen || !event.target.matches("body, .row")) return;
  const { buttons } = rowsOf(chosen.closest(".flow"));
  const next = buttons[place(chosen) + step];
  if (next) choose(next);
  event.preventDefault();
});
for (const chapter of document.querySelectorAll(".chapter")) filter(chapter);
"""


def _sign(classes: str, drawn: str, words: str) -> str:
    """
    An item of the legend: an arrow and its meaning.
    """
    return (
        f'<li><svg viewBox="0 0 72 24" aria-hidden="true"><g class="{classes}">{drawn}</g></svg>'
        f"{words}</li>\n"
    )


_ARROW = '<path class="arrow" d="M2 12H60"/><path class="point" d="M70 12L57 6.5L57 17.5z"/>'

LEGEND = (
    '<ul class="legend" aria-label="Signs">\n'
    + _sign("passed", _ARROW, "arrived")
    + _sign(
        "lost",
        '<path class="arrow" d="M2 12H46"/><path class="mark" d="M40 6l12 12m0 -12l-12 12"/>',
        "lost",
    )
    + _sign("again", _ARROW + '<circle class="ring" cx="9" cy="12" r="5"/>', "sent again")
    + _sign(
        "bad",
        _ARROW + '<path class="mark" d="M18 18l4 -12l4 12l4 -12l4 12l4 -12l4 12"/>',
        "damaged on the way",
    )
    + _sign(
        "bad",
        _ARROW + '<path class="mark" d="M16 12q4 -9 8 0t8 0t8 0t8 0"/>',
        "damaged, and no checksum sees it",
    )
    + _sign("late", _ARROW, "overtaken by others")
    + _sign("copy", _ARROW, "a copy")
    + "<li>* worked out by rule from what reached the receiver</li>\n</ul>\n"
    "<p>Choose a packet, by a click or by Tab and the arrow keys, for all that is known of it."
    "</p>\n"
)
