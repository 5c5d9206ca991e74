// The wire's figures, a field for each and direction. An emptied field means the default.

import { byId, html, say, set } from "../base/dom.js";

const FIGURES = ["loss", "corrupt", "duplicate", "reorder", "delay", "jitter", "rate", "queue", "blackout"];
const DIRECTIONS = ["up", "down"];
// How long a change takes to come back as an event, at most, in milliseconds.
const PATIENCE = 1500;

export class Figures {
  // {input, shown: the figure that it showed last, asked: the one that was asked for last, askedAt}
  #fields = new Map();
  #names = new Map();

  /** onChange(direction, figures): asks for it; resolves to {error, figure}. */
  constructor(language, onChange) {
    this.language = language;
    this.onChange = onChange;
    this.error = byId("wire-error");
    const body = byId("wire").querySelector("tbody");
    for (const figure of FIGURES) {
      const name = html("th", { scope: "row" });
      const row = html("tr", {}, name);
      this.#names.set(figure, name);
      for (const direction of DIRECTIONS) {
        const input = html("input", { id: `${direction}-${figure}`, "aria-invalid": "false",
          spellcheck: "false", maxlength: 60, "aria-describedby": "wire-error" });
        input.addEventListener("change", () => this.#change(direction, figure));
        this.#fields.set(input.id, { input, shown: "", asked: "", askedAt: -Infinity });
        row.append(html("td", {}, input));
      }
      body.append(row);
    }
    byId("wire").addEventListener("submit", event => event.preventDefault());
    byId("wire").addEventListener("keydown", event => {
      // Enter takes the field over without leaving it.
      if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
      event.preventDefault();
      event.target.dispatchEvent(new Event("change"));
    });
  }

  retranslate() {
    for (const [figure, name] of this.#names) {
      say(name, this.language.say(`figure_${figure}`));
      for (const direction of DIRECTIONS) {
        const { input } = this.#fields.get(`${direction}-${figure}`);
        input.placeholder = this.language.say(`default_${figure}`);
        set(input, "aria-label", `${name.textContent} ${this.language.say(`figureDirection_${direction}`)}`);
      }
    }
  }

  /** Shows the figures in force, except where somebody types or has just typed. */
  show(figures) {
    for (const direction of DIRECTIONS) {
      for (const figure of FIGURES) {
        const field = this.#fields.get(`${direction}-${figure}`);
        const value = String(figures[direction]?.[figure] ?? "");
        const { input } = field;
        if (value === field.shown || input === document.activeElement) continue;
        if (performance.now() < field.askedAt + PATIENCE) continue;
        field.shown = field.asked = input.value = value;
        input.classList.toggle("set", value !== "");
        this.#good(input);
      }
    }
  }

  readOnly() {
    for (const { input } of this.#fields.values()) input.readOnly = true;
  }

  async #change(direction, figure) {
    const field = this.#fields.get(`${direction}-${figure}`);
    const { input } = field;
    const value = input.value.trim();
    // Enter, and then leaving the field, is one change.
    if (input.readOnly || value === field.asked) return;
    field.asked = value;
    field.askedAt = performance.now();
    const { error } = await this.onChange(direction, { [figure]: value });
    if (field.asked !== value) return;
    if (error === "") {
      field.shown = value;
      input.classList.toggle("set", value !== "");
      this.#good(input);
      return;
    }
    set(input, "aria-invalid", "true");
    say(this.error, error ?? this.language.say("noAnswer"));
  }

  #good(input) {
    set(input, "aria-invalid", "false");
    const isWrong = [...this.#fields.values()].some(each => each.input.getAttribute("aria-invalid") === "true");
    if (!isWrong) say(this.error, "");
  }
}
