// Events as the stream has them.

export const STATIC = new URL("../../../twisted_netdemo/badwire/live/static/", import.meta.url);

export const load = name => import(new URL(name, STATIC));

export function sent(n, t, fields = {}) {
  return {
    event: "sent", n, t, flow: 0, direction: "up", protocol: "tcp", version: 4, source: 40000,
    destination: 51423, length: 0, flags: "A", seq: 1, ack: 1, attempt: 1, fates: [], delay_ms: 100,
    checksum: true, head: "", fragment: null, window: 64000, quotes: null, asks: null, ...fields,
  };
}

export function arrived(n, t, fields = {}) {
  return { event: "arrived", n, t, flow: 0, direction: "up", copy: 0, effect: "delivered", released: 0, ...fields };
}

/** A data segment of 100 bytes: the first is number 0. */
export function data(n, t, place, fields = {}) {
  return sent(n, t, { length: 100, flags: "PA", seq: 1 + place * 100, ...fields });
}

export function counters(t, probes, timeouts) {
  return { event: "counters", t, rows: [], tlp: { probes, timeouts } };
}

export function kernel(t, fields = {}) {
  const socket = { side: "near", flow: 0, protocol: "tcp", state: "ESTABLISHED", timer: "none",
    expires_ms: 0, rto_ms: 1000, srtt_ms: 200, cwnd: 10, ssthresh: null, unacked: 0, ...fields };
  return { event: "kernel", t, sockets: [socket] };
}

/** Four segments; the first is lost, the others come early, and the first is sent again. */
export const LOST_FIRST = [
  data(0, 1, 0, { fates: ["lost"], delay_ms: 0 }),
  data(1, 1.01, 1), data(2, 1.02, 2), data(3, 1.03, 3),
  arrived(1, 1.11, { effect: "held" }), arrived(2, 1.12, { effect: "held" }), arrived(3, 1.13, { effect: "held" }),
  data(4, 2, 0, { attempt: 2 }),
  arrived(4, 2.1, { released: 300 }),
  sent(5, 2.1, { direction: "down", ack: 401 }),
  arrived(5, 2.2, { direction: "down", effect: "acknowledgement" }),
];
