// All packets as text: a row each, newest last.

import { isAgain, label, packetAt } from "../model/packet.js";
import { byId, html, say, set } from "../base/dom.js";

// So many rows are kept, and so many are written at a time.
const MOST = 2000;
const AT_ONCE = 250;

export class Table {
  #rows = new Map();
  #next = 0;
  #open = new Map();
  #T = -Infinity;

  constructor(language) {
    this.language = language;
    this.body = byId("packets").querySelector("tbody");
    this.scroll = this.body.closest(".scroll");
    byId("text").addEventListener("toggle", () => {
      this.scroll.scrollTop = this.scroll.scrollHeight;
    });
  }

  clear() {
    this.body.replaceChildren();
    this.#rows.clear();
    this.#open.clear();
    this.#next = 0;
    this.#T = -Infinity;
  }

  draw(log, T) {
    if (T < this.#T) this.clear();
    this.#T = T;
    const { order } = log;
    // What the log has dropped shifts the rest.
    const last = order[Math.min(this.#next, order.length) - 1];
    if (this.#next && last?.n !== this.last) this.#next = order.findIndex(each => each.n > this.last);
    if (this.#next < 0) this.#next = order.length;
    let end = this.#next;
    while (end < order.length && order[end].sent.t <= T) end++;
    this.#next = Math.max(this.#next, end - MOST);
    const isBehind = end - this.#next > AT_ONCE;
    const isAtEnd = this.#next < end && this.#isAtEnd();
    for (const stop = Math.min(end, this.#next + AT_ONCE); this.#next < stop; this.#next++)
      this.#add(order[this.#next]);
    this.last = order[this.#next - 1]?.n;
    for (const [n, packet] of this.#open) this.#update(n, packet, T);
    while (this.#rows.size > MOST) this.#forget(this.#rows.keys().next().value);
    const earlier = this.body.firstElementChild && log.packets.size + log.dropped
      ? Number(this.body.firstElementChild.dataset.n) : 0;
    set(byId("earlier"), "hidden", earlier ? null : "");
    if (earlier) say(byId("earlier"), this.language.say("packetsEarlier", { count: earlier }));
    if (isAtEnd && !isBehind) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  // It costs a layout to know: not while nobody looks.
  #isAtEnd() {
    const { scroll } = this;
    return byId("text").open && scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 40;
  }

  #forget(n) {
    this.#rows.get(n).remove();
    this.#rows.delete(n);
    this.#open.delete(n);
  }

  #add(packet) {
    const { sent, n } = packet;
    const cells = Array.from({ length: 6 }, () => html("td"));
    cells[0].textContent = n;
    cells[1].textContent = sent.t.toFixed(3);
    const side = this.language.say(sent.direction === "up" ? "farShort" : "nearShort");
    cells[2].textContent = sent.direction === "up" ? `→ ${side}` : `← ${side}`;
    cells[3].textContent = `${sent.protocol.toUpperCase()} ${label(sent, this.language.ofPackets)}` +
      (isAgain(sent) ? `; ${this.language.say("attempt", { attempt: sent.attempt })}` : "");
    const row = html("tr", {
      "data-n": n, "data-direction": sent.direction, "data-protocol": sent.protocol,
      "data-seq": sent.seq ?? "", "data-length": sent.length, "data-attempt": sent.attempt,
      "data-fates": (sent.fates ?? []).join(" "), "data-effect": "", "data-t": sent.t,
      "data-flow": sent.flow,
    }, ...cells);
    this.#rows.set(n, row);
    this.#open.set(n, packet);
    this.body.append(row);
  }

  #update(n, packet, T) {
    const row = this.#rows.get(n);
    const seen = packetAt(packet, T);
    if (!seen) return;
    const { language } = this;
    set(row, "data-state", seen.state);
    const fates = (packet.sent.fates ?? []).map(fate => language.say(`fate_${fate}`));
    const isTaken = packet.taken !== null && seen.state === "lost";
    if (isTaken) {
      fates.push(language.say("lostByHand"));
      set(row, "data-fates", [...packet.sent.fates, "taken"].join(" "));
    }
    const passed = seen.state === "unknown" ? language.say("notTold")
      : seen.state === "flying" ? language.say("flying") : language.say("passed");
    say(row.cells[4], fates.join(", ") || passed);
    set(row, "data-effect", seen.arrivals.map(each => each.effect).join(" "));
    say(row.cells[5], seen.arrivals.map(each => {
      const released = each.released ? `, ${language.say("released", { count: each.released })}` : "";
      return `${each.t.toFixed(3)} ${language.say(`effect_${each.effect}`)}${released}*`;
    }).join("; "));
    // A row that cannot change any more is left alone.
    const copies = packet.sent.fates?.includes("duplicated") ? 2 : 1;
    if (seen.state === "lost" || seen.state === "unknown" || seen.arrivals.length >= copies)
      this.#open.delete(n);
  }
}
