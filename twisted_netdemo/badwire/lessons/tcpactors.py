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

Figures = dict[str, Any]

#: The server of a lesson's own listens here.
PORT = 7007


def text(size: int) -> bytes:
    """
    A text of so many bytes in which no two places look alike: numbered words.
    """
    words = b"".join(b"word %06d, " % number for number in range(size // 13 + 1))
    return words[:size]


def failure(error: OSError) -> Figures:
    """
    An error as the kernel words it.
    """
    # Python adds words of its own to some; names' errors have numbers of their own
    number = error.errno or 0
    return {"error": os.strerror(number) if number > 0 else error.strerror}


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None], port: int = PORT) -> Iterator[None]:
    """
    A server on its own thread, for one connection after the other.

    @param serve: is given each connection, which is closed afterwards.
    """
    listening = socket.create_server(("", port), backlog=16)
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


def ask(host: str, port: int, questions: list[str]) -> Iterator[Figures]:
    """
    Several clients of one line-counting server, all connected before the first one speaks.
    """
    clients = [socket.create_connection((host, port)) for _ in questions]
    for client, question in zip(clients, questions, strict=True):
        with client:
            reader = lines(client)
            welcome = next(reader, b"").decode().strip()
            client.sendall(f"{question}\n".encode())
            answer = b"".join(reader).decode().strip()
            yield {
                "range": _portRange(),
                "own": client.getsockname()[:2],
                "server": client.getpeername()[:2],
                "welcome": welcome,
                "answer": answer.removeprefix("Please enter a string: "),
            }


def _portRange() -> list[int]:
    """
    The first and the last port that the kernel chooses for a client.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as setting:
        return [int(number) for number in setting.read().split()]


def carry(host: str, size: int, repeats: int = 1) -> Iterator[Figures]:
    """
    A text of SIZE bytes goes through the wire; what arrives is held against it.
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

    with serving(receive):
        for _ in range(repeats):
            done.clear()
            began = time.monotonic()
            with socket.create_connection((host, PORT)) as client:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                done.wait()
            yield {
                "sent": size,
                "seconds": time.monotonic() - began,
                **difference(sent, came.pop()),
            }


def difference(sent: bytes, came: bytes) -> Figures:
    """
    How what came differs from what was sent.
    """
    found: Figures = {"arrived": len(came), "same": sent == came}
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


def call(
    host: str, port: int, attempts: int = 0, patience: float = 0, after: float = 0
) -> Iterator[Figures]:
    """
    Connect, wait, say something, and wait for the answer or the error.

    @param attempts: how often a SYN is sent again (TCP_SYNCNT); 0 for the kernel's own choice.
    @param patience: seconds after which unacknowledged data end the connection (TCP_USER_TIMEOUT,
        RFC 5482); 0 for the kernel's own choice.
    @param after: seconds to wait before speaking.
    """
    began = time.monotonic()
    with socket.socket() as client:
        if attempts:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, attempts)
        if patience:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(patience * 1000))
        said: Figures = {}
        try:
            client.connect((host, port))
            said["connected"] = True
            reader = lines(client)
            said["welcome"] = next(reader, b"").decode().strip()
            time.sleep(after)
            began = time.monotonic()
            client.sendall(b"To be, or not to be,\n")
            said["answer"] = b"".join(reader).decode().strip()
        except OSError as error:
            said |= failure(error)
        said["seconds"] = time.monotonic() - began
        yield said


def speak(host: str, patience: float, after: float) -> Iterator[Figures]:
    """
    L{call} a server of one's own, which listens for ever.
    """

    def listen(connection: socket.socket) -> None:
        connection.sendall(b"Welcome\n")
        connection.recv(65536)

    with serving(listen):
        yield from call(host, PORT, patience=patience, after=after)


def ports(taken: int) -> Iterator[Figures]:
    """
    Try to listen at ports of each kind.
    """
    for port in (taken, 79, 70, 0, 65535, 65536):
        found: Figures = {"port": port}
        try:
            found["service"] = socket.getservbyport(port, "tcp")
        except (OSError, OverflowError):
            found["service"] = None
        try:
            with socket.create_server(("", port)) as listening:
                found["got"] = listening.getsockname()[1]
        except OverflowError:
            found["error"] = "there is no such port"
        except OSError as error:
            found |= failure(error)
        yield found


def answerLines(connection: socket.socket) -> None:
    """
    A server that answers each line with the same line.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for line in lines(connection):
        connection.sendall(line)


def questions(host: str, count: int) -> Figures:
    """
    So many questions on one connection, each asked when the one before is answered.
    """
    began = time.monotonic()
    answered = 0
    with socket.create_connection((host, PORT)) as client:
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


PAGE = (
    b"iA page about rivers\tfake\t(NULL)\t0\r\n"
    b"i\tfake\t(NULL)\t0\r\n"
    b"0The Danube\t/danube\tfar.wire\t%(port)d\r\n"
    b"0The Nile\t/nile\tfar.wire\t%(port)d\r\n"
    b"1Lakes\t/lakes\tfar.wire\t%(port)d\r\n"
    b".\r\n"
) % {b"port": PORT}


def gopher(host: str) -> Iterator[Figures]:
    """
    Fetch a Gopher menu (RFC 1436), and read it line by line as it comes.
    """

    def serve(connection: socket.socket) -> None:
        next(lines(connection), b"")
        for line in PAGE.splitlines(keepends=True):
            connection.sendall(line)
            time.sleep(0.02)

    with serving(serve), socket.create_connection((host, PORT)) as client:
        began = time.monotonic()
        client.sendall(b"\r\n")
        for line in lines(client):
            kind, _, _ = line.decode().rstrip("\r\n").partition("\t")
            if kind != ".":
                yield {"seconds": time.monotonic() - began, "kind": kind[:1], "title": kind[1:]}
