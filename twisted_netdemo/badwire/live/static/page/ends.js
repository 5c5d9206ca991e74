// What the programs see and what the kernels say, near and far.

import { onOneLine } from "../model/payload.js";
import { grouped, spanText } from "../model/words.js";
import { byId, html, say, set } from "../base/dom.js";

const FIELDS = [["rto", "rto ms", "rto_ms"], ["srtt", "srtt ms", "srtt_ms"], ["cwnd", "cwnd", "cwnd"],
  ["ssthresh", "ssthr", "ssthresh"], ["unacked", "unacked", "unacked"],
  ["retrans", "again", "total_retrans"], ["recv-q", "Recv-Q", "recv_q"], ["send-q", "Send-Q", "send_q"]];
// What gives away when a timer ends, and what the far program has read.
const OF_TIMER = new Set(["rto", "retrans"]);
const HIDDEN = "?";
const BOXES = 30;
const LINES = 40;
const LETTERS = 80;
const ENDLESS = 0x7fffffff;

export class End {
  #lines = [];

  constructor(root, language) {
    this.root = root;
    this.side = root.dataset.side;
    this.language = language;
    root.append(byId("side").content.cloneNode(true));
    root.querySelector("h2").id = `${this.side}-title`;
    root.querySelector("h2").dataset.text = this.side;
    this.program = root.querySelector(".program");
    this.program.setAttribute("aria-labelledby", `${this.side}-title`);
    this.fields = {};
    for (const [name, title] of FIELDS) {
      const value = html("dd", { "data-field": name });
      this.fields[name] = value;
      const kind = name.endsWith("-q") ? { class: "wide" } : {};
      root.querySelector(".fields").append(html("div", kind, html("dt", {}, title), value));
    }
    this.state = root.querySelector('[data-field="state"]');
    this.timer = root.querySelector('[data-field="timer"]');
    this.left = root.querySelector(".left");
    this.ring = root.querySelector(".timer text");
    this.queues = {};
    for (const queue of root.querySelectorAll(".queue"))
      this.queues[queue.dataset.queue] = { root: queue, boxes: queue.querySelector(".boxes"),
        told: queue.querySelector(".told"), key: "" };
  }

  /**
   * state: what follows from the log at T; flow: the flow that is meant, or null; hidden: what a
   * guess hides.
   */
  draw(state, T, flow, hidden) {
    const hidesRead = hidden.has("read") && this.side === "far";
    this.#drawProgram(state.program[this.side], hidesRead);
    const socket = flow === null ? null : state.socket(this.side, flow);
    this.#drawKernel(socket, T, state.kernel?.t ?? 0, hidden.has("timer"), hidesRead);
    this.#drawSent(flow === null ? [] : state.sendQueue(this.side, flow));
    this.#drawHeld(flow === null ? { held: [] } : state.receiveQueue(this.side, flow));
  }

  retranslate() {
    this.#lines = [];
    this.program.replaceChildren();
    for (const queue of Object.values(this.queues)) queue.key = "";
  }

  #drawProgram(events, isHidden) {
    const shown = events.slice(-LINES);
    const isSame = shown.length === this.#lines.length && this.isHidden === isHidden &&
      shown.every((each, i) => each === this.#lines[i]);
    if (isSame) return;
    this.#lines = shown;
    this.isHidden = isHidden;
    const { language } = this;
    const items = shown.map(({ what, text, bytes, protocol, flow }) => {
      const item = html("li", { "data-what": what }, html("b", {}, language.say(`did_${what}`)));
      if (flow !== null && flow !== undefined) item.dataset.flow = flow;
      if (isHidden && what === "read") item.append(HIDDEN);
      else {
        if (bytes) item.append(`${grouped(bytes, language.name)} B `);
        if (text) item.append(html("q", {}, onOneLine(text, LETTERS)));
      }
      if (protocol === "udp") item.append(" (UDP)");
      return item;
    });
    this.program.replaceChildren(...items);
    this.program.scrollTop = this.program.scrollHeight;
  }

  #drawKernel(socket, T, t, hidesTimer, hidesRead) {
    const { language } = this;
    say(this.state, socket ? socket.state : language.say("noSocket"));
    for (const [name, , key] of FIELDS) {
      const value = socket?.[key];
      const isHidden = (hidesTimer && OF_TIMER.has(name)) || (hidesRead && name === "recv-q");
      const isEndless = name === "ssthresh" && socket && socket.cwnd !== null && (value ?? ENDLESS) >= ENDLESS;
      say(this.fields[name], isHidden && socket ? HIDDEN : isEndless ? "∞" : typeof value === "number" ? String(Math.round(value)) : "–");
    }
    const kind = socket?.timer ?? "none";
    if (hidesTimer) {
      this.#drawRing(HIDDEN, 0, language.say("timerHidden"), null);
      return;
    }
    if (kind === "none") {
      this.#drawRing("–", 0, language.say("timer_none"), null);
      return;
    }
    const left = Math.max(0, socket.expires_ms / 1000 - (T - t));
    const whole = Math.max(kind === "retransmit" && socket.rto_ms ? socket.rto_ms / 1000 : 0, socket.expires_ms / 1000);
    const text = kind === "retransmit" && left === 0 ? language.say("timer_retransmitDue")
      : language.say(`timer_${kind}`, { left: spanText(left, language.name) });
    const short = left < 1 ? String(Math.round(left * 1000)) : left.toFixed(1);
    this.#drawRing(short, whole > 0 ? (left / whole) * 100 : 0, text, Math.round(left * 1000));
    set(this.timer, "data-kind", kind);
  }

  #drawRing(inside, part, text, left) {
    say(this.ring, inside);
    say(this.timer, text);
    this.left.style.strokeDasharray = `${part.toFixed(1)} 100`;
    set(this.timer, "data-left", left);
    if (left === null) set(this.timer, "data-kind", null);
  }

  #drawSent(segments) {
    const queue = this.queues.send;
    const last = segments.at(-1);
    const key = segments.length
      ? `${segments[0].start} ${last.end} ${segments.length} ${segments.filter(each => each.attempt > 1).length}` : "none";
    if (key === queue.key) return;
    queue.key = key;
    const boxes = segments.slice(0, BOXES).map(each => {
      const box = html("i", each.attempt > 1 ? { class: "again" } : {});
      if (each.flags.includes("S")) box.append("SYN");
      else if (each.flags.includes("F") && each.end - each.start === 1) box.append("FIN");
      return box;
    });
    this.#drawQueue(queue, segments.length, boxes, segments.length ? [segments[0].start, last.end] : null);
  }

  #drawHeld({ missing, held }) {
    const queue = this.queues.receive;
    const last = held.at(-1);
    const key = held.length ? `${missing} ${held[0].start} ${last.end} ${held.length}` : "none";
    if (key === queue.key) return;
    queue.key = key;
    const boxes = [];
    let expected = missing;
    for (const each of held.slice(0, BOXES)) {
      if (each.start > expected) boxes.push(html("i", { class: "gap" }));
      boxes.push(html("i", { class: "held" }));
      expected = Math.max(expected, each.end);
    }
    this.#drawQueue(queue, held.length, boxes, held.length ? [held[0].start, last.end] : null);
    if (held.length)
      queue.told.append(` (${this.language.say("missing", { range: range(missing, held[0].start) })})`);
  }

  #drawQueue(queue, count, boxes, ends) {
    const { language } = this;
    set(queue.root, "data-count", count);
    if (count > BOXES) boxes.push(html("i", { class: "more" }, language.say("more", { count: count - BOXES })));
    queue.boxes.replaceChildren(...boxes);
    const text = !count ? language.say("none")
      : language.say(count === 1 ? "segment1" : "segments", { count, range: range(...ends) });
    queue.told.textContent = text;
  }
}

/** The numbers from `start` up to the one before `end`. */
function range(start, end) {
  return end - start === 1 ? String(start) : `${start}–${end - 1}`;
}
