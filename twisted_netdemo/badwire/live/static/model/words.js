// Texts with places for values. Pure.

/** `text` with {name} replaced by values[name]. */
export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A whole number as a language groups it: 1,460. */
export function grouped(value, language) {
  return value.toLocaleString(language);
}

/** A rate, short: 400 kbit/s. */
export function rateText(bits, language) {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  let place = 0;
  while (bits >= 1000 && place < units.length - 1) {
    bits /= 1000;
    place++;
  }
  return `${bits.toLocaleString(language, { maximumFractionDigits: 1 })} ${units[place]}`;
}

/** A time that is left, short: 1.6 s, 350 ms. */
export function spanText(seconds, language) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds.toLocaleString(language, { maximumFractionDigits: 1, minimumFractionDigits: 1 })} s`;
}
