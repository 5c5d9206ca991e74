// Which moment T is shown. Pausing, slowness and replay act on the picture alone. Pure: every method
// is told the time. All times are in seconds.

// The picture is as late as this, so that most of what it shows is known when it is drawn.
export const LAG = 0.08;
const REPLAY = 10;

/** The run's time, as far as it is known here: no event comes before it happened. */
export class RunTime {
  #ahead = null;

  get isKnown() {
    return this.#ahead !== null;
  }

  /** t: the run's time in what has come; here: this page's time. */
  observe(t, here) {
    this.#ahead = this.#ahead === null ? t - here : Math.max(this.#ahead, t - here);
  }

  at(here) {
    return this.#ahead === null ? 0 : here + this.#ahead;
  }
}

export class PictureClock {
  mode = "live";
  speed = 1;
  /** The end of a run that is over, or of a recording. */
  end = null;
  #since = 0;
  #from = 0;

  /** The newest moment that can be shown. */
  newest(now) {
    return this.end === null ? now - LAG : Math.min(now - LAG, this.end);
  }

  at(now) {
    const newest = this.newest(now);
    if (this.mode === "live") return newest;
    if (this.mode === "paused") return Math.min(this.#from, newest);
    return Math.min(this.#from + (now - this.#since) * this.speed, newest);
  }

  /** How far the picture is behind. */
  behind(now) {
    return this.newest(now) - this.at(now);
  }

  pause(now) {
    this.seek(this.at(now), now);
  }

  /** Goes on from where it is. */
  resume(now) {
    this.#go(this.at(now), now);
  }

  setSpeed(speed, now) {
    const T = this.at(now);
    const isPaused = this.mode === "paused";
    this.speed = speed;
    if (this.mode === "live" && speed === 1) return;
    this.#go(T, now);
    if (isPaused) this.mode = "paused";
  }

  replay(now, seconds = REPLAY) {
    this.#go(Math.max(0, this.at(now) - seconds), now);
  }

  toNow() {
    this.mode = "live";
    this.speed = 1;
  }

  /** Shows the moment T, paused. */
  seek(T, now) {
    this.#from = Math.max(0, Math.min(T, this.newest(now)));
    this.mode = "paused";
  }

  #go(T, now) {
    this.#from = T;
    this.#since = now;
    this.mode = "replay";
  }
}
