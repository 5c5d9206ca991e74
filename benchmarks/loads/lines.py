"""
linecount's clients: whole sessions, every answer checked.

  lines.py PORT closed CLIENTS SESSIONS   so many clients, each beginning again as it ends
  lines.py PORT open RATE SESSIONS        a session begins every 1/RATE seconds, come what may
  lines.py PORT idle CONNECTIONS          held open, without a line, until stdin ends
"""

from __future__ import annotations

import gc
import json
import resource
import select
import socket
import sys
import time

from figures import report

LINE = b"123\n"
ANSWER = b"You entered 3 characters.\n"

_SOURCES = [f"127.1.0.{last}" for last in range(1, 201)]
_BIND_ADDRESS_NO_PORT = 24  # of linux/in.h: the port is chosen by connect, for the pair


def connected(address: tuple[str, int], index: int) -> socket.socket:
    """
    A connection from one of 200 addresses of the loopback range, since servers may limit those
    from one. On loopback it is there, or is refused, when connect returns.
    """
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
    connection.bind((_SOURCES[index % len(_SOURCES)], 0))
    connection.connect(address)
    return connection


class Session:
    __slots__ = ("began", "connection", "received")

    def __init__(self, connection: socket.socket, began: float) -> None:
        self.connection = connection
        self.began = began
        self.received = b""


class Load:
    """
    Begins sessions and brings them to their end.
    """

    def __init__(self, port: int) -> None:
        self.address = ("127.0.0.1", port)
        self.poll = select.epoll()
        self.sessions: dict[int, Session] = {}
        self.took: list[float] = []
        self.begun = 0

    def begin(self, began: float) -> None:
        self.begun += 1
        connection = connected(self.address, self.begun)
        number = connection.fileno()
        self.sessions[number] = Session(connection, began)
        self.poll.register(number, select.EPOLLIN)

    def step(self, wait: float) -> int:
        """
        Take what has come; how many sessions have ended.
        """
        ended = 0
        for number, _ in self.poll.poll(wait):
            session = self.sessions[number]
            data = session.connection.recv(4096)
            if data:
                asked = session.received.endswith(b": ")
                session.received += data
                if not asked and session.received.endswith(b": "):
                    session.connection.send(LINE)
                continue
            self.took.append(time.perf_counter() - session.began)
            host, port = session.connection.getsockname()
            greeting = b"Welcome, ('%s', %d)\nPlease enter a string: " % (host.encode(), port)
            if session.received != greeting + ANSWER:
                raise SystemExit(f"a wrong answer: {session.received!r}")
            session.connection.close()
            del self.sessions[number]
            ended += 1
        return ended


def closed(load: Load, clients: int, sessions: int) -> None:
    for _ in range(min(clients, sessions)):
        load.begin(time.perf_counter())
    while load.sessions:
        for _ in range(load.step(-1)):
            if load.begun < sessions:
                load.begin(time.perf_counter())


def opened(load: Load, rate: float, sessions: int) -> None:
    start = time.perf_counter()
    while load.begun < sessions or load.sessions:
        due = start + load.begun / rate
        if load.begun < sessions and time.perf_counter() >= due:
            # A client that begins late has waited: its time counts from when it was due.
            load.begin(due)
        load.step(0)  # epoll's own patience is a millisecond at least


def idle(port: int, connections: int) -> None:
    held = [connected(("127.0.0.1", port), index) for index in range(connections)]
    for connection in held:
        received = b""
        while not received.endswith(b": "):
            data = connection.recv(4096)
            if not data:
                raise SystemExit(f"refused: {received!r}")
            received += data
    print(json.dumps({"units": connections}), flush=True)
    sys.stdin.read()


def main() -> None:
    port, mode = int(sys.argv[1]), sys.argv[2]
    gc.disable()  # whose pauses are not the server's
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if mode == "idle":
        idle(port, int(sys.argv[3]))
        return
    load = Load(port)
    how, sessions = float(sys.argv[3]), int(sys.argv[4])
    start = time.perf_counter()
    if mode == "closed":
        closed(load, int(how), sessions)
    else:
        opened(load, how, sessions)
    report(sessions, time.perf_counter() - start, load.took)


if __name__ == "__main__":
    main()
