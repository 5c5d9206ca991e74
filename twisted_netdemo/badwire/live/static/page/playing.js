// Pause, speed, replay, back to now: they act on the picture alone.

import { byId, say, set } from "../base/dom.js";
import { listen, showHelp } from "./keys.js";

// How many seconds the ladder has in sight.
const SPANS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60];

/**
 * app: {clock, log, ladder, language, now(), isRecording, loseNth(place), redraw()}.
 */
export class Playing {
  constructor(app) {
    this.app = app;
    const { ladder } = app;
    for (const seconds of SPANS) byId("span").append(new Option("", seconds, false, seconds === ladder.span));
    byId("span").addEventListener("change", () => this.#setSpan(Number(byId("span").value)));
    byId("pause").addEventListener("click", () => this.pause());
    byId("speed").addEventListener("change", () => {
      app.clock.setSpeed(Number(byId("speed").value), app.now());
      app.redraw();
    });
    byId("replay").addEventListener("click", () => this.replay());
    byId("now").addEventListener("click", () => this.toNow());
    byId("time").addEventListener("input", () => {
      app.clock.seek(Number(byId("time").value), app.now());
      app.redraw();
    });
    byId("present").addEventListener("click", () => this.present());
    byId("keys").addEventListener("click", () => byId("help").showModal());
    const zoomIn = () => this.zoom(-1);
    const zoomOut = () => this.zoom(1);
    listen({
      " ": () => this.pause(),
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      ArrowUp: zoomIn,
      ArrowDown: zoomOut,
      "+": zoomIn,
      "-": zoomOut,
      r: () => this.replay(),
      n: () => this.toNow(),
      p: () => this.present(),
      Escape: () => document.documentElement.classList.contains("present") && this.present(),
      "?": () => byId("help").showModal(),
      digit: place => app.loseNth(place),
    });
  }

  retranslate() {
    const { language } = this.app;
    for (const option of byId("span").options) {
      const seconds = Number(option.value);
      const span = seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`;
      say(option, language.say("spanOf", { span }));
    }
    showHelp(language);
  }

  pause() {
    const { clock, log } = this.app;
    const now = this.app.now();
    if (clock.mode !== "paused") clock.pause(now);
    else if (this.app.isRecording && clock.behind(now) < 1e-6) clock.replay(now, log.end);
    else clock.resume(now);
    this.app.redraw();
  }

  replay() {
    const { clock, log, isRecording } = this.app;
    if (isRecording) clock.replay(this.app.now(), log.end);
    else clock.replay(this.app.now());
    this.app.redraw();
  }

  toNow() {
    const { clock, isRecording } = this.app;
    if (isRecording) clock.seek(Infinity, this.app.now());
    else clock.toNow();
    byId("speed").value = String(clock.speed);
    this.app.redraw();
  }

  /** Shows the moment of the next event, or of the one before. */
  step(way) {
    const { clock, log } = this.app;
    const now = this.app.now();
    const T = clock.at(now);
    let place = log.countAt(T);
    const isSeen = ({ event }) => event.event === "sent" || event.event === "arrived" || event.event === "taken";
    if (way > 0) while (place < log.events.length && !isSeen(log.events[place])) place++;
    else {
      place--;
      while (place >= 0 && (log.events[place].at >= T || !isSeen(log.events[place]))) place--;
    }
    const found = log.events[place];
    clock.seek(found ? found.at : T, now);
    this.app.redraw();
  }

  zoom(way) {
    const place = SPANS.indexOf(this.app.ladder.span) + way;
    if (place >= 0 && place < SPANS.length) this.#setSpan(SPANS[place]);
  }

  /** Chooses how much time is in sight, so that so many seconds are. */
  fit(seconds) {
    this.#setSpan(SPANS.find(each => each >= seconds) ?? SPANS.at(-1));
  }

  #setSpan(seconds) {
    this.app.ladder.span = seconds;
    byId("span").value = String(seconds);
    this.app.ladder.clear();
    this.app.redraw();
  }

  present() {
    const isOn = document.documentElement.classList.toggle("present");
    set(byId("present"), "aria-pressed", isOn);
    this.app.ladder.measure();
    this.app.redraw();
  }

  draw() {
    const { clock, language } = this.app;
    const now = this.app.now();
    const isPaused = clock.mode === "paused";
    set(document.body, "data-picture", clock.mode);
    set(byId("pause"), "aria-pressed", isPaused);
    say(byId("pause"), language.say(isPaused ? "goOn" : "pause"));
    byId("now").disabled = clock.mode === "live";
    const { log } = this.app;
    const slider = byId("time");
    set(slider, "min", log.events[0]?.at ?? 0);
    set(slider, "max", Math.max(0.001, clock.newest(now)).toFixed(3));
    if (slider !== document.activeElement || clock.mode !== "paused") slider.value = clock.at(now);
  }
}
