"""
Programs of the lessons on the end of connections, and on dead lines.

Each program yields its findings as dictionaries.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

from twisted_netdemo.badwire.lessons.programs.kernel_settings import PATIENCE, settings
from twisted_netdemo.badwire.lessons.programs.tcp_exchange import (
    PORT,
    Findings,
    connected,
    failure,
    lines,
    serving,
)

_WORDS = b"To be, or not to be,\n"
_TIME_WAIT = "06"

#: How long a program waits at most, in seconds.
_LONGEST = 8.0
_TIMER_OF_TIME_WAIT = 3


def call(host: str, port: int, attempts: int = 0, patience: float = 0) -> Iterator[Findings]:
    """
    Connect, say something, and wait for the answer or the error.

    @param attempts: how often a SYN is sent again (TCP_SYNCNT); 0 for the kernel's choice.
    @param patience: the seconds after which unacknowledged data end the connection
        (TCP_USER_TIMEOUT, RFC 5482); 0 for the kernel's choice.
    """
    began = time.monotonic()
    with socket.socket() as client:
        client.settimeout(_LONGEST)
        if attempts:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, attempts)
        if patience:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(patience * 1000))
        said: Findings = settings(*PATIENCE)
        try:
            client.connect((host, port))
            said["connected"] = True
            began = time.monotonic()
            client.sendall(_WORDS)
            said["answer"] = b"".join(lines(client)).decode().strip()
        except OSError as error:
            said |= failure(error)
        said["seconds"] = time.monotonic() - began
        yield said


def speak(host: str, patience: float) -> Iterator[Findings]:
    """
    Call a port where no program listens, then a server until its line dies.

    The second server reads until the caller has given up, and closes.
    """
    yield from call(host, PORT + 1)
    over = threading.Event()

    def listen(connection: socket.socket) -> None:
        over.wait(2 * _LONGEST)

    with serving(listen):
        yield from call(host, PORT, patience=patience)
        over.set()
    time.sleep(0.05)  # for the server's FIN to leave


def silence(host: str, patience: float) -> Iterator[Findings]:
    """
    Connect programs whose line dies then: each waits in another way.

    @param patience: the length of the program's own timer and of the user timeout, in seconds.
        Keep-alive begins after 1 s, and asks twice, each second.
    """

    def timed(client: socket.socket) -> None:
        client.settimeout(patience)
        client.recv(1)

    def keepsAlive(client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
        client.recv(1)

    def speaks(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(patience * 1000))
        client.sendall(_WORDS)
        client.recv(1)

    def reads(client: socket.socket) -> None:
        client.recv(1)

    def writes(client: socket.socket) -> None:
        client.sendall(_WORDS)
        client.recv(1)

    def closes(client: socket.socket) -> None:
        client.sendall(_WORDS)
        client.close()

    programs: list[tuple[str, Callable[[socket.socket], None]]] = [
        ("reads, own timer", timed),
        ("reads, keep-alive", keepsAlive),
        ("writes, user timeout", speaks),
        ("writes, waits", writes),
        ("reads", reads),
        ("writes, closes", closes),
    ]
    found: dict[str, Findings] = {}

    def listens(connection: socket.socket) -> None:
        threading.Event().wait()

    with serving(listens), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(host, PORT)) for _ in programs]
        began = time.monotonic()

        def play(
            name: str, program: Callable[[socket.socket], None], client: socket.socket
        ) -> None:
            said: Findings = {}
            try:
                program(client)
            except OSError as error:
                said = failure(error)
            found[name] = {**said, "seconds": time.monotonic() - began}

        threads = [
            threading.Thread(target=play, args=(*program, client), daemon=True)
            for program, client in zip(programs, clients, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads[:3]:  # those that will notice
            thread.join(max(0.0, began + _LONGEST - time.monotonic()))
        waited = time.monotonic() - began
        of = settings(
            *PATIENCE,
            *(f"net.ipv4.tcp_keepalive_{each}" for each in ("time", "intvl", "probes")),
        )
        for name, _ in programs:
            yield {"program": name, "waited": waited, **of, **found.get(name, {})}


def closing(host: str) -> Iterator[Findings]:
    """
    Let a client close its half first; then let a server close first, and start it again.
    """
    told = b"one\ntwo\nthree\n"

    def answer(connection: socket.socket) -> None:
        came = b"".join(lines(connection))  # until the client has closed its half
        connection.sendall(b"You said %d lines.\n" % came.count(b"\n"))

    with serving(answer):
        with connected(host, PORT) as client:
            client.sendall(told)
            client.shutdown(socket.SHUT_WR)
            said = b"".join(lines(client)).decode().strip()
        yield {"answer": said, **_timeWait(PORT)}
    with serving(lambda connection: None, PORT + 1):
        with connected(host, PORT + 1) as client:
            b"".join(lines(client))
    yield {**_timeWait(PORT + 1), "plain": _listens(False), "reuse": _listens(True)}


def _timeWait(port: int) -> Findings:
    """
    The connections of a server's port in TIME-WAIT, as /proc/net/tcp lists them: the server's, its
    clients', and the remaining seconds. The last segments may still be on their way: wait for them.
    """
    until = time.monotonic() + _LONGEST
    while True:
        figures = _listed(port)
        if figures["server"] or figures["client"] or time.monotonic() > until:
            return figures
        time.sleep(0.02)


def _listed(port: int) -> Findings:
    """
    The connections in TIME-WAIT now.
    """
    figures: Findings = {"server": 0, "client": 0, "left": None}
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            _, local, remote, state, _, timer, *_ = line.split()
            if state != _TIME_WAIT:
                continue
            for end, name in ((local, "server"), (remote, "client")):
                if int(end.partition(":")[2], 16) == port:
                    figures[name] += 1
                    kind, _, ticks = timer.partition(":")
                    if int(kind, 16) == _TIMER_OF_TIME_WAIT:
                        figures["left"] = int(ticks, 16) / os.sysconf("SC_CLK_TCK")
    return figures


def _listens(reuse: bool) -> object:
    """
    The result of listening again at the port of a server that closed first.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        try:
            listening.bind(("", PORT + 1))
            listening.listen()
            return listening.getsockname()[1]
        except OSError as error:
            return failure(error)["error"]


def reset(host: str, size: int) -> Iterator[Findings]:
    """
    Let a client close while SIZE bytes, less the first line, are unread.
    """
    told: Findings = {}
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            connection.sendall(b"first\n" + bytes(size - 6))
            told["read"] = len(connection.recv(1))
        except OSError as error:
            told.update(failure(error))
        over.set()

    with serving(serve):
        with connected(host, PORT) as client:
            first = client.recv(6)
            unread = len(client.recv(size, socket.MSG_PEEK))
        over.wait(5)
        yield {"first": first.decode(), "unread": unread, **told}
