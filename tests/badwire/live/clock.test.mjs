import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./events.mjs";

const { LAG, PictureClock, RunTime } = await load("model/clock.js");

test("live is a little late, so that what is shown is known", () => {
  const clock = new PictureClock();
  assert.equal(clock.at(10), 10 - LAG);
  assert.equal(clock.mode, "live");
});

test("a paused picture stays, and goes on from there", () => {
  const clock = new PictureClock();
  clock.pause(10);
  assert.equal(clock.at(15), 10 - LAG);
  assert.equal(clock.mode, "paused");
  clock.resume(15);
  assert.equal(clock.mode, "replay");
  assert.ok(Math.abs(clock.at(17) - (12 - LAG)) < 1e-9);
  assert.ok(Math.abs(clock.behind(17) - 5) < 1e-9);
  clock.toNow();
  assert.equal(clock.at(17), 17 - LAG);
});

test("slow motion falls behind, from where it began, and a pause keeps it paused", () => {
  const clock = new PictureClock();
  clock.setSpeed(0.1, 10);
  assert.ok(Math.abs(clock.at(20) - (11 - LAG)) < 1e-9);
  clock.pause(20);
  clock.setSpeed(1, 25);
  assert.equal(clock.mode, "paused");
  assert.ok(Math.abs(clock.at(30) - (11 - LAG)) < 1e-9);
});

test("the usual speed leaves a live picture live", () => {
  const clock = new PictureClock();
  clock.setSpeed(1, 10);
  assert.equal(clock.mode, "live");
});

test("a replay begins ten seconds ago, never before the run", () => {
  const clock = new PictureClock();
  clock.replay(30);
  assert.ok(Math.abs(clock.at(30) - (20 - LAG)) < 1e-9);
  clock.toNow();
  clock.replay(4);
  assert.equal(clock.at(4), 0);
});

test("no picture is newer than now, nor than the end", () => {
  const clock = new PictureClock();
  clock.seek(99, 10);
  assert.equal(clock.at(10), 10 - LAG);
  clock.toNow();
  clock.end = 5;
  assert.equal(clock.at(10), 5);
  clock.seek(-3, 10);
  assert.equal(clock.at(10), 0);
});

test("the run's time is never before what has happened in it", () => {
  const time = new RunTime();
  assert.equal(time.isKnown, false);
  time.observe(5, 100);
  assert.equal(time.at(101), 6);
  time.observe(6.5, 101); // it came with less delay
  assert.equal(time.at(101), 6.5);
  time.observe(6.6, 103); // it came late
  assert.equal(time.at(103), 8.5);
});
