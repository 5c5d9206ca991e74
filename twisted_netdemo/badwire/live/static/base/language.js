// The language of the page.

import { fill } from "../model/words.js";
import { de } from "../texts/de.js";
import { en } from "../texts/en.js";

const LANGUAGES = { en, de };
const ATTRIBUTES = { text: null, label: "aria-label", title: "title" };

export class Language {
  constructor() {
    this.words = en;
    this.listeners = [];
  }

  get name() {
    return this.words.language;
  }

  has(name) {
    return name in LANGUAGES;
  }

  choose(name) {
    this.words = LANGUAGES[name] ?? en;
    document.documentElement.lang = this.name;
    document.title = this.words.title;
    this.translate(document);
    for (const listener of this.listeners) listener();
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
  translate(root) {
    for (const [kind, attribute] of Object.entries(ATTRIBUTES)) {
      for (const element of root.querySelectorAll(`[data-${kind}]`)) {
        const text = this.say(element.dataset[kind]);
        if (attribute) element.setAttribute(attribute, text);
        else element.textContent = text;
      }
    }
  }
}
