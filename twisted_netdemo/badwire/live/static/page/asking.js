// What the page asks of the run: to send, to lose, to end.

import { byId, set } from "../base/dom.js";
import { toast } from "../base/toast.js";

const TRANSFER = 100000;
// More than a receiver's buffer takes, so that its window closes.
const SLOW = 1000000;

/** app: {feed, language, isOver, isPast()}. */
export class Asking {
  #isSlow = false;

  constructor(app) {
    this.app = app;
    byId("say").addEventListener("submit", event => {
      event.preventDefault();
      const protocol = document.querySelector('[name="protocol"]:checked').value;
      this.ask("say", { protocol, text: byId("line").value });
    });
    byId("transfer").addEventListener("click", () => this.ask("transfer", { bytes: TRANSFER, reader: "fast" }));
    byId("slow").addEventListener("click", () => this.#slow());
    for (const [direction, words] of [["up", "loseUpArmed"], ["down", "loseDownArmed"]])
      byId(`lose-next-${direction}`).addEventListener("click", async () => {
        const { error } = await this.ask("lose", { next: direction, what: "data" });
        if (error === "") toast(app.language.say(words));
      });
    byId("stop").addEventListener("click", () => {
      if (confirm(app.language.say("sureStop"))) this.ask("stop", {});
    });
  }

  /** Asks, and says why where it is refused. */
  async ask(name, body) {
    const reply = await this.app.feed.post(name, body);
    const none = this.app.isOver ? "status_over" : "noAnswer";
    if (reply.error !== "") toast(reply.error ?? this.app.language.say(none));
    return reply;
  }

  lose(n) {
    if (this.app.isPast()) toast(this.app.language.say("notWhilePaused"));
    else this.ask("lose", { n });
  }

  retranslate() {
    byId("slow").textContent = this.app.language.say(this.#isSlow ? "slowRead" : "slow");
  }

  async #slow() {
    const body = this.#isSlow ? { bytes: 0, reader: "fast" } : { bytes: SLOW, reader: "slow" };
    const { error } = await this.ask("transfer", body);
    if (error !== "") return;
    this.#isSlow = !this.#isSlow;
    set(byId("slow"), "aria-pressed", this.#isSlow);
    this.retranslate();
  }
}
