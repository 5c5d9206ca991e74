// One packet on the ladder: its arrow, and while it flies a button that loses it.

import { isAgain, label, takesNumbers } from "../model/packet.js";
import { CROSS, kinds, line, marks, point, ring } from "../model/shapes.js";
import { set, svg } from "../base/dom.js";

/**
 * Draws a packet anew.
 *
 * rung: {g, trail, words, move}: the packet, the arrow behind it while it moves, and its words.
 * After it `move(seen, T)` is there while the packet moves.
 * seen: what is seen of the packet (packetAt).
 * view: {T, digit, isDim, isMoving, isChosen}.
 * frame: the ladder, with its measures.
 */
export function drawRung(rung, packet, seen, view, frame) {
  const { sent } = packet;
  const { g } = rung;
  const isAck = sent.protocol === "tcp" && !takesNumbers(sent) && !sent.flags.includes("R");
  const isLost = seen.state === "lost" && !view.isMoving;
  const kind = kinds(sent, { isLost, isAgain: isAgain(sent), isLate: seen.arrivals[0]?.late ?? false });
  const classes = [kind, isAck && "ack", view.isDim && "dim", view.isChosen && "chosen",
    seen.state === "unknown" && "unsure"].filter(Boolean).join(" ");
  set(g, "class", `packet ${classes}`);
  set(rung.trail, "class", classes);
  rung.trail.replaceChildren();
  set(g, "data-state", seen.state);
  const isPlain = kind === "passed";
  place(g, view.isMoving ? frame.air : isPlain ? frame.packets : frame.front, view.isMoving);
  const way = wayOf(packet, frame);
  rung.move = null;
  const drawn = view.isMoving ? moving(rung, packet, seen, view, way, frame)
    : seen.state === "arrived" ? arrived(packet, seen, way, frame)
      : stopped(packet, seen, way, frame);
  const start = isAgain(sent)
    ? [svg("circle", { class: "ring", ...ring(way.x1, way.y1, way.x2, way.y1, way.k) })] : [];
  if (view.isMoving) rung.trail.append(...start);
  g.replaceChildren(...drawn, ...(view.isMoving ? [] : start));
  set(rung.words, "class", view.isDim ? "dim" : "");
  makeButton(g, packet, seen, view.digit, frame);
}

// Of what flies, the oldest is on top.
function place(g, parent, isMoving) {
  if (g.parentNode === parent) return;
  const hasFocus = g === document.activeElement;
  if (isMoving) parent.prepend(g);
  else parent.append(g);
  if (hasFocus) g.focus({ preventScroll: true });
}

function wayOf({ sent }, frame) {
  const isUp = sent.direction === "up";
  const [x1, x2] = isUp ? [frame.left, frame.right] : [frame.right, frame.left];
  return { isUp, x1, x2, y1: frame.y(sent.t), k: frame.rem / 16 };
}

// The button is no larger than what is pressed: the arrow behind it is beside it in the document.
// What flies lies on the line of the moment that is shown: upwards above it, downwards below it.
function moving(rung, packet, seen, { T, digit }, { isUp, x1, x2, y1 }, frame) {
  const { rem, reach } = frame;
  const arrow = svg("path", { class: "arrow" });
  const flier = svg("g");
  const top = isUp ? -1.25 * rem : 0.1 * rem;
  const [wide, high] = [(digit ? 1.4 : 0.7) * rem, 1.15 * rem];
  if (seen.state === "flying")
    flier.append(svg("rect", { class: "reach", x: -reach / 2, y: top - 4, width: reach, height: high + 8, rx: 4 }));
  const text = svg("text", { y: top + high * 0.82 });
  text.textContent = digit ?? "";
  flier.append(svg("rect", { class: "flier", x: -wide / 2, y: top, width: wide, height: high, rx: 4 }), text);
  rung.move = (now, T) => {
    const x = x1 + (x2 - x1) * now.way;
    const y = frame.y(T);
    arrow.setAttribute("d", line(x1, y1, x, y));
    flier.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  };
  rung.move(seen, T);
  rung.trail.append(arrow);
  return [flier];
}

function stopped({ journey }, { state, way }, { x1, x2, y1, k }, { scale, rem }) {
  const x = x1 + (x2 - x1) * way;
  const y = y1 + journey * way * scale;
  const parts = [svg("path", { class: "hit", d: line(x1, y1, x, y) }), svg("path", { class: "arrow", d: line(x1, y1, x, y) })];
  if (state === "lost")
    return [...parts, svg("path", { class: "mark", d: CROSS, transform: `translate(${x} ${y}) scale(${k})` })];
  const text = svg("text", { class: "halo", x, y: y + 0.35 * rem });
  text.textContent = "?";
  return [...parts, text];
}

function arrived({ sent }, { arrivals }, { x1, x2, y1, k }, frame) {
  return arrivals.flatMap((arrival, place) => {
    const y2 = frame.y(arrival.t);
    const middle = `translate(${(x1 + x2) / 2} ${(y1 + y2) / 2}) scale(${k})`;
    const parts = [svg("path", { class: "hit", d: line(x1, y1, x2, y2) }),
      svg("path", { class: "arrow", d: line(x1, y1, x2, y2) }),
      svg("path", { class: "point", d: point(x1, y1, x2, y2, k) }),
      svg("path", { class: "mark", d: marks(sent.fates), transform: middle })];
    return place ? [svg("g", { class: kinds(sent, { isCopy: true }) }, ...parts)] : parts;
  });
}

function makeButton(g, packet, { state }, digit, { language }) {
  const isFocused = g === document.activeElement;
  if (state !== "flying") {
    // It keeps the focus that it may have.
    set(g, "tabindex", isFocused ? -1 : null);
    set(g, "aria-hidden", isFocused ? null : "true");
    set(g, "role", isFocused ? "img" : null);
    if (!isFocused) set(g, "aria-label", null);
    return;
  }
  const side = language.say(packet.sent.direction === "up" ? "farShort" : "nearShort");
  const name = label(packet.sent, language.ofPackets);
  set(g, "role", "button");
  set(g, "tabindex", 0);
  set(g, "aria-hidden", null);
  const press = language.say("loseThis", { n: packet.n, label: name, side });
  set(g, "aria-label", digit ? `${digit}: ${press}` : press);
}
