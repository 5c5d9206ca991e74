// The events that the page has, in their order: bounded, and never one twice. Pure.

import { isLostByFate, packet } from "./packet.js";
import { change, remember, State } from "./state.js";

// How many events are kept; the oldest go first, a part at a time.
const MOST = 60000;
const UNNUMBERED = new Set(["hello", "gap"]);

export class EventLog {
  constructor(most = MOST) {
    this.most = most;
    this.events = [];
    // What has been dropped from the front, and what it left behind.
    this.dropped = 0;
    this.base = new State();
    // All packets by number, and in the order in which they left.
    this.packets = new Map();
    this.order = [];
    this.longest = 0;
    this.hello = null;
    /** The changes of the wire until now, whatever moment is shown. */
    this.changes = { up: {}, down: {} };
    this.end = 0;
    this.lastId = 0;
    this.highest = new Map();
    this.queueing = { up: 0, down: 0 };
    this.last = { up: 0, down: 0 };
  }

  /**
   * Take a message of the stream.
   *
   * id: the number of its last event, 0 where it has none. The events of one run have numbers; what
   * is for one page alone has none.
   */
  takeMessage(id, events) {
    let number = id - events.filter(each => !UNNUMBERED.has(each.event)).length;
    for (const event of events) {
      const isNumbered = !UNNUMBERED.has(event.event);
      if (isNumbered) number++;
      // A gap is news if what follows it is.
      if (!id || number > this.lastId || (number === this.lastId && !isNumbered)) this.take(event);
    }
    this.lastId = Math.max(this.lastId, id);
  }

  /** Take an event; one that is known already is ignored. */
  take(event) {
    if (event.event === "hello") {
      if (!this.hello) this.hello = event;
      return;
    }
    if (!this.#index(event)) return;
    // Times never go back, so that they can be searched.
    // A gap is told of when it is noticed, before later events of an earlier time.
    if (event.event !== "gap") this.end = Math.max(this.end, event.t ?? 0);
    this.events.push({ at: this.end, event });
    if (this.events.length > this.most) this.#drop(Math.ceil(this.most / 3));
  }

  /** How many of the kept events have happened at T. */
  countAt(T) {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle].at <= T) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The packets that left after `from`, or were under way then, and until `to`. */
  between(from, to) {
    const start = this.#place(from - this.longest);
    const found = [];
    for (let i = start; i < this.order.length && this.order[i].sent.t <= to; i++) {
      const each = this.order[i];
      const last = each.arrivals.at(-1)?.t ?? each.sent.t + each.journey;
      if (Math.max(last, each.sent.t) >= from) found.push(each);
    }
    return found;
  }

  #place(t) {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.order[middle].sent.t < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #index(event) {
    if (event.event === "sent") {
      if (this.packets.has(event.n)) return false;
      const { direction } = event;
      const delay = (event.delay_ms ?? 0) / 1000;
      const isUntold = isLostByFate(event) || !event.fates;
      const journey = isUntold ? this.last[direction] : delay + this.queueing[direction];
      const made = packet(event, journey);
      this.packets.set(event.n, made);
      this.order.push(made);
      this.longest = Math.max(this.longest, journey);
      return true;
    }
    const known = this.packets.get(event.n);
    if (event.event === "arrived") {
      // A packet whose departure is not known is not drawn, but its arrival still counts.
      if (!known) return true;
      if (known.arrivals.some(each => each.copy === event.copy)) return false;
      const journey = event.t - known.sent.t;
      const delay = (known.sent.delay_ms ?? 0) / 1000;
      const flow = `${event.flow} ${event.direction}`;
      const highest = this.highest.get(flow) ?? -1;
      known.arrivals.push({ ...event, late: event.n < highest });
      remember(this.highest, flow, Math.max(highest, event.n));
      this.longest = Math.max(this.longest, journey);
      if (event.copy === 0 && !(known.sent.fates ?? []).includes("reordered")) {
        this.last[event.direction] = journey;
        this.queueing[event.direction] = Math.max(0, journey - delay);
      }
    } else if (event.event === "changed") {
      change(this.changes, event);
    } else if (event.event === "taken" && known) {
      if (known.taken !== null) return false;
      known.taken = event.t;
    }
    return true;
  }

  #drop(count) {
    for (const { event } of this.events.splice(0, count)) {
      this.base.fold(event);
      if (event.event === "sent") this.packets.delete(event.n);
    }
    this.dropped += count;
    const first = this.order.findIndex(each => this.packets.has(each.n));
    this.order.splice(0, first < 0 ? this.order.length : first);
  }
}

/** The state of things at T, which it folds forward from where it was. */
export class Cursor {
  #log;
  #next = 0;
  #T = -Infinity;
  #state;

  constructor(log) {
    this.#log = log;
    this.#state = log.base.copy();
  }

  at(T) {
    const log = this.#log;
    if (T < this.#T || this.#next < log.dropped) {
      this.#state = log.base.copy();
      this.#next = log.dropped;
    }
    const end = log.dropped + log.countAt(T);
    for (; this.#next < end; this.#next++)
      this.#state.fold(log.events[this.#next - log.dropped].event);
    this.#T = T;
    return this.#state;
  }
}
