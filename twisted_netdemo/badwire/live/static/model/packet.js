// A packet, and what has become of it at a time T. Pure.

import { snippet } from "./payload.js";

// Nothing arrives of a packet with one of these fates.
const LOSSES = new Set(["lost", "queue", "blackout", "chosen"]);

const FLAG_NAMES = [["R", "RST"], ["F", "FIN"]];
const SHOWN = 24;

// How much of the way a packet goes that is lost by its fate.
export const LOST_AT = 0.6;

// Whether a TCP segment takes sequence numbers, so that it is sent again until it is acknowledged.
export function takesNumbers(sent) {
  return sent.protocol === "tcp" && (sent.length > 0 || /[SF]/.test(sent.flags));
}

// How many sequence numbers a segment takes.
export function size(sent) {
  return sent.length + sent.flags.includes("S") + sent.flags.includes("F");
}

export function isAgain(sent) {
  return sent.attempt > 1 && takesNumbers(sent);
}

export function isLostByFate(sent) {
  return (sent.fates ?? []).some(fate => LOSSES.has(fate));
}

/**
 * A packet of the log.
 *
 * journey: how long its way takes as far as one can tell when it leaves, in seconds.
 * arrivals: its copies' arrivals, each with `late`: whether packets that left later came before.
 * taken: the time at which somebody lost it by hand, else null.
 */
export function packet(sent, journey) {
  return { n: sent.n, sent, journey, arrivals: [], taken: null };
}

/**
 * What is seen of a packet at T: null before it leaves, else `state` ('flying', 'arrived', 'lost',
 * or 'unknown' where a recording does not tell), the `arrivals` so far, and `way`: the part of its
 * way that it has gone, 0 to 1.
 */
export function packetAt(packet, T) {
  const { sent, journey, taken } = packet;
  if (sent.t > T) return null;
  const arrivals = packet.arrivals.filter(each => each.t <= T);
  const gone = journey > 0 ? (T - sent.t) / journey : 1;
  if (taken !== null && taken <= T) {
    const way = journey > 0 ? (taken - sent.t) / journey : LOST_AT;
    return { state: "lost", arrivals, way: clamp(way, 0.06, 0.94) };
  }
  if (isLostByFate(sent)) return { state: "lost", arrivals, way: Math.min(gone, LOST_AT) };
  if (arrivals.length) return { state: "arrived", arrivals, way: 1 };
  if (sent.fates === undefined || sent.fates === null) return { state: "unknown", arrivals, way: LOST_AT };
  const first = packet.arrivals[0];
  // Where the log knows the arrival already, the way there is exact.
  const way = first && first.t > sent.t ? (T - sent.t) / (first.t - sent.t) : gone;
  return { state: "flying", arrivals, way: clamp(way, 0, 0.97) };
}

function clamp(value, least, most) {
  return Math.max(least, Math.min(most, value));
}

function range(first, length, words) {
  return length === 1 ? `${words.byte} ${first}` : `${words.bytes} ${first}-${first + length - 1}`;
}

/**
 * The label of a packet, as on the ladders of `badwire show`: SYN, bytes 1-5 "hello", ACK 6.
 *
 * words: `byte`, `bytes`, `part`, `nothing`, `unknown` in the reader's language.
 */
export function label(sent, words) {
  if (sent.fragment !== null && sent.fragment !== undefined)
    return `${words.part}, ${range(sent.fragment, sent.length, words)}`;
  const head = sent.head ?? "";
  const payload = sent.length && head ? ` ${snippet(head, sent.length > SHOWN)}` : "";
  if (sent.protocol !== "tcp") {
    const name = sent.protocol === "udp" ? "" : `${sent.protocol.toUpperCase()} `;
    return `${name}${sent.length} ${sent.length === 1 ? words.byte : words.bytes}${payload}`;
  }
  const parts = [];
  if (sent.flags.includes("S")) parts.push(sent.flags.includes("A") ? "SYN ACK" : "SYN");
  for (const [letter, name] of FLAG_NAMES) if (sent.flags.includes(letter)) parts.push(name);
  if (sent.length)
    parts.push(range(sent.seq + sent.flags.includes("S"), sent.length, words) + payload);
  else if (!parts.length && sent.flags.includes("A")) parts.push(`ACK ${sent.ack ?? "?"}`);
  else if (!parts.length) parts.push(words.nothing);
  return parts.join(" + ");
}
