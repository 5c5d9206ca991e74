// The ladder: time goes down, and the line at the bottom is the moment that is shown. Each packet
// that is on its way lies on that line.

import { isAgain, LOST_AT, packetAt } from "../model/packet.js";
import { clockText, step } from "../model/series.js";
import { line } from "../model/shapes.js";
import { Beside } from "./beside.js";
import { rem, say, set, svg } from "../base/dom.js";
import { drawRung } from "./rung.js";

// So many packets are drawn one by one at most; the plain ones among more are thin lines together.
const MANY = 300;
const BUTTONS = 60;
// The least distance of two digits, in letters.
const ROOM = 1.45;
const FEW = 3;

export class Ladder {
  #rungs = new Map();
  #changes = new Map();
  #frame = 0;
  #T = -Infinity;
  #epoch = 0;
  #ticks = "";
  #bundle = "";
  #many = 0;

  /**
   * onLose(n): a flying packet was pressed; onChoose(n): another one; onEmpty: all has to be drawn
   * again.
   */
  constructor(root, language, { onLose, onChoose, onEmpty }) {
    this.root = root;
    this.language = language;
    this.span = 5;
    this.isEmpty = false;
    /** The packets that an exercise asks for; null where it is none. */
    this.asked = null;
    /** The digits of packets that fly, by their numbers. */
    this.digits = new Map();
    this.onLose = onLose;
    this.onChoose = onChoose;
    this.onEmpty = onEmpty;
    this.beside = new Beside(this);
    this.axis = svg("g", { class: "axis", "aria-hidden": "true" });
    this.many = [svg("path", { class: "many" }), svg("path", { class: "many" })];
    this.sides = svg("path");
    this.packets = svg("g");
    this.marks = svg("g", { "aria-hidden": "true" });
    // Above the plain ones: what was lost, sent again, late or damaged.
    this.front = svg("g");
    this.words = svg("g", { "aria-hidden": "true" });
    // What flies lies above the words of what has landed.
    this.air = svg("g");
    this.moving = svg("g", {}, this.axis, ...this.many, this.marks, this.packets, this.front,
      this.words, this.air);
    this.clip = svg("rect", { x: 0 });
    this.nowLine = svg("path", { class: "nowLine" });
    this.heads = [svg("text", { class: "heading" }), svg("text", { class: "heading" })];
    root.append(svg("g", { class: "ends", "aria-hidden": "true" }, this.sides, this.nowLine),
      svg("clipPath", { id: "below-heads" }, this.clip),
      svg("g", { "clip-path": "url(#below-heads)" }, this.moving), ...this.heads);
    for (const head of this.heads) head.setAttribute("aria-hidden", "true");
    // A packet flies on while a button is down: a click would miss it, or meet another one.
    root.addEventListener("pointerdown", event => event.button === 0 && this.#press(event));
    // A click of no pointer, such as a screen reader's.
    root.addEventListener("click", event => event.detail === 0 && event.pointerType === "" && this.#press(event));
    root.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") {
        if (this.#press(event)) event.preventDefault();
        event.stopPropagation();
      }
    });
    new ResizeObserver(() => this.measure()).observe(root);
    this.measure();
  }

  /** Takes the size of the window and of its letters. */
  measure() {
    const { width, height } = this.root.getBoundingClientRect();
    this.width = Math.max(width, 200);
    this.height = Math.max(height, 120);
    this.rem = rem();
    const words = this.width / this.rem;
    this.isInside = words < 28;
    const room = this.isInside ? 0.6 : Math.min(16, Math.max(7.5, (words - 14) / 2));
    this.room = room * this.rem;
    this.left = this.room;
    this.right = this.width - this.room;
    this.top = 1.6 * this.rem;
    for (const [name, value] of [["y", this.top - 4], ["width", this.width], ["height", this.height]])
      set(this.clip, name, value);
    this.nowY = this.height - 1.9 * this.rem;
    // How many letters a label may have.
    this.letters = Math.floor((this.isInside ? (this.width / this.rem) * 0.42 : room - 0.8) / 0.57);
    this.root.classList.toggle("inside", this.isInside);
    set(this.sides, "d", `M${this.left} ${this.top}V${this.height}M${this.right} ${this.top}V${this.height}`);
    set(this.nowLine, "d", `M${this.left} ${this.nowY}H${this.right}`);
    for (const [head, x] of [[this.heads[0], this.left], [this.heads[1], this.right]]) {
      const isLeft = x === this.left;
      set(head, "x", this.isInside ? (isLeft ? 4 : this.width - 4) : x);
      set(head, "y", 1.15 * this.rem);
      head.style.textAnchor = this.isInside ? (isLeft ? "start" : "end") : "middle";
    }
    this.clear();
  }

  clear() {
    this.packets.replaceChildren();
    this.front.replaceChildren();
    this.air.replaceChildren();
    this.words.replaceChildren();
    this.marks.replaceChildren();
    this.#rungs.clear();
    this.#changes.clear();
    this.beside.clear();
    this.#ticks = this.#bundle = "";
    this.#T = -Infinity;
    this.onEmpty();
  }

  get scale() {
    return (this.nowY - this.top) / this.span;
  }

  y(t) {
    return (t - this.#epoch) * this.scale;
  }

  /** The moment at a height of the window, for the chart beside. */
  moments(T) {
    return { from: T - this.span, to: T, y: t => this.nowY - (T - t) * this.scale };
  }

  /** How many packets in sight are not drawn one by one. */
  get drawnAsOne() {
    return this.#many;
  }

  /**
   * Draws the moment T.
   *
   * flow: the flow that is meant, null for all.
   */
  draw(log, state, T, flow) {
    if (T < this.#T) this.clear();
    if (this.#T === -Infinity) this.#epoch = Math.floor(T);
    this.#T = T;
    this.#frame++;
    set(this.moving, "transform", `translate(0 ${(this.nowY - this.y(T)).toFixed(2)})`);
    this.#drawAxis(T);
    this.#drawChanges(log, T);
    const from = T - this.span;
    const seen = log.between(from, T);
    this.isEmpty = !seen.length;
    const flying = [...state.flying.keys()].slice(0, BUTTONS);
    const buttons = new Set(flying);
    this.#number(log, flying, T);
    // Where few fly they are easier to meet.
    this.reach = (state.flying.size <= FEW ? 3.2 : 1.5) * this.rem;
    const rest = seen.length > MANY ? seen.filter(each => isPlain(each) && !buttons.has(each.n)) : [];
    const hidden = new Set(rest);
    for (const each of seen)
      if (!hidden.has(each)) this.#drawPacket(each, T, this.digits.get(each.n), flow);
    this.#drawMany(rest, T);
    for (const [n, rung] of this.#rungs) if (rung.frame !== this.#frame) this.#remove(n, rung);
    this.beside.forget(this.y(from) - this.height);
    set(this.root, "data-flying", state.flying.size);
    set(this.root, "data-drawn", seen.length);
  }

  // The oldest of what flies has a digit each, as far as there is room for it.
  #number(log, flying, T) {
    const last = { up: Infinity, down: Infinity };
    this.digits.clear();
    for (const n of flying) {
      const packet = log.packets.get(n);
      const way = packet && packetAt(packet, T)?.way;
      if (way === undefined || this.digits.size === 9) continue;
      const { direction } = packet.sent;
      if ((last[direction] - way) * (this.right - this.left) < ROOM * this.rem) continue;
      last[direction] = way;
      this.digits.set(n, this.digits.size + 1);
    }
  }

  #remove(n, rung) {
    rung.g.remove();
    rung.trail.remove();
    rung.words.remove();
    this.#rungs.delete(n);
  }

  #press(event) {
    const target = event.target.closest(".packet");
    if (!target) return false;
    const n = Number(target.dataset.n);
    if (target.dataset.state === "flying") this.onLose(n);
    else this.onChoose(n);
    return true;
  }

  #drawAxis(T) {
    const distance = step(this.span, 6);
    const first = Math.max(0, Math.ceil((T - this.span) / distance));
    const last = Math.floor(T / distance + 1e-9);
    const ticks = `${first} ${last} ${distance}`;
    if (ticks === this.#ticks) return;
    this.#ticks = ticks;
    this.axis.replaceChildren();
    for (let i = first; i <= last; i++) {
      const y = this.y(i * distance);
      const text = svg("text", { x: this.width / 2, y: y + 0.35 * this.rem });
      text.textContent = `${clockText(i * distance, distance)} s`;
      this.axis.append(svg("path", { d: `M${this.left} ${y}H${this.right}` }), text);
    }
  }

  #drawChanges(log, T) {
    const end = log.countAt(T);
    for (let i = log.countAt(T - this.span); i < end; i++) {
      const { event, at } = log.events[i];
      if (event.event !== "changed" || this.#changes.has(event)) continue;
      const y = this.y(at);
      const text = svg("text", { class: "halo", x: this.width / 2, y: y - 5 });
      text.textContent = this.changeText(event);
      const g = svg("g", { class: "change" }, svg("path", { d: `M${this.left} ${y}H${this.right}` }), text);
      this.marks.append(g);
      this.#changes.set(event, g);
    }
    for (const [event, g] of this.#changes) {
      if (event.t >= T - this.span * 1.5) break;
      g.remove();
      this.#changes.delete(event);
    }
  }

  changeText({ direction, figures }) {
    if (figures.line) return this.language.say(`line_${figures.line}`);
    const parts = Object.entries(figures).map(([name, value]) =>
      this.language.say("changed", { figure: this.language.say(`figure_${name}`), value }));
    const arrow = { up: "→ ", down: "← " }[direction] ?? "↔ ";
    return arrow + parts.join(", ");
  }

  #drawPacket(packet, T, digit, flow) {
    const seen = packetAt(packet, T);
    if (!seen) return;
    let rung = this.#rungs.get(packet.n);
    if (!rung) {
      rung = { g: svg("g", { "data-n": packet.n }), trail: svg("g", { "aria-hidden": "true" }), words: svg("g"), count: 0, key: "", move: null };
      this.packets.append(rung.trail);
      this.words.append(rung.words);
      this.#rungs.set(packet.n, rung);
    }
    rung.frame = this.#frame;
    const isChosen = this.chosen === packet.n;
    const isDim = flow !== null && packet.sent.flow !== flow;
    const isLosing = seen.state === "lost" && packet.taken === null && seen.way < LOST_AT;
    const isMoving = seen.state === "flying" || isLosing;
    const key = `${seen.state} ${seen.arrivals.length} ${isMoving} ${digit} ${isDim} ${isChosen} ${isMoving && this.reach}`;
    if (key === rung.key) {
      rung.move?.(seen, T);
      return;
    }
    rung.key = key;
    drawRung(rung, packet, seen, { T, digit, isDim, isMoving, isChosen }, this);
    this.beside.add(rung, packet, seen, isPlain(packet));
  }

  // The plain packets as thin lines, at most one from and to the same pixels.
  #drawMany(rest, T) {
    this.#many = rest.length;
    const gone = rest.filter(each => each.arrivals[0]?.t <= T).length;
    const key = rest.length ? `${rest[0].n} ${rest.length} ${gone} ${this.scale}` : "";
    if (key === this.#bundle) return;
    this.#bundle = key;
    const drawn = { up: [], down: [] };
    const known = new Set();
    for (const { sent, arrivals } of rest) {
      const arrived = arrivals[0];
      if (!arrived || arrived.t > T) continue;
      const [y1, y2] = [this.y(sent.t), this.y(arrived.t)];
      const place = `${sent.direction}${Math.round(y1)} ${Math.round(y2)}`;
      if (known.has(place)) continue;
      known.add(place);
      const [x1, x2] = sent.direction === "up" ? [this.left, this.right] : [this.right, this.left];
      drawn[sent.direction].push(line(x1, y1, x2, y2));
    }
    set(this.many[0], "d", drawn.up.join(""));
    set(this.many[1], "d", drawn.down.join(""));
  }

  /** Says which sides these are. */
  name() {
    say(this.heads[0], this.language.say("nearShort"));
    say(this.heads[1], this.language.say("farShort"));
  }
}

/** Whether nothing remarkable happened to a packet. */
function isPlain({ sent, taken }) {
  return !(sent.fates?.length ?? 1) && taken === null && !/[SFR]/.test(sent.flags) && !isAgain(sent);
}
