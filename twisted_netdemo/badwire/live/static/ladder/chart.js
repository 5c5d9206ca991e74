// The sending rate and the congestion window, on the ladder's own time axis.

import { rates, roundUp, windows } from "../model/series.js";
import { rateText } from "../model/words.js";
import { rem, set, svg } from "../base/dom.js";

export class Chart {
  constructor(root, language) {
    this.root = root;
    this.language = language;
    this.rate = svg("path", { class: "chart-rate" });
    this.window = svg("path", { class: "chart-window" });
    this.frame = svg("path", { class: "nowLine" });
    this.tops = [svg("text", { class: "rate" }), svg("text", { class: "window" })];
    root.append(this.frame, this.rate, this.window, ...this.tops);
  }

  /** moments: {from, to, y} as the ladder has them. */
  draw(log, flow, { from, to, y }) {
    const { width, height } = this.root.getBoundingClientRect();
    const letter = rem();
    const top = 2.8 * letter;
    const ofRate = rates(log, "near", flow, from, to);
    const ofWindow = flow === null ? [] : windows(log, "near", flow, from, to);
    const most = points => points.reduce((top, each) => Math.max(top, each.value), 0);
    const mostRate = roundUp(Math.max(most(ofRate), 1000));
    const mostWindow = roundUp(Math.max(most(ofWindow), 10));
    const path = (points, most) => points.filter(each => y(each.t) >= top).map(({ t, value }, place) =>
      `${place ? "L" : "M"}${(6 + (value / most) * (width - 14)).toFixed(1)} ${y(t).toFixed(1)}`).join("");
    set(this.frame, "d", `M6 ${top}V${height}M${width - 8} ${top}V${height}`);
    set(this.rate, "d", path(ofRate, mostRate));
    set(this.window, "d", path(ofWindow, mostWindow));
    this.tops[0].textContent = this.language.say("chartRate", { top: rateText(mostRate, this.language.name) });
    this.tops[1].textContent = this.language.say("chartWindow", { top: mostWindow });
    this.tops.forEach((text, place) => {
      set(text, "x", 6);
      set(text, "y", (place + 1) * 1.2 * letter);
    });
  }
}
