import assert from "node:assert/strict";
import test from "node:test";
import { arrived, counters, data, load, LOST_FIRST, sent } from "./events.mjs";

const { EventLog } = await load("model/log.js");
const { hides, mark, parseGuess } = await load("model/guess.js");

function logOf(events) {
  const log = new EventLog();
  for (const event of [...events].sort((a, b) => a.t - b.t)) log.take(event);
  return log;
}

const AGAIN = { question: "again", guess: 1000, t: 0.5, flow: 0 };

test("a bet on a packet that is sent again waits for it, and for what the kernel counts", () => {
  const log = logOf([...LOST_FIRST, counters(0.1, 0, 0), counters(2.02, 1, 0)]);
  assert.deepEqual(mark(log, AGAIN, 1.5), { state: "waiting" });
  assert.deepEqual(mark(log, AGAIN, 2.01), { state: "waiting" });
  const { state, truth, mark: how, mechanism, n } = mark(log, AGAIN, 2.03);
  assert.deepEqual([state, truth, how, mechanism, n], ["marked", 1000, "right", "probe", 0]);
});

test("the mechanism is told only where the counters tell it", () => {
  const told = (...counted) => mark(logOf([...LOST_FIRST, ...counted]), AGAIN, 9).mechanism;
  assert.equal(told(counters(0.1, 3, 4), counters(2.02, 3, 5)), "timeout");
  assert.equal(told(counters(0.1, 3, 4), counters(2.02, 4, 5)), "unknown");
  assert.equal(told(counters(0.1, 3, 4), counters(2.02, 3, 4)), "neither");
  assert.equal(told(counters(2.02, 3, 4)), "unknown"); // nothing to compare with
  assert.equal(told(counters(0.1, 3, 4)), "unknown"); // nothing after it
});

test("a count that comes before the packet that it counts is no count of before", () => {
  const log = logOf([...LOST_FIRST, counters(0.1, 3, 4), counters(1.99, 4, 4), counters(2.02, 4, 4)]);
  assert.equal(mark(log, AGAIN, 9).mechanism, "probe");
});

test("where others were sent again meanwhile, nothing is known", () => {
  const other = data(9, 1.5, 0, { flow: 1, attempt: 2 });
  const log = logOf([...LOST_FIRST, other, counters(0.1, 3, 4), counters(2.02, 4, 4)]);
  assert.equal(mark(log, AGAIN, 9).mechanism, "unknown");
});

test("what was lost before the bet does not count", () => {
  const log = logOf(LOST_FIRST);
  assert.deepEqual(mark(log, { ...AGAIN, t: 1.5 }, 99), { state: "waiting" });
});

test("a packet that somebody took counts, and an acknowledgement does not", () => {
  const log = logOf([
    sent(0, 1, { fates: ["lost"] }), // an acknowledgement: it is never sent again
    data(1, 1.1, 0), { event: "taken", t: 1.15, n: 1, flow: 0, direction: "up" },
    data(2, 1.2, 1), data(3, 1.5, 0, { attempt: 2 }), counters(0, 0, 0), counters(1.6, 0, 1)]);
  const found = mark(log, AGAIN, 2);
  assert.deepEqual([found.truth, found.n, found.mechanism, found.mark], [400, 1, "timeout", "wrong"]);
});

test("a guess within a factor of two is near", () => {
  const log = logOf([...LOST_FIRST, counters(0.1, 0, 0), counters(2.02, 1, 0)]);
  for (const [guess, how] of [[1099, "right"], [901, "right"], [1101, "near"], [500, "near"], [2000, "near"], [499, "wrong"], [0, "wrong"]])
    assert.equal(mark(log, { ...AGAIN, guess }, 9).mark, how, guess);
});

test("a bet on the next to speak is decided by the next packet that leaves", () => {
  const log = logOf(LOST_FIRST);
  const bet = { question: "next", guess: "far", t: 2.05, flow: 0 };
  assert.deepEqual(mark(log, bet, 2.09), { state: "waiting" });
  assert.equal(mark(log, bet, 2.1).mark, "right");
  assert.equal(mark(log, { ...bet, guess: "near" }, 2.1).truth, "far");
});

test("a bet on what was read counts the far program's reads of that flow until the bet", () => {
  const read = (t, bytes, flow = 0, side = "far") => ({ event: "program", t, side, flow, what: "read", bytes });
  const log = logOf([read(1, 100), read(1.1, 50, 1), read(1.2, 7), read(1.3, 9, 0, "near"), read(2, 1000)]);
  const bet = { question: "read", guess: 107, t: 1.5, flow: 0 };
  assert.deepEqual(mark(log, bet, 1.4), { state: "waiting" });
  assert.deepEqual(mark(log, bet, 1.5), { state: "marked", truth: 107, mark: "right", at: 1.5 });
  assert.equal(mark(log, { ...bet, guess: 108 }, 9).mark, "near");
});

test("the answer is hidden until it is marked", () => {
  assert.deepEqual([...hides("again", "waiting")], ["timer"]);
  assert.deepEqual([...hides("again", "idle")], []);
  assert.deepEqual([...hides("again", "marked")], []);
  assert.deepEqual([...hides("read", "idle")], ["read"]);
  assert.deepEqual([...hides("read", "marked")], []);
  assert.deepEqual([...mark2hides("next")], ["timer"]);
});

function mark2hides(question) {
  return hides(question, mark(logOf([]), { question, guess: "near", t: 0, flow: null }, 1).state);
}

test("no bet is none", () => {
  assert.deepEqual(mark(logOf([]), null, 5), { state: "idle" });
});

test("a guess is a number, or a side", () => {
  assert.equal(parseGuess("again", " 1800 "), 1800);
  assert.equal(parseGuess("again", "0,5"), 0.5);
  for (const text of ["", "soon", "-3", "1e9", "1.2.3", "0x10"]) assert.equal(parseGuess("again", text), null, text);
  assert.equal(parseGuess("read", "10.5"), null);
  assert.equal(parseGuess("next", "far"), "far");
  assert.equal(parseGuess("next", "5"), null);
});
