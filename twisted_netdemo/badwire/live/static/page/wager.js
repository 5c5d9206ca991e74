// The guess: a question, a bet, and its mark.

import { hides, mark, parseGuess, QUESTIONS } from "../model/guess.js";
import { label } from "../model/packet.js";
import { grouped } from "../model/words.js";
import { byId, html, say, set } from "../base/dom.js";

export class Wager {
  #bet = null;
  #marked = null;
  #shown = "";

  /**
   * onBet(): {t, flow} of the moment from which a bet counts; onChange: what is hidden may be other
   * than before.
   */
  constructor(language, { onBet, onChange }) {
    this.language = language;
    this.onBet = onBet;
    this.onChange = onChange;
    this.question = byId("question");
    for (const name of QUESTIONS) this.question.append(html("option", { value: name }));
    this.verdict = byId("verdict");
    this.question.addEventListener("change", () => this.reset());
    byId("wager").addEventListener("submit", event => {
      event.preventDefault();
      this.#take();
    });
    byId("guess-again").addEventListener("click", () => {
      this.reset();
      byId("guess").focus();
    });
    this.reset();
  }

  get name() {
    return this.question.value;
  }

  reset() {
    this.#bet = this.#marked = null;
    this.#shown = "";
    this.#makeField();
    set(this.verdict, "data-state", "idle");
    for (const name of ["data-truth", "data-guess", "data-mark"]) set(this.verdict, name, null);
    this.#say([this.language.say(`hint_${this.name}`)]);
    set(byId("guess-again"), "hidden", "");
    this.onChange();
  }

  retranslate() {
    for (const option of this.question.options)
      say(option, this.language.say(`short_${option.value}`));
    if (this.#bet === null) return this.reset();
    const { value } = byId("guess");
    this.#makeField();
    byId("guess").value = value;
    this.#shown = "";
  }

  #makeField() {
    const { language, name } = this;
    const field = name === "next"
      ? html("select", { id: "guess" }, ...["near", "far"].map(side =>
        html("option", { value: side }, language.say(`${side}Short`))))
      : html("input", { id: "guess", inputmode: "decimal", maxlength: 12 });
    say(byId("asked"), language.say(`question_${name}`));
    set(field, "aria-describedby", "unit verdict");
    byId("guess-place").replaceChildren(field);
    say(byId("unit"), language.say(`unit_${name}`));
  }

  #take() {
    const field = byId("guess");
    const guess = parseGuess(this.name, field.value);
    set(field, "aria-invalid", guess === null ? "true" : "false");
    if (guess === null) {
      this.#say([this.language.say(`notAGuess_${this.name}`)]);
      return;
    }
    this.#bet = { question: this.name, guess, ...this.onBet() };
    this.#marked = null;
    this.#shown = "";
    set(this.verdict, "data-truth", null);
    set(this.verdict, "data-mark", null);
    set(this.verdict, "data-guess", guess);
    set(this.verdict, "data-state", "waiting");
    set(byId("guess-again"), "hidden", "");
    this.onChange();
  }

  /** Marks the bet at T, and returns what has to be hidden. */
  draw(log, T) {
    if (this.#bet === null) return hides(this.name, "idle");
    if (this.#marked && T < this.#marked.at) this.#marked = null;
    const found = this.#marked ?? mark(log, this.#bet, T);
    if (found.state === "marked") this.#marked = found;
    const key = JSON.stringify(found);
    if (key !== this.#shown) {
      this.#shown = key;
      this.#show(log, found);
    }
    return hides(this.name, found.state);
  }

  #show(log, found) {
    const { language, name } = this;
    const { guess } = this.#bet;
    const isMarked = found.state === "marked";
    set(this.verdict, "data-state", found.state);
    set(this.verdict, "data-truth", isMarked ? found.truth : null);
    set(this.verdict, "data-mark", isMarked ? found.mark : null);
    set(byId("guess-again"), "hidden", isMarked ? null : "");
    const shown = value => name === "next" ? language.say(`${value}Short`)
      : name === "read" ? grouped(value, language.name) : String(value);
    if (!isMarked) return this.#say([language.say(`waiting_${name}`, { guess: shown(guess) })]);
    const sent = log.packets.get(found.n)?.sent;
    const values = { truth: shown(found.truth), guess: shown(guess),
      label: sent ? label(sent, language.ofPackets) : "" };
    const lines = [html("b", {}, language.say(`mark_${found.mark}`)), language.say(`truth_${name}`, values)];
    if (found.mechanism) lines.push(` ${language.say(`by_${found.mechanism}`)}`);
    this.#say(lines);
  }

  #say(parts) {
    this.verdict.replaceChildren(...parts);
  }
}
