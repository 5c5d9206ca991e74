// The words beside the ladder: a packet's label where it leaves, and a note where it arrives with
// more than plain success. Words that would lie on others are left out, and what is remarkable takes
// the place of what is not.

import { label } from "../model/packet.js";
import { beginning, columns } from "../model/payload.js";
import { svg } from "../base/dom.js";

const NOTED = new Set(["held", "ignored", "discarded", "short", "late", "again"]);
// The least distance of two lines of words, in letters.
const APART = 1.2;
// So many letters of a payload are worth showing, with its quotation mark.
const LEAST = 8;
const [PLAIN, REMARKABLE, ASKED] = [0, 1, 2];

export class Beside {
  #slots = { left: [], right: [] };

  /** frame: the ladder, with its measures. */
  constructor(frame) {
    this.frame = frame;
  }

  clear() {
    this.#slots = { left: [], right: [] };
  }

  /** Forgets what lies above a height. */
  forget(y) {
    for (const slots of Object.values(this.#slots)) while (slots.length && slots[0].y < y) slots.shift();
  }

  /** Adds the words of a packet that are not there yet; rung: {words, count}, where and how many there are. */
  add(rung, { sent }, seen, isPlain) {
    const { language } = this.frame;
    const isLeft = sent.direction === "up";
    const place = rung.words;
    if (!rung.count) {
      rung.count = 1;
      const isFull = sent.window === 0 && !/[SR]/.test(sent.flags);
      const text = isFull ? language.say("noRoom") : label(sent, language.ofPackets);
      const { asked } = this.frame;
      const weight = asked?.has(sent.n) ? ASKED : isFull || !isPlain ? REMARKABLE : PLAIN;
      this.#word(place, sent.t, isLeft, asked ? `${sent.n}: ${text}` : text, weight);
    }
    for (; rung.count <= seen.arrivals.length; rung.count++) {
      const { effect, released, t } = seen.arrivals[rung.count - 1];
      if (!NOTED.has(effect) && !released) continue;
      const text = released ? language.say("noteReleased", { count: released }) : language.say(`note_${effect}`);
      this.#word(place, t, !isLeft, `${text}*`, REMARKABLE, "note");
    }
  }

  #word(place, t, isLeft, text, weight, kind = "") {
    const { isInside, left, right, rem } = this.frame;
    const slots = this.#slots[isLeft ? "left" : "right"];
    const at = y => slots.filter(each => Math.abs(each.y - y) < APART * rem);
    let y = this.frame.y(t);
    // What is asked for is there in any case, below others if it has to be.
    while (weight === ASKED && at(y).some(each => each.weight === ASKED)) y += APART * rem;
    const near = at(y);
    if (near.some(each => each.weight >= weight)) return;
    for (const each of near) {
      each.text.remove();
      slots.splice(slots.indexOf(each), 1);
    }
    const away = isInside ? 8 : -8;
    const isEnd = isLeft !== isInside;
    const made = svg("text", {
      x: isLeft ? left + away : right - away,
      y: y + (isInside ? -4 : 0.35 * rem),
      class: `${kind} ${isEnd ? "end" : ""}`,
    });
    made.textContent = this.#short(text);
    place.append(made);
    slots.push({ y, weight, text: made });
  }

  // A text in the letters that there is room for: the word 'bytes' goes first, then the payload.
  #short(text) {
    const { language, letters: most } = this.frame;
    if (columns(text) <= most) return text;
    const payload = text.indexOf(' "');
    const head = payload < 0 ? text : text.slice(0, payload);
    const brief = head.replace(`${language.say("word_bytes")} `, "").replace(` ${language.say("word_bytes")}`, "");
    const short = payload < 0 ? brief : brief + text.slice(payload);
    if (columns(short) <= most) return short;
    if (payload > 0 && brief.length + LEAST > most) return this.#short(head);
    return `${beginning(short, most - 1)}…`;
  }
}
