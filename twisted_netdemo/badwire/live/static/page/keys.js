// The keyboard: keys that act wherever nothing is typed.

import { byId, html } from "../base/dom.js";

const NAMES = ["Pause", "Step", "Zoom", "Replay", "Now", "Lose", "Tab", "Present", "Help"];

/** actions: what each key does, by its name in `event.key`; `digit(n)` for 1 to 9. */
export function listen(actions) {
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const { target, key } = event;
    if (target.matches("input:not([type=radio], [type=range]), select, textarea")) return;
    if (key === " " && target.matches("button, a, summary, input")) return;
    if (key.startsWith("Arrow") && target.matches("input, .scroll, .program, summary")) return;
    const action = /^[1-9]$/.test(key) ? () => actions.digit(Number(key)) : actions[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

export function showHelp(language) {
  const list = byId("help").querySelector("dl");
  list.replaceChildren(...NAMES.flatMap(name => [html("dt", {}, language.say(`key${name}`)),
    html("dd", {}, language.say(`key${name}Does`))]));
}
