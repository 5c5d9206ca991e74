// Who counted what: the log and the kernel.

import { byId, html } from "../base/dom.js";

export class Counters {
  #shown = null;

  constructor(language) {
    this.language = language;
    this.body = byId("counters").querySelector("tbody");
  }

  retranslate() {
    this.#shown = null;
  }

  draw(counters) {
    if (counters === this.#shown) return;
    this.#shown = counters;
    const rows = (counters?.rows ?? []).filter(each => each.log || each.kernel);
    byId("no-counters").hidden = rows.length > 0;
    byId("counters").hidden = !rows.length;
    byId("counters-rule").hidden = !rows.some(each => each.inferred);
    this.body.replaceChildren(...rows.map(({ name, log, kernel, equal, inferred }) => {
      const sign = html("td", {}, equal ? "=" : "≠");
      sign.setAttribute("aria-label", this.language.say(equal ? "equal" : "notEqual"));
      return html("tr", { "data-equal": equal }, html("th", { scope: "row" }, inferred ? `${name}*` : name),
        html("td", {}, String(log)), html("td", {}, String(kernel)), sign);
    }));
  }
}
