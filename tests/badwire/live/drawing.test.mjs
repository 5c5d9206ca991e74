import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { data, kernel, load, sent, STATIC } from "./events.mjs";

const { EventLog } = await load("model/log.js");
const { label } = await load("model/packet.js");
const { beginning, columns, onOneLine, snippet } = await load("model/payload.js");
const { clockText, rates, roundUp, step, windows } = await load("model/series.js");
const { kinds, line, marks, point } = await load("model/shapes.js");
const { report } = await load("model/report.js");
const { fill, rateText, spanText } = await load("model/words.js");
const [en, de] = ["en", "de"].map(name => JSON.parse(readFileSync(new URL(`texts/${name}.json`, STATIC))));

const WORDS = { byte: "byte", bytes: "bytes", part: "part", nothing: "nothing" };
const hex = text => Buffer.from(text).toString("hex");

test("labels are those of badwire show", () => {
  assert.equal(label(sent(0, 0, { flags: "S" }), WORDS), "SYN");
  assert.equal(label(sent(0, 0, { flags: "SA" }), WORDS), "SYN ACK");
  assert.equal(label(sent(0, 0, { flags: "FA" }), WORDS), "FIN");
  assert.equal(label(sent(0, 0, { ack: 6 }), WORDS), "ACK 6");
  assert.equal(label(sent(0, 0, { ack: undefined }), WORDS), "ACK ?"); // an exercise asks for it
  assert.equal(label(sent(0, 0, { flags: "", ack: null }), WORDS), "nothing");
  assert.equal(label(sent(0, 0, { flags: "R", ack: null }), WORDS), "RST");
  assert.equal(label(sent(0, 0, { flags: "FPA", length: 5, head: hex("hello") }), WORDS), 'FIN + bytes 1-5 "hello"');
  assert.equal(label(sent(0, 0, { flags: "S", seq: 0, length: 1, head: hex("x") }), WORDS), 'SYN + byte 1 "x"');
  assert.equal(label(sent(0, 0, { protocol: "udp", flags: "", length: 3, head: hex("a\nb") }), WORDS), '3 bytes "a\\nb"');
  assert.equal(label(sent(0, 0, { protocol: "icmp", flags: "", length: 8 }), WORDS), "ICMP 8 bytes");
  assert.equal(label(sent(0, 0, { protocol: "udp", fragment: 8, length: 2 }), WORDS), "part, bytes 8-9");
});

test("payload is shown as badwire show shows it", () => {
  const table = JSON.parse(readFileSync(new URL("../payload_texts.json", import.meta.url)));
  for (const { hex, more, shown, what } of table) assert.equal(snippet(hex, more), shown, what);
});

test("a text is cut between letters, and wide ones take the room of two", () => {
  assert.equal(columns("e\u0301\u4e16"), 3);
  assert.equal(beginning("e\u0301e\u0301\u4e16x", 2), "e\u0301e\u0301");
  assert.equal(beginning("e\u0301e\u0301\u4e16x", 4), "e\u0301e\u0301\u4e16");
  assert.equal(onOneLine("e\u0301e\u0301x", 2), "e\u0301e\u0301…");
});

test("an arrow goes from its start to its end", () => {
  assert.equal(line(1, 2, 3, 4), "M1.0 2.0L3.0 4.0");
  assert.equal(point(0, 0, 100, 0), "M100.0 0.0L87.0 5.5L87.0 -5.5z");
  assert.equal(point(0, 0, 0, 0).includes("NaN"), false);
});

test("a kind of packet has its own style", () => {
  const event = sent(0, 0, { fates: ["corrupted", "duplicated"] });
  assert.equal(kinds(event, {}), "passed bad");
  assert.equal(kinds(event, { isLost: true, isAgain: true }), "lost bad again");
  assert.equal(kinds(sent(0, 0), { isLate: true }), "late");
  assert.equal(kinds(sent(0, 0), { isLate: true, isCopy: true }), "copy");
  assert.equal(marks(["corrupted", "truncated"]).match(/M/g).length, 2);
  assert.equal(marks([]), "");
});

test("the rate of a span is what was sent in it", () => {
  const log = new EventLog();
  for (const event of [data(0, 0.1, 0), data(1, 0.2, 1), data(2, 1.5, 2), data(3, 1.6, 3, { direction: "down" }), data(4, 1.7, 0, { flow: 9 })])
    log.take(event);
  assert.deepEqual(rates(log, "near", 0, 0, 2, 2), [{ t: 0, value: 1600 }, { t: 1, value: 1600 }, { t: 1, value: 800 }, { t: 2, value: 800 }]);
  assert.equal(rates(log, "near", null, 0, 2, 2)[2].value, 1600);
});

test("a congestion window holds from one snapshot to the next", () => {
  const log = new EventLog();
  for (const event of [kernel(1, { cwnd: 10 }), kernel(3, { cwnd: 20 }), kernel(9, { cwnd: 5 })]) log.take(event);
  assert.deepEqual(windows(log, "near", 0, 2, 4), [{ t: 2, value: 10 }, { t: 3, value: 10 }, { t: 3, value: 20 }, { t: 4, value: 20 }]);
  assert.deepEqual(windows(log, "far", 0, 2, 4), []);
});

test("axes have round numbers", () => {
  assert.deepEqual([0, 0.7, 1, 3, 51, 1000].map(roundUp), [1, 1, 1, 5, 100, 1000]);
  assert.equal(step(5, 6), 1);
  assert.equal(clockText(0.25, 0.05), "0.25");
  assert.equal(clockText(7, 1), "7");
});

test("figures are short, and in the reader's language", () => {
  assert.equal(rateText(400000, "en"), "400 kbit/s");
  assert.equal(rateText(1.5e6, "de"), "1,5 Mbit/s");
  assert.equal(spanText(0.35, "en"), "350 ms");
  assert.equal(spanText(1.62, "de"), "1,6 s");
  assert.equal(fill("{a} of {b} {c}", { a: 1, b: 0 }), "1 of 0 {c}");
});

test("both languages have the same texts, with the same places for values", () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  const places = text => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [name, text] of Object.entries(en)) assert.deepEqual(places(de[name]), places(text), name);
});

test("a sentence tells much at once, and nothing where nothing happened", () => {
  const none = { sent: 0, lost: 0, again: 0 };
  assert.equal(report(none, none, [], en, fill), "");
  const said = report(none, { sent: 3, lost: 1, again: 1 }, [{ side: "far", what: "read", text: "hello" }], en, fill);
  assert.equal(said, "3 packets; 1 lost; 1 sent again; Far: the server: read hello");
});

test("a program's text is on one line, and no letter of any language is lost", () => {
  assert.equal(onOneLine("a\\b \"q\"\r\n\t\0\u2028"), "a\\\\b \"q\"\\r\\n\\t..");
  assert.equal(onOneLine("e\u0301 \u0928\u093f <b>"), "e\u0301 \u0928\u093f <b>");
});
