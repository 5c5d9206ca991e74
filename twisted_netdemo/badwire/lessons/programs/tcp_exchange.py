"""
Programs of the lessons over TCP, with plain blocking sockets.

Each program yields its findings as dictionaries.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from twisted_netdemo.badwire.lessons.programs.kernel_settings import counter, portRange, settings

Findings = dict[str, Any]

#: The port of a program's own server.
PORT = 7007

#: The congestion control of the clients: every kernel has it, and any user may choose it.
CONTROL = "reno"

#: The kernel counters of damaged segments and of early ones.
_COUNTED = ("InCsumErrors", "TCPOFOQueue")


def text(size: int) -> bytes:
    """
    A text of C{size} bytes whose words are numbered, so that no two parts are equal.
    """
    words = b"".join(b"word %06d, " % number for number in range(size // 13 + 1))
    return words[:size]


def failure(error: OSError) -> Findings:
    """
    An error in the kernel's words.
    """
    # Python adds words to some errors; errors of name resolution have other numbers.
    number = error.errno or 0
    return {"error": os.strerror(number) if number > 0 else error.strerror or str(error)}


def connected(host: str, port: int, control: str = CONTROL, buffer: int = 0) -> socket.socket:
    """
    Connect a client with a known congestion control, whatever the machine's default is.

    @param control: the name of the congestion control.
    @param buffer: the size of the send buffer to ask for, in bytes; 0 for the kernel's choice.
    """
    client = socket.socket()
    try:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        client.connect((host, port))
    except BaseException:
        client.close()
        raise
    return client


def controlOf(client: socket.socket) -> str:
    """
    The congestion control of a connection.
    """
    name = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return name.rstrip(b"\0").decode()


@contextlib.contextmanager
def serving(
    serve: Callable[[socket.socket], None], port: int | None = None, buffer: int = 0
) -> Iterator[None]:
    """
    Run a server on a thread, for one connection after the other.

    @param serve: called with each connection, which is closed afterwards.
    @param port: the port; L{PORT} by default.
    @param buffer: the size of the receive buffer to ask for, in bytes; 0 for the kernel's choice.
    """
    listening = socket.create_server(("", PORT if port is None else port), backlog=16)
    if buffer:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    with contextlib.suppress(OSError):  # a kernel without TCP Fast Open
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)  # wakes accept
        listening.close()
        thread.join(0.2)  # a connection that is never closed may keep it longer


def lines(connection: socket.socket) -> Iterator[bytes]:
    """
    The lines that the other end sends, as they arrive, until it closes.
    """
    with connection.makefile("rb") as stream:
        yield from iter(stream.readline, b"")


def ask(host: str, port: int, questions: list[str]) -> Iterator[Findings]:
    """
    Several clients of one line-counting server, which all connect before the first one sends.
    """
    clients = [connected(host, port) for _ in questions]
    for client, question in zip(clients, questions, strict=True):
        with client:
            reader = lines(client)
            welcome = next(reader, b"").decode().strip()
            client.sendall(f"{question}\n".encode())
            answer = b"".join(reader).decode().strip()
            yield {
                "range": portRange(),
                "probes": counter("TCPLossProbes"),
                **settings("net.ipv4.tcp_rto_max_ms", "net.ipv4.tcp_rto_min_us"),
                "own": client.getsockname()[:2],
                "server": client.getpeername()[:2],
                "welcome": welcome,
                "answer": answer.removeprefix("Please enter a string: "),
            }


def carry(host: str, size: int, control: str = CONTROL, buffer: int = 0) -> Iterator[Findings]:
    """
    Send a text of SIZE bytes across the wire, and compare the bytes that arrive with it.

    @param control: the sender's congestion control.
    @param buffer: the size of both ends' buffers to ask for, in bytes; 0 for the kernel's choice.
    """
    sent = text(size)
    came: list[bytes] = []
    done = threading.Event()

    def receive(connection: socket.socket) -> None:
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        came.append(b"".join(parts))
        done.set()

    with serving(receive, buffer=buffer):
        began = time.monotonic()
        with connected(host, PORT, control, buffer) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            done.wait()
            yield {
                "sent": size,
                "seconds": time.monotonic() - began,
                "control": controlOf(client),
                "counted": {name: counter(name) for name in _COUNTED},
                **difference(sent, came.pop()),
            }


def difference(sent: bytes, came: bytes) -> Findings:
    """
    The differences between the bytes that were sent and those that came.
    """
    found: Findings = {"arrived": len(came), "same": sent == came}
    places = [
        place for place, pair in enumerate(zip(sent, came, strict=False)) if pair[0] != pair[1]
    ]
    if places:
        first, last = places[0], places[-1] + 1
        found |= {
            "first": first + 1,
            "last": last,
            "was": sent[first:last][:40].decode(),
            "became": came[first:last][:40].decode("ascii", "replace"),
        }
    return found


def answerLines(connection: socket.socket) -> None:
    """
    Answer each line with the same line.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for line in lines(connection):
        connection.sendall(line)


def questions(host: str, count: int) -> Findings:
    """
    Ask questions on one connection, each after the answer to the one before.
    """
    began = time.monotonic()
    answered = 0
    with connected(host, PORT) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = lines(client)
        for number in range(count):
            line = b"question %d\n" % number
            client.sendall(line)
            answered += next(reader, b"") == line
    return {"asked": count, "answered": answered, "seconds": time.monotonic() - began}


def firstAnswer(host: str, fast: bool) -> float:
    """
    The seconds until the first answer over TCP, including the hand-shake.

    @param fast: whether to use TCP Fast Open: the SYN carries the question once the server is
        known.
    """
    began = time.monotonic()
    with socket.socket() as client:
        if fast:
            client.sendto(b"question\n", socket.MSG_FASTOPEN, (host, PORT))
        else:
            client.connect((host, PORT))
            client.sendall(b"question\n")
        next(lines(client), b"")
        return time.monotonic() - began
