// A short word on what could not be done, or was.

import { byId } from "./dom.js";

const SECONDS = 9;
let timer = 0;

export function toast(text) {
  byId("toast").textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => byId("toast").replaceChildren(), SECONDS * 1000);
}

document.addEventListener("keydown", event => {
  if (event.key === "Escape") byId("toast").replaceChildren();
});
