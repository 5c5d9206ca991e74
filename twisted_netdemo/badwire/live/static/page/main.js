// The page: its parts, and what a frame of it draws. All that is seen follows from the events and the
// moment T that is shown.

import { PictureClock, RunTime } from "../model/clock.js";
import { Cursor, EventLog } from "../model/log.js";
import { isAgain, label, packetAt } from "../model/packet.js";
import { EVERY, report } from "../model/report.js";
import { fill, grouped, spanText } from "../model/words.js";
import { Asking } from "./asking.js";
import { Chart } from "../ladder/chart.js";
import { Counters } from "./counters.js";
import { byId, html, say, set } from "../base/dom.js";
import { End } from "./ends.js";
import { savePicture } from "../base/exports.js";
import { Feed } from "./feed.js";
import { Figures } from "./figures.js";
import { Ladder } from "../ladder/ladder.js";
import { Language } from "../base/language.js";
import { Playing } from "./playing.js";
import { Table } from "./table.js";
import { toast } from "../base/toast.js";
import { showTask } from "./task.js";
import { Wager } from "./wager.js";

// How often a second the texts are written anew, and how often the ladder moves for those who want
// less motion.
const TEXTS = 15;
const CALM = 2;

class Page {
  #connection = "connecting";
  #shownFlow = null;
  #drawn = { T: null, news: "", redraws: 0 };
  #textsAt = 0;
  #redraws = 0;
  #spoken = null;
  #hidden = new Set();

  constructor(language, recording) {
    this.language = language;
    this.isRecording = recording !== null;
    this.log = new EventLog(recording ? Infinity : undefined);
    this.cursor = new Cursor(this.log);
    this.runTime = new RunTime();
    this.clock = new PictureClock();
    this.feed = new Feed((id, events) => this.#take(id, events), state => this.#connect(state));
    this.asking = new Asking(this);
    this.ladder = new Ladder(byId("ladder"), this.language, {
      onLose: n => this.asking.lose(n),
      onChoose: n => this.#choose(n),
      onEmpty: () => this.redraw(),
    });
    this.playing = new Playing(this);
    this.ends = ["near", "far"].map(side => new End(byId(side), this.language));
    this.chart = new Chart(byId("chart"), this.language);
    this.table = new Table(this.language);
    this.counters = new Counters(this.language);
    this.figures = new Figures(this.language,
      (direction, values) => this.feed.post("figures", { direction, figures: values }));
    this.wager = new Wager(this.language, {
      onBet: () => ({ t: this.#isLive ? this.now() : this.T(), flow: this.#shownFlow }),
      onChange: () => this.redraw(),
    });
    this.isCalm = matchMedia("(prefers-reduced-motion: reduce)");
    this.#wire();
    this.#retranslate();
    if (recording) this.#open(recording);
    else this.#start();
    requestAnimationFrame(() => this.#frame());
  }

  now() {
    return this.runTime.at(performance.now() / 1000);
  }

  T() {
    const T = this.clock.at(this.now());
    const isStill = this.clock.mode === "paused" || T === this.clock.end;
    return isStill || !this.isCalm.matches ? T : Math.floor(T * CALM) / CALM;
  }

  get #isLive() {
    return this.clock.mode === "live";
  }

  get isOver() {
    return this.#connection === "over";
  }

  isPast() {
    return !this.#isLive || this.isRecording;
  }

  redraw() {
    this.#redraws++;
  }

  loseNth(place) {
    for (const [n, digit] of this.ladder.digits) if (digit === place) this.asking.lose(n);
  }

  // What comes

  async #start() {
    const state = await this.feed.state();
    if (state) this.runTime.observe(state.t, performance.now() / 1000);
    this.feed.connect();
  }

  #open({ hello, events, task }) {
    document.body.dataset.source = "file";
    this.figures.readOnly();
    this.#greet(hello);
    this.log.takeMessage(0, [hello, ...events]);
    const { end } = this.log;
    this.clock.end = end;
    this.runTime.observe(end + 1, performance.now() / 1000);
    this.clock.seek(end, this.now());
    const first = this.log.events[0]?.at ?? 0;
    this.playing.fit(end - first);
    if (task) {
      showTask(task, this.language);
      this.ladder.asked = new Set(task.questions.map(each => each.n));
    }
    // A log alone tells nothing of programs and kernels.
    if (!this.log.events.some(({ event }) => event.event === "kernel" || event.event === "program"))
      document.body.dataset.bare = "";
    this.#connect("over");
  }

  #take(id, events) {
    const here = performance.now() / 1000;
    for (const event of events) {
      if (event.event === "hello" && !this.log.hello) this.#greet(event);
      else if (event.event !== "hello") this.runTime.observe(event.t, here);
    }
    this.log.takeMessage(id, events);
  }

  #greet({ language, lesson }) {
    if (this.language.has(language) && language !== "en" && !this.language.kept) this.#translate(language);
    if (!lesson) return;
    byId("lesson").hidden = false;
    say(byId("lesson").querySelector("h2"), `${lesson.name}: ${lesson.title}`);
    say(byId("lesson").querySelector("p"), lesson.question ?? "");
    if (lesson.line) byId("line").value = lesson.line;
    const choice = document.querySelector(`[name="protocol"][value="${lesson.protocol === "udp" ? "udp" : "tcp"}"]`);
    choice.checked = true;
  }

  #connect(state) {
    this.#connection = state;
    const status = byId("status");
    set(status, "data-state", state);
    say(status, this.language.say(`status_${this.isRecording ? "recording" : state}`));
    if (state === "over" && !this.isRecording) {
      this.clock.end = this.log.end;
      document.body.dataset.over = "";
      this.figures.readOnly();
    }
    this.redraw();
  }

  // The language

  async #translate(name) {
    if (!await this.language.choose(name)) toast(this.language.say("noAnswer"));
    this.#retranslate();
  }

  #retranslate() {
    this.language.translate();
    byId("language").value = this.language.name;
    for (const part of [this.playing, this.figures, this.wager, this.counters, this.asking, ...this.ends])
      part.retranslate();
    for (const [replay, now] of this.isRecording ? [["replayAll", "toEnd"]] : []) {
      say(byId("replay"), this.language.say(replay));
      say(byId("now"), this.language.say(now));
    }
    this.ladder.name();
    this.ladder.clear();
    this.table.clear();
    this.#connect(this.#connection);
  }

  // What is pressed

  #wire() {
    byId("language").addEventListener("change", () => {
      const name = byId("language").value;
      this.language.keep(name);
      this.#translate(name);
    });
    byId("chart-button").addEventListener("click", () => {
      const isOpen = byId("chart").toggleAttribute("hidden");
      set(byId("chart-button"), "aria-expanded", !isOpen);
      this.ladder.measure();
      this.redraw();
    });
    byId("flow").addEventListener("change", () => {
      const { value } = byId("flow");
      this.chosenFlow = value === "" ? null : Number(value);
      this.redraw();
    });
    for (const button of document.querySelectorAll("[data-folds]"))
      button.addEventListener("click", () =>
        set(button, "aria-expanded", document.body.classList.toggle(button.dataset.folds)));
    byId("export-png").addEventListener("click", () => savePicture(byId("ladder"), "ladder.png"));
  }

  #choose(n) {
    this.ladder.chosen = this.ladder.chosen === n ? null : n;
    this.redraw();
  }

  // A frame

  #frame() {
    requestAnimationFrame(() => this.#frame());
    if (!this.runTime.isKnown) return;
    const T = this.T();
    const news = `${this.log.dropped + this.log.events.length} ${this.#redraws}`;
    if (T === this.#drawn.T && news === this.#drawn.news) return;
    const here = performance.now();
    const isDue = here - this.#textsAt >= 1000 / TEXTS;
    // An empty ladder moves as seldom as the texts.
    if (!isDue && this.ladder.isEmpty && news === this.#drawn.news) return;
    const isForced = this.#redraws !== this.#drawn.redraws;
    this.#drawn = { T, news, redraws: this.#redraws };
    const state = this.cursor.at(T);
    this.#shownFlow = this.chosenFlow ?? state.newest;
    this.ladder.draw(this.log, state, T, this.chosenFlow ?? null);
    if (!isDue && !isForced && this.clock.mode !== "paused") return;
    this.#textsAt = here;
    this.#texts(state, T);
  }

  #texts(state, T) {
    this.#hidden = this.wager.draw(this.log, T);
    this.playing.draw();
    for (const end of this.ends) end.draw(state, T, this.#shownFlow, this.#hidden);
    this.table.draw(this.log, T);
    this.counters.draw(state.counters);
    // They are controls: what is in force, even while the picture shows the past.
    this.figures.show(this.#figures(this.isRecording ? state.changes : this.log.changes));
    this.#drawFlows(state);
    this.#drawWhere(T);
    this.#drawHint(state, T);
    if (!byId("chart").hasAttribute("hidden")) this.chart.draw(this.log, this.#shownFlow, this.ladder.moments(T));
    set(byId("gaps"), "hidden", state.dropped ? null : "");
    if (state.dropped) say(byId("gaps"), this.language.say("gaps", { count: grouped(state.dropped, this.language.name) }));
    this.#speak(state);
  }

  #figures(changes) {
    const { hello } = this.log;
    const first = hello?.started ?? hello?.figures ?? {};
    return { up: { ...first.up, ...changes.up }, down: { ...first.down, ...changes.down } };
  }

  #drawFlows({ flows }) {
    const select = byId("flow");
    if (select.options.length - 1 === flows.size && select.lang === this.language.name) return;
    select.lang = this.language.name;
    const options = [new Option(this.language.say("flowNewest"), "")];
    for (const { number, protocol, ports } of flows.values()) {
      const [near, far] = ports.map(port => port ?? "–");
      const name = this.language.say("flowName", { number, protocol: protocol.toUpperCase(), near, far });
      options.push(new Option(name, number));
    }
    select.replaceChildren(...options);
    select.value = this.chosenFlow === null || this.chosenFlow === undefined ? "" : String(this.chosenFlow);
  }

  #drawWhere(T) {
    const behind = spanText(this.clock.behind(this.now()), this.language.name);
    say(byId("where"), this.isRecording ? "" : this.language.say(this.#isLive ? "picture_now" : "picture_past", { behind }));
    const seed = this.log.hello?.seed;
    say(byId("moment"), `${Math.max(0, T).toFixed(1)} s`);
    // An exercise does not tell its seed, from which all could be drawn again.
    say(byId("seed"), seed === undefined || seed === null ? "" : this.language.say("seed", { seed }));
  }

  #drawHint(state, T) {
    let packet = this.log.packets.get(this.ladder.chosen);
    if (packet && packet.sent.t < T - this.ladder.span - this.log.longest) packet = this.ladder.chosen = undefined;
    let text = "";
    if (packet && packetAt(packet, T)) text = this.#details(packet, T);
    else if (!state.count.sent) text = this.language.say("ladderEmpty");
    else if (this.isPast()) text = this.isRecording ? "" : this.language.say("ladderReplay");
    else if (this.isOver) text = "";
    else if (this.#connection === "lost") text = this.language.say("noAnswer");
    else text = this.language.say("ladderHint");
    if (!packet && this.ladder.drawnAsOne)
      text += ` ${this.language.say("drawnAsOne", { count: this.ladder.drawnAsOne })}`;
    say(byId("hint"), text);
  }

  #details(packet, T) {
    const { sent } = packet;
    const seen = packetAt(packet, T);
    const { language } = this;
    const parts = [`${packet.n}: ${sent.protocol.toUpperCase()} ${label(sent, language.ofPackets)}`, `${sent.t.toFixed(6)} s`];
    if (sent.window !== null && sent.window !== undefined) parts.push(`ACK ${sent.ack ?? "–"}, window ${sent.window}`);
    if (isAgain(sent)) parts.push(language.say("attempt", { attempt: sent.attempt }));
    for (const fate of sent.fates ?? []) parts.push(language.say(`fate_${fate}`));
    if (seen.state === "lost" && packet.taken !== null) parts.push(language.say("lostByHand"));
    for (const each of seen.arrivals) parts.push(`${each.t.toFixed(6)} s: ${language.say(`effect_${each.effect}`)}*`);
    return parts.join(" · ");
  }

  #speak({ count, program }) {
    const here = performance.now() / 1000;
    const lines = [...program.near, ...program.far].sort((a, b) => a.t - b.t);
    const last = lines.at(-1) ?? null;
    if (!this.#spoken) this.#spoken = { at: here, count: { ...count }, last };
    if (here - this.#spoken.at < EVERY) return;
    const news = last === this.#spoken.last || this.#hidden.size ? [] : [last];
    const text = report(this.#spoken.count, count, news.filter(Boolean), this.language.words, fill);
    if (text) byId("said").replaceChildren(html("p", {}, text));
    this.#spoken = { at: here, count: { ...count }, last };
  }
}

const language = new Language();

async function begin() {
  if (!await language.choose(language.kept ?? navigator.language.slice(0, 2))) {
    setTimeout(begin, 1000);
    return;
  }
  const data = byId("recording");
  new Page(language, data ? JSON.parse(data.textContent) : null);
}

begin();
