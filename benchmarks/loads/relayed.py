"""
A relay's client and its target: each datagram there and back, with the right bytes.

  relayed.py PORT TARGET closed FLIGHT N   FLIGHT are sent, come back, and so on
  relayed.py PORT TARGET open RATE N       one every 1/RATE seconds, come what may
  relayed.py PORT TARGET late DELAY N      how much later than DELAY seconds each arrives

The relay's target is port TARGET, here. A unit is a datagram in one direction.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from collections.abc import Callable

from datagrams import MOST
from figures import report

_SILENCE = 5  # seconds after which a datagram is taken to be lost


class Load:
    """
    @ivar took: seconds from sending to the return, of each datagram that came back.
    """

    def __init__(self, port: int, target: int) -> None:
        self.client, self.target = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)
        )
        self.target.bind(("127.0.0.1", target))
        self.client.connect(("127.0.0.1", port))
        for each in (self.client, self.target):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _SILENCE, 0))
        self.poll = select.epoll()
        self.doings: dict[int, Callable[[], None]] = {
            self.client.fileno(): self.arrive,
            self.target.fileno(): self.turn,
        }
        for number in self.doings:
            self.poll.register(number, select.EPOLLIN)
        # when they were sent, by what is to come
        self.up: dict[bytes, float] = {}
        self.down: dict[bytes, float] = {}
        self.took: list[float] = []
        self.sent = 0

    def send(self, began: float) -> None:
        data = b"%0160d" % self.sent
        self.sent += 1
        self.up[data] = began
        self.client.send(data)

    def turn(self) -> None:
        """
        What has come to the target is sent back.
        """
        data, address = self.target.recvfrom(2048)
        self.down[data] = self.up.pop(data)
        self.target.sendto(data, address)

    def arrive(self) -> None:
        self.took.append(time.perf_counter() - self.down.pop(self.client.recv(2048)))


def closed(load: Load, flight: int, datagrams: int) -> None:
    while load.sent < datagrams:
        group = min(flight, datagrams - load.sent)
        for _ in range(group):
            load.send(time.perf_counter())
        for _ in range(group):
            load.turn()
        for _ in range(group):
            load.arrive()


def opened(load: Load, rate: float, datagrams: int) -> None:
    start = last = time.perf_counter()
    while load.sent < datagrams or load.up or load.down:
        due = start + load.sent / rate
        underWay = load.sent - len(load.took)
        if underWay < MOST and load.sent < datagrams and time.perf_counter() >= due:
            # What is sent late has waited: the time counts from when it was due.
            load.send(due)
        for number, _ in load.poll.poll(0):
            load.doings[number]()
            last = time.perf_counter()
        if time.perf_counter() > last + _SILENCE:
            raise BlockingIOError


def late(load: Load, delay: float, datagrams: int) -> None:
    for _ in range(datagrams):
        began = time.perf_counter()
        load.send(began)
        del load.up[load.target.recv(2048)]
        load.took.append(time.perf_counter() - began - delay)
        time.sleep(0.0007)  # so that the relay has gone to sleep


def main(port: str, target: str, mode: str, how: str, datagrams: str) -> None:
    load = Load(int(port), int(target))
    start = time.perf_counter()
    try:
        if mode == "late":
            late(load, float(how), int(datagrams))
        elif mode == "open":
            opened(load, float(how), int(datagrams))
        else:
            closed(load, int(how), int(datagrams))
    except BlockingIOError:
        raise SystemExit(f"{len(load.up) + len(load.down)} datagrams are missing") from None
    except KeyError as error:
        raise SystemExit(f"a datagram that is not due: {error}") from None
    units = load.sent if mode == "late" else 2 * load.sent
    report(units, time.perf_counter() - start, load.took)


if __name__ == "__main__":
    main(*sys.argv[1:])
