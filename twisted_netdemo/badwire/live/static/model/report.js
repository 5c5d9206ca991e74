// What is said aloud of what happens: a sentence now and then, and never a flood. Pure.

/** The least number of seconds from one sentence to the next. */
export const EVERY = 4;

/**
 * What happened between two states, in a sentence; empty if nothing did.
 *
 * before, after: {sent, lost, again} counts, as of State.
 * lines: what the programs saw in between.
 * words: the texts.
 */
export function report(before, after, lines, words, fill) {
  const parts = [];
  const sent = after.sent - before.sent;
  if (sent > 0) parts.push(fill(sent === 1 ? words.saidSent1 : words.saidSent, { count: sent }));
  const lost = after.lost - before.lost;
  if (lost > 0) parts.push(fill(words.saidLost, { count: lost }));
  const again = after.again - before.again;
  if (again > 0) parts.push(fill(words.saidAgain, { count: again }));
  const last = lines.at(-1);
  if (last) {
    const what = words[`did_${last.what}`] ?? last.what;
    parts.push(`${words[last.side]}: ${what}${last.text ? ` ${last.text.slice(0, 60)}` : ""}`);
  }
  return parts.join("; ");
}
