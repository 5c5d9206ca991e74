// Texts of packets and programs, safe to show. Pure. The rule is that of render/payload_text.py.

const ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\" };
// How many marks a character may bear.
const MARKS = 4;
const MARK = /\p{M}/u;
// A dot is shown for these, beside marks that have nothing to stand on.
const UNSEEN = /[^ \P{Z}]|[\p{C}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffd]/u;
const WIDE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;

/** A text as it is shown, character by character, each with its marks. */
function visible(text, escapes = ESCAPES) {
  const shown = [];
  let room = 0; // how many marks the last character can still bear
  for (const character of text) {
    if (character in escapes) {
      shown.push(escapes[character]);
      room = 0;
    } else if (UNSEEN.test(character)) {
      shown.push(".");
      room = 0;
    } else if (!MARK.test(character)) {
      shown.push(character);
      room = MARKS;
    } else if (room) {
      shown.push(shown.pop() + character);
      room--;
    } else shown.push(".");
  }
  return shown;
}

/** Payload as one line of quoted text; `more` says whether it goes on. */
export function snippet(hex, more = false) {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16));
  let text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (more) text = text.replace(/\uFFFD+$/, ""); // a character that was cut off
  return `"${visible(text).join("")}${more ? "..." : ""}"`;
}

/** A program's text on one line of at most so many characters. */
export function onOneLine(text, most = Infinity) {
  const { '"': _, ...escapes } = ESCAPES;
  const shown = visible(text, escapes);
  return shown.length > most ? `${shown.slice(0, most).join("")}…` : shown.join("");
}

/** How many letters wide a text is, about. */
export function columns(text) {
  let count = 0;
  for (const character of text) if (!MARK.test(character)) count += WIDE.test(character) ? 2 : 1;
  return count;
}

/** The beginning of a text, as far as so many letters reach; no character loses its marks. */
export function beginning(text, most) {
  let shown = "";
  for (const [each] of text.matchAll(/\P{M}\p{M}*/gu)) {
    most -= columns(each);
    if (most < 0) break;
    shown += each;
  }
  return shown;
}
