"""
What the lessons' programs do over TCP, with plain blocking sockets.

Each function yields what it finds as dictionaries of figures.
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

#: The server of a lesson's own listens here.
PORT = 7007

#: The congestion control of their clients: every kernel has it, and any user may choose it.
CONTROL = "reno"

#: What the kernel counts of the segments that it received: damaged ones, and early ones.
_COUNTED = ("InCsumErrors", "TCPOFOQueue")


def text(size: int) -> bytes:
    """
    A text of so many bytes in which no two places look alike: numbered words.
    """
    words = b"".join(b"word %06d, " % number for number in range(size // 13 + 1))
    return words[:size]


def failure(error: OSError) -> Findings:
    """
    An error as the kernel words it.
    """
    # Python adds words of its own to some; names' errors have numbers of their own
    number = error.errno or 0
    return {"error": os.strerror(number) if number > 0 else error.strerror or str(error)}


def connected(host: str, port: int, control: str = CONTROL, buffer: int = 0) -> socket.socket:
    """
    A client whose congestion control is known, whatever the machine's own is.

    @param control: its name.
    @param buffer: how many bytes to ask for as the buffer of what is to be sent; 0 for the
        kernel's own choice.
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
    The congestion control that a connection has.
    """
    name = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return name.rstrip(b"\0").decode()


@contextlib.contextmanager
def serving(
    serve: Callable[[socket.socket], None], port: int | None = None, buffer: int = 0
) -> Iterator[None]:
    """
    A server on its own thread, for one connection after the other.

    @param serve: is given each connection, which is closed afterwards.
    @param port: where it listens; L{PORT} unless it is given.
    @param buffer: how many bytes to ask for as the buffer of what has come; 0 for the kernel's own
        choice.
    """
    listening = socket.create_server(("", PORT if port is None else port), backlog=16)
    if buffer:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    with contextlib.suppress(OSError):  # refused where the kernel has no such thing
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
    What the other end sends, line by line as it comes, up to its end.
    """
    with connection.makefile("rb") as stream:
        yield from iter(stream.readline, b"")


def ask(host: str, port: int, questions: list[str]) -> Iterator[Findings]:
    """
    Several clients of one line-counting server, all connected before the first one speaks.
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
    A text of SIZE bytes goes through the wire; what arrives is held against it.

    @param control: the sender's congestion control.
    @param buffer: how many bytes to ask for as either end's buffer; 0 for the kernel's own choice.
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
    How what came differs from what was sent.
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
    A server that answers each line with the same line.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for line in lines(connection):
        connection.sendall(line)


def questions(host: str, count: int) -> Findings:
    """
    So many questions on one connection, each asked when the one before is answered.
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
    Seconds from nothing to the first answer, by TCP.

    @param fast: with TCP Fast Open: the question travels in the SYN once the server is known.
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
