"""
What a long lesson costs the browser.
"""

from __future__ import annotations

from tests.badwire.live.page.browsing import BrowserCase

#: How many seconds of a lesson come at a time.
PART = 5

# some seconds of a busy lesson, from a time on: 60 packets and 20 snapshots of the kernel a second,
# a connection every three seconds, one packet of eleven lost; returns how many events there were
_LESSON = """
const [from, seconds] = arguments;
window.made ??= { n: 0, id: 0 };
const events = [];
for (let t = from; t < from + seconds; t += 1 / 60) {
  const n = made.n++;
  const common = { n, t, flow: Math.floor(t / 3), direction: n % 2 ? "down" : "up" };
  const fates = n % 11 ? [] : ["lost"];
  events.push({ ...common, event: "sent", protocol: "tcp", version: 4, source: 40000,
    destination: 51423, length: n % 3 ? 0 : 100, flags: "PA", seq: 1 + n * 50, ack: 1 + n * 50,
    attempt: n % 13 ? 1 : 2, fates, delay_ms: 200, checksum: true, head: "68656c6c6f",
    fragment: null, window: 64000, quotes: null, asks: null });
  if (!fates.length) events.push({ ...common, event: "arrived", t: t + 0.2, copy: 0, released: 0,
    effect: n % 3 ? "acknowledgement" : "delivered" });
  if (n % 3 === 0) events.push({ event: "kernel", t, sockets: ["near", "far"].map(side => ({
    side, flow: common.flow, protocol: "tcp", state: "ESTABLISHED", timer: "retransmit",
    expires_ms: 300, rto_ms: 600, srtt_ms: 400, cwnd: 10, ssthresh: null, unacked: 2, retrans: 0,
    total_retrans: 1, recv_q: 0, send_q: 100, pacing_rate: 1000, delivery_rate: 1000 })) });
  if (n % 30 === 0) events.push({ event: "program", t, side: "far", protocol: "tcp",
    flow: common.flow, what: "read", text: "hello world", bytes: 11 });
}
events.sort((a, b) => a.t - b.t);
made.id += events.length;
stream.onmessage({ data: JSON.stringify(events), lastEventId: String(made.id) });
return made.id;
"""

_FRAME = "const [told] = arguments; requestAnimationFrame(() => requestAnimationFrame(told));"


class MemoryTests(BrowserCase):
    """
    The page keeps what it needs, however long it is open.
    """

    def test_tenMinutes(self) -> None:
        """
        Ten minutes of a busy lesson, 36,000 packets, in a minute: from the fifth minute on neither
        the memory nor the elements of the page grow, and no listener is added at all.
        """
        self.reachable()
        self.live()
        self.browser.execute_script("document.getElementById('text').open = true")
        self.browser.execute_cdp_cmd("Performance.enable", {})
        before = self.measure()
        seen = []
        for minute in range(10):
            for place in range(60 // PART):
                at = 10 + minute * 60 + place * PART
                count = self.browser.execute_script(_LESSON, at, PART)
                self.browser.execute_async_script(_FRAME)
            seen.append(self.measure())
            print(f"minute {minute + 1}: {count} events, {seen[-1]}")
        self.wait(lambda: len(self.packets()) == 2000, "the newest are in the table")
        self.assertGreater(count, 80_000)
        half = seen[4]
        for name in ("heap", "nodes"):
            self.assertLess(max(each[name] for each in seen[5:]), 1.6 * half[name], (name, seen))
        self.assertLess(seen[-1]["heap"], 36_000_000)
        self.assertEqual({each["listeners"] for each in seen}, {before["listeners"]})

    def measure(self) -> dict[str, int]:
        """
        What the page has: bytes of memory, elements and listeners, after what is unused is gone.
        """
        self.browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        metrics = self.browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        heap = next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")
        counted = self.browser.execute_cdp_cmd("Memory.getDOMCounters", {})
        return {
            "heap": int(heap),
            "nodes": counted["nodes"],
            "listeners": counted["jsEventListeners"],
        }
