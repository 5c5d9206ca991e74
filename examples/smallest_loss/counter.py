"""
A counter of visits over UDP, and a client that asks again where no answer comes.
"""

from __future__ import annotations

import socket
import threading

WAIT = 0.25  # seconds
ATTEMPTS = 5


class Counter:
    """
    The server: each datagram is a visit, and its answer is their number.
    """

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("", 7001))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            _, client = self._socket.recvfrom(100)
            self.visits += 1
            self._socket.sendto(str(self.visits).encode(), client)


def visit() -> int:
    """
    Count one visit; where no answer comes, try again from a new socket.
    """
    for _ in range(ATTEMPTS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(WAIT)
            client.connect(("far4.wire", 7001))
            client.send(b"visit")
            try:
                return int(client.recv(100))
            except TimeoutError:
                pass
    raise TimeoutError("the counter does not answer")


def visits(times: int) -> int:
    """
    Visit so many times, and return what the counter says.
    """
    counter = Counter()
    for _ in range(times):
        visit()
    return counter.visits
