import assert from "node:assert/strict";
import test from "node:test";
import { arrived, data, kernel, load, LOST_FIRST, sent } from "./events.mjs";

const { Cursor, EventLog } = await load("model/log.js");
const { packetAt } = await load("model/packet.js");

function logOf(events, most) {
  const log = new EventLog(most);
  for (const event of events) log.take(event);
  return log;
}

test("no message and no packet counts twice", () => {
  const log = new EventLog();
  log.takeMessage(2, [sent(0, 1), arrived(0, 1.1)]);
  log.takeMessage(2, [sent(0, 1), arrived(0, 1.1)]);
  log.takeMessage(0, [sent(0, 1), arrived(0, 1.1)]);
  assert.equal(log.events.length, 2);
  assert.equal(log.packets.get(0).arrivals.length, 1);
  log.takeMessage(3, [arrived(0, 1.2, { copy: 1 })]);
  assert.equal(log.packets.get(0).arrivals.length, 2);
});

test("a stream that begins anew within a message gives what is new alone", () => {
  const line = (t, text) => ({ event: "program", t, side: "far", what: "read", text, bytes: 1 });
  const log = new EventLog();
  log.takeMessage(0, [{ event: "hello", t: 0 }]);
  log.takeMessage(2, [line(1, "a"), line(2, "b")]);
  log.takeMessage(0, [{ event: "hello", t: 3 }]);
  log.takeMessage(4, [{ event: "gap", t: 9, dropped: 0 }, line(1, "a"), line(2, "b"), line(3, "c"), line(4, "d")]);
  assert.deepEqual(log.events.filter(each => each.event.text).map(each => each.event.text), ["a", "b", "c", "d"]);
});

test("a gap is no reason to take later events for newer ones", () => {
  const log = new EventLog();
  log.takeMessage(2, [{ event: "gap", t: 50, dropped: 3 }, sent(0, 1), arrived(0, 1.1)]);
  assert.equal(log.end, 1.1);
  assert.equal(new Cursor(log).at(1).dropped, 3);
});

test("hello is kept, and no event of the run", () => {
  const log = new EventLog();
  log.takeMessage(0, [{ event: "hello", t: 3, seed: 7 }]);
  assert.equal(log.hello.seed, 7);
  assert.equal(log.events.length, 0);
});

test("a packet flies, and has arrived", () => {
  const log = logOf([sent(0, 1), arrived(0, 1.1)]);
  const packet = log.packets.get(0);
  assert.equal(packetAt(packet, 0.9), null);
  const flying = packetAt(packet, 1.05);
  assert.equal(flying.state, "flying");
  assert.ok(Math.abs(flying.way - 0.5) < 1e-9);
  assert.equal(packetAt(packet, 1.1).state, "arrived");
});

test("a packet whose arrival is not known flies on, and never quite arrives", () => {
  const packet = logOf([sent(0, 1)]).packets.get(0);
  assert.ok(Math.abs(packetAt(packet, 1.05).way - 0.5) < 1e-9);
  const late = packetAt(packet, 99);
  assert.equal(late.state, "flying");
  assert.ok(late.way < 1);
});

test("a packet that is lost by its fate goes a part of the way that others took", () => {
  const log = logOf([sent(0, 1), arrived(0, 1.2), sent(1, 2, { fates: ["lost"], delay_ms: 0 })]);
  const packet = log.packets.get(1);
  assert.equal(packetAt(packet, 2).state, "lost");
  assert.ok(Math.abs(packetAt(packet, 2.06).way - 0.3) < 1e-9);
  assert.equal(packetAt(packet, 9).way, 0.6);
});

test("a packet that somebody loses flies until then", () => {
  const log = logOf([sent(0, 1), { event: "taken", t: 1.04, n: 0, flow: 0, direction: "up" }]);
  const packet = log.packets.get(0);
  assert.equal(packetAt(packet, 1.03).state, "flying");
  assert.equal(packetAt(packet, 1.04).state, "lost");
  assert.ok(Math.abs(packetAt(packet, 2).way - 0.4) < 1e-9);
  const cursor = new Cursor(log);
  assert.equal(cursor.at(1.03).flying.size, 1);
  assert.equal(cursor.at(1.04).flying.size, 0);
  assert.equal(cursor.at(1.04).count.lost, 1);
});

test("a packet whose fate a recording does not tell is unknown", () => {
  const event = sent(0, 1);
  delete event.fates;
  assert.equal(packetAt(logOf([event]).packets.get(0), 5).state, "unknown");
});

test("a packet is late if one that left after it came before it", () => {
  const log = logOf([sent(0, 1), sent(1, 1.01), arrived(1, 1.11), arrived(0, 1.12)]);
  assert.equal(log.packets.get(0).arrivals[0].late, true);
  assert.equal(log.packets.get(1).arrivals[0].late, false);
});

test("what is in sight left before its end and was under way after its start", () => {
  const log = logOf([sent(0, 1), arrived(0, 3), sent(1, 2), arrived(1, 2.1), sent(2, 4)]);
  assert.deepEqual(log.between(2.5, 3.5).map(each => each.n), [0]);
  assert.deepEqual(log.between(0, 9).map(each => each.n), [0, 1, 2]);
  assert.deepEqual(log.between(4, 9).map(each => each.n), [2]);
});

test("the queues fill, and empty", () => {
  const cursor = new Cursor(logOf(LOST_FIRST));
  let state = cursor.at(1.5);
  assert.equal(state.sendQueue("near", 0).length, 4);
  assert.equal(state.receiveQueue("far", 0).held.length, 3);
  assert.equal(state.receiveQueue("far", 0).missing, 0);
  state = cursor.at(2.05);
  assert.deepEqual(state.sendQueue("near", 0).map(each => each.attempt), [2, 1, 1, 1]);
  state = cursor.at(2.1);
  assert.equal(state.receiveQueue("far", 0).held.length, 0);
  assert.equal(state.receiveQueue("far", 0).missing, 401);
  assert.equal(state.sendQueue("near", 0).length, 4);
  assert.equal(cursor.at(2.2).sendQueue("near", 0).length, 0);
});

test("the state at T is the same, however one comes there", () => {
  const log = logOf(LOST_FIRST);
  const wandering = new Cursor(log);
  for (const T of [1.5, 0, 2.2, 1.12, 2.05, 1.05, 2.1]) {
    const { flows, count, flying } = wandering.at(T);
    const fresh = new Cursor(log).at(T);
    assert.deepEqual({ flows, count, flying }, { flows: fresh.flows, count: fresh.count, flying: fresh.flying });
  }
});

test("of thousands of flows the log knows the newest, and no more", () => {
  const log = new EventLog(300);
  const cursor = new Cursor(log);
  for (let flow = 0; flow < 3000; flow++) {
    log.take(sent(flow, flow, { flow }));
    log.take(arrived(flow, flow + 0.1, { flow }));
    log.take({ event: "program", side: "far", what: "read", flow, bytes: 5, t: flow + 0.2 });
  }
  const state = cursor.at(4000);
  for (const known of [log.highest, log.packets, state.read.far, state.flows, log.events])
    assert.ok((known.size ?? known.length) <= 1000);
  assert.equal(state.read.far.get(2999), 5);
});

test("a log that has dropped its oldest events still knows what follows from them", () => {
  const many = [];
  for (let n = 0; n < 100; n++)
    many.push(data(n, n, n), arrived(n, n + 0.1), { event: "program", t: n + 0.2, side: "far", what: "read", bytes: 100, flow: 0 });
  const whole = logOf(many);
  const short = logOf(many, 90);
  assert.ok(short.events.length <= 90);
  assert.equal(short.dropped + short.events.length, 300);
  const [first, second] = [new Cursor(whole).at(100), new Cursor(short).at(100)];
  assert.deepEqual(first.flows, second.flows);
  assert.equal(second.read.far.get(0), 10000);
  assert.equal(second.count.sent, 100);
  assert.equal(short.order[0].n, Math.min(...short.packets.keys()));
  // A cursor that was in the middle of what has been dropped goes on.
  const log = logOf(many.slice(0, 60), 90);
  const cursor = new Cursor(log);
  cursor.at(5);
  for (const event of many.slice(60)) log.take(event);
  assert.equal(cursor.at(100).count.sent, 100);
});

test("an abort empties the queues of both ends", () => {
  const reset = [...LOST_FIRST.slice(0, 7), sent(4, 1.5, { flags: "R", direction: "down", ack: null }),
    arrived(4, 1.6, { direction: "down" })];
  const cursor = new Cursor(logOf(reset));
  assert.equal(cursor.at(1.55).receiveQueue("far", 0).held.length, 0);
  assert.equal(cursor.at(1.55).sendQueue("near", 0).length, 4);
  assert.equal(cursor.at(1.6).sendQueue("near", 0).length, 0);
});

test("a discarded copy acknowledges nothing", () => {
  const cursor = new Cursor(logOf([data(0, 1, 0),
    sent(1, 1.1, { direction: "down", ack: 101, fates: ["corrupted"] }),
    arrived(1, 1.2, { direction: "down", effect: "discarded" })]));
  assert.equal(cursor.at(2).sendQueue("near", 0).length, 1);
});

test("the figures are those in force at T, none where they are the default", () => {
  const change = (t, direction, figures) => ({ event: "changed", t, n: 0, direction, figures });
  const cursor = new Cursor(logOf([change(1, "up", { loss: "10%" }), change(2, "both", { delay: "20ms" }),
    change(3, "up", { loss: "0%" }), change(4, "both", { line: "cut" }), change(5, "both", { line: "healed" })]));
  assert.deepEqual(cursor.at(2.5).changes, { up: { loss: "10%", delay: "20ms" }, down: { delay: "20ms" } });
  assert.equal(cursor.at(3).changes.up.loss, "");
  assert.equal(cursor.at(4).changes.down.blackout, "on");
  assert.equal(cursor.at(5).changes.down.blackout, "");
});

test("the flow that is meant is the newest, and it does not flicker", () => {
  const cursor = new Cursor(logOf([sent(0, 1, { flags: "S" }), sent(1, 2, { flow: 1, protocol: "udp" }),
    sent(2, 2.1), sent(3, 2.2, { flow: 1, protocol: "udp" }), sent(4, 5),
    sent(5, 5.1, { flow: 2, protocol: "icmp" })]));
  assert.deepEqual([1, 2, 2.1, 2.2, 5, 5.1].map(T => cursor.at(T).newest), [0, 1, 1, 1, 0, 0]);
});

test("what the kernel said last is what holds, and gaps add up", () => {
  const cursor = new Cursor(logOf([kernel(1, { cwnd: 10 }), kernel(2, { cwnd: 20 }),
    { event: "gap", t: 2, dropped: 5 }, kernel(2.8, { cwnd: 20 }), { event: "gap", t: 3, dropped: 7 }]));
  assert.equal(cursor.at(1.5).socket("near", 0).cwnd, 10);
  assert.equal(cursor.at(2.5).socket("near", 0).cwnd, 20);
  assert.equal(cursor.at(2.5).socket("far", 0), null);
  assert.equal(cursor.at(2.5).dropped, 5);
  assert.equal(cursor.at(3).dropped, 12);
});
