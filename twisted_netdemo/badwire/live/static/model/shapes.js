// The shapes of the ladder, the same as in the drawings of `badwire show --svg`. Pure: numbers in,
// SVG paths out.

// The mark of each fault on the middle of an arrow.
export const MARKS = {
  corrupted: "m-12 6l4 -12l4 12l4 -12l4 12l4 -12l4 12",
  truncated: "m-10 7l8 -14m4 14l8 -14",
  undetectable: "m-16 0q4 -9 8 0t8 0t8 0t8 0",
};
const DAMAGES = new Set(Object.keys(MARKS));
const MARK_WIDTH = 30;

function number(value) {
  return value.toFixed(1);
}

export function line(x1, y1, x2, y2) {
  return `M${number(x1)} ${number(y1)}L${number(x2)} ${number(y2)}`;
}

/** The point of an arrow that ends at (x2, y2); `k` is how large it is. */
export function point(x1, y1, x2, y2, k = 1) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const dx = (x2 - x1) / length;
  const dy = (y2 - y1) / length;
  const [back, wide] = [13 * k, 5.5 * k];
  return `M${number(x2)} ${number(y2)}` +
    `L${number(x2 - dx * back - dy * wide)} ${number(y2 - dy * back + dx * wide)}` +
    `L${number(x2 - dx * back + dy * wide)} ${number(y2 - dy * back - dx * wide)}z`;
}

/** The ring of a packet that is sent again, at its start. */
export function ring(x1, y1, x2, y2, k = 1) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  return {
    cx: number(x1 + ((x2 - x1) / length) * 7 * k),
    cy: number(y1 + ((y2 - y1) / length) * 7 * k),
    r: 5 * k,
  };
}

/** The cross where a packet is lost, around (0, 0). */
export const CROSS = "M-6 -6l12 12m0 -12l-12 12";

/** The marks of faults side by side, around (0, 0). */
export function marks(fates) {
  const shapes = (fates ?? []).filter(fate => MARKS[fate]).map(fate => MARKS[fate]);
  return shapes.map((shape, i) => `M${i * MARK_WIDTH} 0${shape}`).join("");
}

/** The classes of an arrow, which style it. */
export function kinds(sent, { isLost = false, isLate = false, isCopy = false, isAgain = false }) {
  const found = [isLost ? "lost" : isCopy ? "copy" : isLate ? "late" : "passed"];
  if ((sent.fates ?? []).some(fate => DAMAGES.has(fate))) found.push("bad");
  if (isAgain) found.push("again");
  return found.join(" ");
}
