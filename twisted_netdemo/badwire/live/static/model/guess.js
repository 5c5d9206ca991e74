// A guess, and its mark against the log. Pure.
//
// A bet is {question, guess, t, flow}: `t` is the moment from which it counts. The mark at T is
// {state: 'idle' | 'waiting' | 'marked'}, and once marked `truth`, `mark` ('right', 'near',
// 'wrong') and, of a packet that was sent again, `mechanism` and `n`, the packet that was lost.

import { isAgain, isLostByFate, size, takesNumbers } from "./packet.js";

export const QUESTIONS = ["again", "next", "read"];

// How long the kernel's counters are waited for after a packet was sent again, in seconds.
const PATIENCE = 1.5;

/** What each question hides until it is marked. */
const HIDES = { again: ["timer"], next: ["timer"], read: ["read"] };

/**
 * What has to be hidden: 'timer' (the timers and their lengths) or 'read' (what the far program and
 * its kernel tell of the bytes that were read). The last is hidden as soon as it is asked for, since
 * it happened before the bet.
 */
export function hides(question, state) {
  const isHidden = state === "waiting" || (state === "idle" && question === "read");
  return new Set(isHidden ? HIDES[question] : []);
}

/** The guess in a form that can be marked, or null where it is none. */
export function parseGuess(question, text) {
  const trimmed = text.trim().replace(",", ".");
  if (question === "next") return ["near", "far"].includes(trimmed) ? trimmed : null;
  if (!/^\d+(\.\d+)?$/.test(trimmed)) return null;
  const value = Number(trimmed);
  return question === "read" && !Number.isInteger(value) ? null : value;
}

export function mark(log, bet, T) {
  if (bet === null) return { state: "idle" };
  return { again, next, read }[bet.question](log, bet, T) ?? { state: "waiting" };
}

function* after(log, t, T) {
  const end = log.countAt(T);
  // One event may have the very time of the bet: it came before it.
  for (let i = log.countAt(t); i < end; i++) yield log.events[i];
}

function next(log, bet, T) {
  for (const { at, event } of after(log, bet.t, T)) {
    if (event.event !== "sent") continue;
    const truth = event.direction === "up" ? "near" : "far";
    return { state: "marked", truth, mark: truth === bet.guess ? "right" : "wrong", at, n: event.n };
  }
  return null;
}

function read(log, bet, T) {
  if (T < bet.t) return null;
  let truth = 0;
  for (const { event } of log.events.slice(0, log.countAt(bet.t)))
    if (event.event === "program" && event.side === "far" && event.what === "read" &&
        event.flow === bet.flow) truth += event.bytes ?? 0;
  truth += log.base.read.far.get(bet.flow) ?? 0;
  return { state: "marked", truth, mark: rate(bet.guess, truth, 0), at: bet.t };
}

function again(log, bet, T) {
  let lost = null;
  let sentAgain = null;
  let before = null;
  const earlier = log.events.slice(0, log.countAt(bet.t));
  for (const { event } of earlier) if (event.event === "counters") before = event.tlp;
  before ??= log.base.counters?.tlp ?? null;
  // Others that were sent again meanwhile: then the counters tell nothing of this one.
  let others = 0;
  for (const { at, event } of after(log, bet.t, T)) {
    if (event.event === "counters") {
      if (sentAgain) return marked(bet, lost, sentAgain, others ? "unknown" : mechanism(before, event.tlp));
      // The kernel counts a packet before the wire has read it, so the counts that matter are those
      // when the other one was lost.
      if (!lost) before = event.tlp;
    } else if (sentAgain && at > sentAgain.t + PATIENCE) {
      return marked(bet, lost, sentAgain, "unknown");
    } else if (!lost) {
      const sent = event.event === "taken" ? log.packets.get(event.n)?.sent : event;
      const isLost = event.event === "taken" || (event.event === "sent" && isLostByFate(event));
      if (isLost && sent && takesNumbers(sent)) lost = sent;
    } else if (event.event === "sent" && !sentAgain && repeats(event, lost)) {
      sentAgain = event;
    } else if (event.event === "sent" && isAgain(event)) others++;
  }
  if (sentAgain && T > sentAgain.t + PATIENCE) return marked(bet, lost, sentAgain, "unknown");
  return null;
}

function repeats(sent, lost) {
  return sent.flow === lost.flow && sent.direction === lost.direction && takesNumbers(sent) &&
    sent.seq <= lost.seq && lost.seq < sent.seq + size(sent) && sent.n > lost.n;
}

function marked(bet, lost, sentAgain, how) {
  const truth = Math.round((sentAgain.t - lost.t) * 1000);
  return { state: "marked", truth, mark: rate(bet.guess, truth, 20), mechanism: how, n: lost.n,
    at: sentAgain.t };
}

/**
 * What made the kernel send again, where its counters tell: 'probe' (tail loss probe, RFC 8985),
 * 'timeout' (retransmission timer, RFC 6298), 'neither' (no timer), else 'unknown'.
 */
function mechanism(before, after) {
  if (!before || !after) return "unknown";
  const probes = after.probes - before.probes;
  const timeouts = after.timeouts - before.timeouts;
  if (probes > 0 && timeouts > 0) return "unknown";
  return probes > 0 ? "probe" : timeouts > 0 ? "timeout" : "neither";
}

/** How good a guess is: within a tenth (or `grace`) is right, within a factor of two is near. */
function rate(guess, truth, grace) {
  const off = Math.abs(guess - truth);
  if (off <= Math.max(truth * (grace ? 0.1 : 0), grace)) return "right";
  return guess >= truth / 2 && guess <= truth * 2 ? "near" : "wrong";
}
