"""
Programs of the lessons over UDP, with plain blocking sockets.

Each program yields its findings as dictionaries.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from twisted_netdemo.badwire.lessons.programs.tcp_exchange import PORT, Findings, failure, text

_ANSWER = re.compile(rb"You entered (\d+) characters")


@contextlib.contextmanager
def serving(
    serve: Callable[[socket.socket, bytes, tuple[str, int]], None], family: int = socket.AF_INET
) -> Iterator[None]:
    """
    Run a server on a thread.

    @param serve: called with the socket, each datagram and its sender.
    """
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        server.bind(("", PORT))
        end = threading.Event()

        def receive() -> None:
            while not end.is_set():
                if select.select([server], [], [], 0.05)[0]:
                    serve(server, *server.recvfrom(65536))

        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(5)


def datagrams(host: str, port: int, count: int) -> Iterator[Findings]:
    """
    Ask a server that counts letters COUNT questions, of which the k-th has k letters.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((host, port))
        came: list[int] = []

        def listen(seconds: float) -> None:
            while select.select([client], [], [], seconds)[0]:
                found = _ANSWER.search(client.recv(65536))
                came.append(int(found[1]) if found else 0)

        for size in range(1, count + 1):
            client.send(b"x" * size)
            listen(0.002)
        listen(0.5)
    times = Counter(came)
    newest = 0
    late = 0
    for size in came:
        late += size < newest
        newest = max(newest, size)
    yield {
        "asked": count,
        "answers": len(came),
        "unanswered": count - len(times),
        "twice": sum(number > 1 for number in times.values()),
        "late": late,
        "came": came,
    }


def sizes(host: str, each: int, wanted: list[int]) -> Iterator[Findings]:
    """
    Send EACH datagrams of every size, and count how many arrive, and how many of them whole.
    """
    came: list[bytes] = []

    def keep(server: socket.socket, data: bytes, sender: tuple[str, int]) -> None:
        came.append(data)

    family, *_, address = socket.getaddrinfo(host, PORT, type=socket.SOCK_DGRAM)[0]
    with serving(keep, family), socket.socket(family, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
        sent: list[Findings] = []
        for size in wanted:
            found: Findings = {"size": size, "sent": 0, "hasIPv6": "WIRE_FAR6" in os.environ}
            try:
                for _ in range(each):
                    client.sendto(text(size), address)
                    found["sent"] += 1
                    time.sleep(0.005)
            except OSError as error:
                found |= failure(error)
            sent.append(found)
            _untilQuiet(came)
        strange = sum(len(data) not in wanted for data in came)
        for found in sent:
            # Told by their length, not by their time, since a busy machine may delay them.
            of = [data for data in came if len(data) == found["size"]]
            whole = sum(data == text(found["size"]) for data in of)
            yield {**found, "arrived": len(of), "whole": whole, "strange": strange}


def _untilQuiet(came: list[bytes]) -> None:
    """
    Wait until no more datagrams arrive.
    """
    count = -1
    while count != len(came):
        count = len(came)
        time.sleep(0.2)


def echo(server: socket.socket, data: bytes, sender: tuple[str, int]) -> None:
    """
    Answer each datagram with the same datagram.
    """
    server.sendto(data, sender)


def questions(host: str, count: int, patience: float = 0.2) -> Findings:
    """
    Ask questions, each when the one before is answered or given up.

    @param patience: how long to wait for an answer, in seconds.
    """
    began = time.monotonic()
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((host, PORT))
        for number in range(count):
            question = b"question %d\n" % number
            client.send(question)
            until = time.monotonic() + patience
            while (left := until - time.monotonic()) > 0 and select.select([client], [], [], left)[
                0
            ]:
                if client.recv(65536) == question:
                    answered += 1
                    break
    return {"asked": count, "answered": answered, "seconds": time.monotonic() - began}


def firstAnswer(host: str) -> float:
    """
    The seconds until the first answer over UDP.
    """
    return float(questions(host, 1, 5)["seconds"])


def stream(host: str, size: int) -> Findings:
    """
    Send SIZE bytes in datagrams of 1,000, as fast as possible without any feedback.
    """
    seen: set[int] = set()
    began = newest = time.monotonic()

    def count(server: socket.socket, data: bytes, sender: tuple[str, int]) -> None:
        nonlocal newest
        newest = time.monotonic()
        seen.add(int(data[:10]))

    total = size // 1000
    with serving(count), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for number in range(total):
            client.sendto(b"%010d" % number + bytes(990), (host, PORT))
            if number % 20 == 19:  # otherwise the buffers would drop more than the wire
                time.sleep(0.001)
        last = -1
        while last != len(seen):
            last = len(seen)
            time.sleep(0.1)
    return {"sent": total * 1000, "arrived": len(seen) * 1000, "seconds": newest - began}
