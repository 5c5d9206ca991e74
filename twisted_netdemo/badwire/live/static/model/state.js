// What follows from the events so far: the kernels, the programs, the wire's figures, and for each
// flow the queues of its two ends. Pure.

import { isLostByFate, size, takesNumbers } from "./packet.js";

// How many lines of a program are kept.
const LINES = 80;
const FLOWS = 500;
// How long a flow has been quiet when another one takes its place.
const QUIET = 1;
// The texts of the wire's figures by default.
const DEFAULTS = { loss: "0%", corrupt: "0%", duplicate: "0%", reorder: "0%", delay: "0ms",
  jitter: "0ms", rate: "none", queue: "100" };
const REFUSED = new Set(["discarded", "late", "short"]);

const OTHER = { up: "down", down: "up", near: "far", far: "near" };
// The direction in which a side sends.
const SENDS = { near: "up", far: "down" };

// One direction of a TCP connection: what its sender has not been acknowledged, and what its
// receiver holds back.
function stream() {
  return { segments: [], acknowledged: 0, expected: 0, held: [] };
}

function flowOf(sent) {
  const isUp = sent.direction === "up";
  return {
    number: sent.flow,
    protocol: sent.protocol,
    ports: isUp ? [sent.source, sent.destination] : [sent.destination, sent.source],
    last: sent.t,
    up: stream(),
    down: stream(),
  };
}

function plainFlow(flow) {
  return { ...flow, ports: [...flow.ports], up: plainStream(flow.up), down: plainStream(flow.down) };
}

function plainStream(each) {
  return { ...each, segments: each.segments.map(one => ({ ...one })), held: [...each.held] };
}

// Figures as one would type them: none where it is the default.
function inForce({ line, ...figures }) {
  const found = Object.fromEntries(Object.entries(figures).map(([name, text]) =>
    [name, text === DEFAULTS[name] ? "" : text]));
  if (line) found.blackout = line === "cut" ? "on" : "";
  return found;
}

/** Notes a change of the wire in `changes`, {up, down}. */
export function change(changes, { direction, figures }) {
  for (const each of direction === "both" ? ["up", "down"] : [direction])
    Object.assign(changes[each], inForce(figures));
}

/** Sets what is known of a flow; of too many, the oldest is forgotten. */
export function remember(map, flow, value) {
  map.set(flow, value);
  if (map.size > 2 * FLOWS) map.delete(map.keys().next().value);
}

export class State {
  constructor() {
    this.flows = new Map();
    // The flow that is meant if none is chosen.
    this.newest = null;
    this.flying = new Map();
    this.kernel = null;
    this.counters = null;
    this.program = { near: [], far: [] };
    this.read = { near: new Map(), far: new Map() };
    this.changes = { up: {}, down: {} };
    this.count = { sent: 0, arrived: 0, lost: 0, again: 0 };
    this.dropped = 0;
    this.over = null;
  }

  copy() {
    const made = new State();
    made.flows = new Map(Array.from(this.flows, ([number, flow]) => [number, plainFlow(flow)]));
    made.flying = new Map(this.flying);
    for (const side of ["near", "far"]) {
      made.program[side] = [...this.program[side]];
      made.read[side] = new Map(this.read[side]);
    }
    made.changes = { up: { ...this.changes.up }, down: { ...this.changes.down } };
    made.count = { ...this.count };
    for (const name of ["newest", "kernel", "counters", "dropped", "over"]) made[name] = this[name];
    return made;
  }

  fold(event) {
    switch (event.event) {
      case "sent": return this.#sent(event);
      case "arrived": return this.#arrived(event);
      case "taken":
        if (this.flying.delete(event.n)) this.count.lost++;
        return;
      case "kernel": this.kernel = event; return;
      case "counters": this.counters = event; return;
      case "program": return this.#program(event);
      case "changed": change(this.changes, event); return;
      case "gap": this.dropped += event.dropped; return;
      case "over": this.over = event; this.flying.clear(); return;
    }
  }

  /** What a side's kernel says of a flow's socket, or null. */
  socket(side, flow) {
    return this.kernel?.sockets.find(each => each.side === side && each.flow === flow) ?? null;
  }

  /**
   * What an end of a flow has sent and not been acknowledged: segments with `start`, `end` (the
   * number after the last), `attempt`.
   */
  sendQueue(side, flow) {
    return this.flows.get(flow)?.[SENDS[side]].segments ?? [];
  }

  /** What an end of a flow holds back: the first number that is `missing`, and the `held` segments. */
  receiveQueue(side, flow) {
    const found = this.flows.get(flow)?.[SENDS[OTHER[side]]];
    return { missing: found?.expected ?? 0, held: found?.held ?? [] };
  }

  #sent(sent) {
    this.count.sent++;
    let flow = this.flows.get(sent.flow);
    if (!flow) {
      if (this.flows.size >= FLOWS) this.flows.delete(this.flows.keys().next().value);
      flow = flowOf(sent);
      this.flows.set(sent.flow, flow);
    }
    this.#turnTo(flow, sent);
    if (isLostByFate(sent)) this.count.lost++;
    else if (sent.fates) this.flying.set(sent.n, sent);
    if (sent.protocol !== "tcp") return;
    const own = flow[sent.direction];
    if (sent.flags.includes("R")) {
      own.segments = [];
      flow[OTHER[sent.direction]].held = [];
    } else if (takesNumbers(sent)) this.#queue(own, sent);
  }

  // The flow that is meant is the one that was opened last, or else one that is alone to speak.
  #turnTo(flow, sent) {
    const isNew = flow.last === sent.t && flow.number !== this.newest;
    const newest = this.flows.get(this.newest);
    const isFlow = flow.protocol === "tcp" || flow.protocol === "udp";
    if (!newest || (isFlow && (isNew || sent.t - newest.last > QUIET))) this.newest = flow.number;
    flow.last = sent.t;
  }

  #queue(own, sent) {
    const start = sent.seq;
    const end = start + size(sent);
    if (sent.attempt > 1) {
      this.count.again++;
      let isKnown = false;
      for (const each of own.segments) {
        if (each.start < end && start < each.end) {
          each.attempt = Math.max(each.attempt, sent.attempt);
          isKnown = true;
        }
      }
      if (isKnown) return;
    }
    if (end > own.acknowledged)
      own.segments.push({ start, end, n: sent.n, attempt: sent.attempt, flags: sent.flags });
  }

  #arrived(arrived) {
    const sent = this.flying.get(arrived.n);
    if (arrived.copy === 0) {
      this.flying.delete(arrived.n);
      this.count.arrived++;
    }
    const flow = this.flows.get(arrived.flow);
    if (!flow || flow.protocol !== "tcp" || !sent || REFUSED.has(arrived.effect)) return;
    const own = flow[sent.direction];
    const other = flow[OTHER[sent.direction]];
    if (sent.flags.includes("R")) {
      if (arrived.effect === "delivered") {
        other.segments = [];
        own.held = [];
      }
      return;
    }
    if ((sent.ack ?? 0) > other.acknowledged) {
      other.acknowledged = sent.ack;
      other.segments = other.segments.filter(each => each.end > sent.ack);
    }
    const end = sent.seq + size(sent);
    if (arrived.effect === "held") {
      const segment = { start: sent.seq, end, n: sent.n };
      const place = own.held.findIndex(each => each.start > sent.seq);
      own.held.splice(place < 0 ? own.held.length : place, 0, segment);
    } else if (arrived.effect === "delivered") {
      own.expected = Math.max(own.expected, end + (arrived.released ?? 0));
      own.held = own.held.filter(each => each.end > own.expected);
    }
  }

  #program(event) {
    const lines = this.program[event.side];
    lines.push(event);
    if (lines.length > LINES) lines.shift();
    if (event.what === "read") {
      const read = this.read[event.side];
      remember(read, event.flow, (read.get(event.flow) ?? 0) + (event.bytes ?? 0));
    }
  }
}
