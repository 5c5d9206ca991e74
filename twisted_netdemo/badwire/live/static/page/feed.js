// What the page hears from the run, and what it asks of it.

// How long the page waits before it tries again, in milliseconds.
const AGAIN = 1000;

export class Feed {
  #source = null;
  #isOver = false;

  /**
   * onMessage(id, events), onState('connecting' | 'live' | 'lost' | 'over').
   */
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
  }

  /** The run's time and figures now, or null. */
  async state() {
    try {
      const reply = await fetch("state");
      return reply.ok ? await reply.json() : null;
    } catch {
      return null;
    }
  }

  connect() {
    // A browser resumes by itself after a cut; after it gave up, the page does.
    const source = new EventSource("events");
    this.#source = source;
    source.onopen = () => this.onState("live");
    source.onmessage = message => {
      const events = JSON.parse(message.data);
      this.onMessage(Number(message.lastEventId) || 0, events);
      if (events.some(each => each.event === "over")) this.close();
    };
    source.onerror = () => {
      if (this.#isOver) return;
      this.onState("lost");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#again(source), AGAIN);
    };
  }

  close() {
    this.#isOver = true;
    this.#source?.close();
    this.onState("over");
  }

  /**
   * Asks something of the run.
   *
   * Returns {error, figure}: `error` is empty if it was done.
   */
  async post(name, body) {
    if (this.#isOver) return { error: null };
    try {
      const reply = await fetch(name, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      if (reply.ok) return { error: "" };
      const told = await reply.json().catch(() => ({}));
      return { error: told.error ?? `${reply.status}`, figure: told.figure };
    } catch {
      return { error: null };
    }
  }

  async #again(source) {
    if (this.#isOver || this.#source !== source) return;
    // Another run at this address does not know this page: its own one has ended.
    const status = await fetch("state").then(reply => reply.status, () => 0);
    if (status === 403) this.close();
    else if (status === 0) setTimeout(() => this.#again(source), AGAIN);
    else this.connect();
  }
}
