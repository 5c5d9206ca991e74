"""
udpcount's clients, and an echo's: each datagram is answered once, with the right bytes.

  datagrams.py PORT WHAT closed FLIGHT N [SOURCES]   FLIGHT are sent, and answered, and so on
  datagrams.py PORT WHAT open RATE N                 one every 1/RATE seconds, come what may

WHAT is C{count} or C{echo}. SOURCES are addresses of the loopback range.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import time
from collections import deque

from figures import report

# How many may be under way: what a socket's buffer holds by default, and some room.
MOST = 128
_SILENCE = 5  # seconds after which an answer is taken to be lost
_IP_PKTINFO = 8  # of linux/in.h
_FIRST = int(ipaddress.ip_address("127.64.0.0"))


class Load:
    """
    @ivar took: seconds from sending to the answer, of each datagram that was answered.
    """

    def __init__(self, port: int, counts: bool, sources: int = 1) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _SILENCE, 0))
        self.server = "127.0.0.1", port
        # One socket is all of them: a datagram may name the address that it shall leave from.
        self.hosts = [str(ipaddress.ip_address(_FIRST + n)) for n in range(sources)]
        self.leaves = [
            [(socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("i4s4x", 0, socket.inet_aton(host)))]
            for host in self.hosts
        ]
        if sources == 1:
            self.udp.bind((self.hosts[0], 0))
            self.udp.connect(self.server)
        else:
            self.udp.bind(("0.0.0.0", 0))
        number = self.udp.getsockname()[1]
        self.counts = counts
        self.words = [
            f"Welcome, ('{host}', {number})\nYou entered %d characters.\n".encode()
            for host in self.hosts
        ]
        # when they were sent, by the answer that is due
        self.waiting: dict[bytes, deque[float]] = {}
        self.took: list[float] = []
        self.sent = 0

    def send(self, began: float) -> None:
        n = self.sent
        self.sent = n + 1
        data = b"%07d" % n
        source = n % len(self.hosts)
        if self.counts:
            data = data[: n % 8]
            due = self.words[source] % len(data)
        else:
            due = data
        self.waiting.setdefault(due, deque()).append(began)
        if len(self.hosts) == 1:
            self.udp.send(data)
        else:
            self.udp.sendmsg((data,), self.leaves[source], 0, self.server)

    def receive(self, flags: int = 0) -> None:
        """
        @raise BlockingIOError: nothing has come.
        """
        answer = self.udp.recv(2048, flags)
        due = self.waiting.get(answer)
        if not due:
            raise SystemExit(f"an answer that is not due: {answer!r}")
        self.took.append(time.perf_counter() - due.popleft())
        if not due:
            del self.waiting[answer]


def closed(load: Load, flight: int, datagrams: int) -> None:
    while load.sent < datagrams:
        group = min(flight, datagrams - load.sent)
        for _ in range(group):
            load.send(time.perf_counter())
        for _ in range(group):
            try:
                load.receive()
            except BlockingIOError:
                raise SystemExit(f"{len(load.waiting)} answers are missing") from None


def opened(load: Load, rate: float, datagrams: int) -> None:
    start = last = time.perf_counter()
    while load.sent < datagrams or load.waiting:
        due = start + load.sent / rate
        now = time.perf_counter()
        underWay = load.sent - len(load.took)
        if underWay < MOST and load.sent < datagrams and now >= due:
            # What is sent late has waited: the time counts from when it was due.
            load.send(due)
        elif load.waiting:
            try:
                load.receive(socket.MSG_DONTWAIT)
                last = now
            except BlockingIOError:
                if now > last + _SILENCE:
                    raise SystemExit(f"{len(load.waiting)} answers are missing") from None


def main(port: str, what: str, mode: str, how: str, datagrams: str, sources: str = "1") -> None:
    load = Load(int(port), what == "count", int(sources))
    start = time.perf_counter()
    if mode == "closed":
        closed(load, int(how), int(datagrams))
    else:
        opened(load, float(how), int(datagrams))
    report(load.sent, time.perf_counter() - start, load.took)


if __name__ == "__main__":
    main(*sys.argv[1:])
