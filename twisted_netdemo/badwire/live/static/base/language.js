// The language of the page. A page of the live run loads the texts of the one that is chosen; a page
// from a file has them all inside.

import { fill } from "../model/words.js";
import { byId } from "./dom.js";

const NAMES = ["en", "de"];
const ATTRIBUTES = { text: null, label: "aria-label", title: "title" };

async function texts(name) {
  const reply = await fetch(`texts/${name}.json`);
  // Another run at this address refuses, and that is no text.
  if (!reply.ok) throw new Error(reply.statusText);
  return reply.json();
}

export class Language {
  #texts;
  #wanted = null;

  constructor() {
    const inside = byId("texts");
    this.#texts = inside ? JSON.parse(inside.textContent) : {};
    this.words = {};
  }

  get name() {
    return this.words.language;
  }

  has(name) {
    return NAMES.includes(name);
  }

  /** The language that somebody has chosen, null where nobody has. */
  get kept() {
    try {
      return sessionStorage.getItem("language");
    } catch {
      return null; // a page from a file may have no storage
    }
  }

  keep(name) {
    try {
      sessionStorage.setItem("language", name);
    } catch {
      // it holds until the page is loaded again
    }
  }

  /** Chooses a language, English where there is none of that name; false if it cannot be had now. */
  async choose(name) {
    const chosen = this.has(name) ? name : "en";
    this.#wanted = chosen;
    try {
      this.#texts[chosen] ??= await texts(chosen);
    } catch {
      return false;
    }
    // Another may have been chosen while this one came.
    if (this.#wanted === chosen) this.words = this.#texts[chosen];
    return true;
  }

  /** The text of a name, with its values. */
  say(name, values) {
    return fill(this.words[name] ?? name, values);
  }

  /** What packets' labels need. */
  get ofPackets() {
    const { word_byte: byte, word_bytes: bytes, word_part: part, word_nothing: nothing } = this.words;
    return { byte, bytes, part, nothing };
  }

  /** Sets the texts of all elements that name one. */
  translate() {
    document.documentElement.lang = this.name;
    document.title = this.words.title;
    for (const [kind, attribute] of Object.entries(ATTRIBUTES)) {
      for (const element of document.querySelectorAll(`[data-${kind}]`)) {
        const text = this.say(element.dataset[kind]);
        if (attribute) element.setAttribute(attribute, text);
        else element.textContent = text;
      }
    }
  }
}
