// The sending rate and the congestion window over time, as lines. Pure.

/**
 * The sending rate in bits a second: a list of {t, value}, two for each span of time.
 *
 * side: 'near' or 'far'; flow: of this flow alone, null for all.
 */
export function rates(log, side, flow, from, to, spans = 60) {
  const direction = side === "near" ? "up" : "down";
  const width = (to - from) / spans;
  const bytes = new Array(spans).fill(0);
  for (const { sent } of log.between(from, to)) {
    if (sent.direction !== direction || (flow !== null && sent.flow !== flow)) continue;
    const place = Math.floor((sent.t - from) / width);
    if (place >= 0 && place < spans) bytes[place] += sent.length;
  }
  return bytes.flatMap((count, place) => {
    const value = (count * 8) / width;
    return [{ t: from + place * width, value }, { t: from + (place + 1) * width, value }];
  });
}

/** The congestion window in segments: a list of {t, value}, as steps. */
export function windows(log, side, flow, from, to) {
  const found = [];
  let last = null;
  const end = log.countAt(to);
  // The snapshot before the first one counts at the start.
  let start = log.countAt(from);
  while (start > 0 && !cwnd(log.events[start - 1].event, side, flow)) start--;
  for (let i = Math.max(0, start - 1); i < end; i++) {
    const value = cwnd(log.events[i].event, side, flow);
    if (!value) continue;
    const t = Math.max(from, log.events[i].at);
    if (last !== null) found.push({ t, value: last });
    if (value !== last) found.push({ t, value });
    last = value;
  }
  if (last !== null) found.push({ t: to, value: last });
  return found;
}

function cwnd(event, side, flow) {
  if (event.event !== "kernel") return null;
  return event.sockets.find(each => each.side === side && each.flow === flow)?.cwnd ?? null;
}

/** A round number that is at least `value`: 1, 2 or 5 times a power of ten. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value);
}

/** The distance of marks on an axis of `span` seconds: at most `most` of them, a round number. */
export function step(span, most) {
  return roundUp(span / most);
}

/** A time in seconds with as many decimals as a step of the axis needs. */
export function clockText(t, step) {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return t.toFixed(decimals);
}
