// The wire's figures, a field for each and direction. An emptied field means the default.

import { byId, html, say, set } from "../base/dom.js";

const FIGURES = ["loss", "corrupt", "duplicate", "reorder", "delay", "jitter", "rate", "queue", "blackout"];
const DIRECTIONS = ["up", "down"];

export class Figures {
  #inputs = new Map();
  #names = new Map();
  #known = { up: {}, down: {} };

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
        input.addEventListener("change", () => this.#change(direction, figure, input));
        this.#inputs.set(input.id, input);
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
        const input = this.#inputs.get(`${direction}-${figure}`);
        input.placeholder = this.language.say(`default_${figure}`);
        set(input, "aria-label", `${name.textContent} ${this.language.say(`figureDirection_${direction}`)}`);
      }
    }
  }

  /** Shows the figures in force, except where somebody types. */
  show(figures) {
    for (const direction of DIRECTIONS) {
      for (const figure of FIGURES) {
        const value = String(figures[direction]?.[figure] ?? "");
        if (this.#known[direction][figure] === value) continue;
        const input = this.#inputs.get(`${direction}-${figure}`);
        if (input === document.activeElement && input.value !== (this.#known[direction][figure] ?? "")) continue;
        this.#known[direction][figure] = value;
        input.value = value;
        input.classList.toggle("set", value !== "");
        this.#good(input);
      }
    }
  }

  readOnly() {
    for (const input of this.#inputs.values()) input.readOnly = true;
  }

  async #change(direction, figure, input) {
    if (input.readOnly) return;
    const value = input.value.trim();
    const { error } = await this.onChange(direction, { [figure]: value });
    if (error === "") {
      this.#known[direction][figure] = value;
      input.classList.toggle("set", value !== "");
      this.#good(input);
      return;
    }
    set(input, "aria-invalid", "true");
    say(this.error, error ?? this.language.say("noAnswer"));
  }

  #good(input) {
    set(input, "aria-invalid", "false");
    const isWrong = [...this.#inputs.values()].some(each => each.getAttribute("aria-invalid") === "true");
    if (!isWrong) say(this.error, "");
  }
}
