"""
Programs of the lessons on reading lines, rightly and wrongly.

Each program yields its findings as dictionaries. The lesson prints the source of L{byReceives} and
L{byLines}.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from twisted_netdemo.badwire.lessons.programs.tcp_exchange import (
    PORT,
    Findings,
    connected,
    lines,
    serving,
)

#: The server's lines: short ones, and one that is longer than a packet.
TEXT = (
    b"Good evening.\n",
    b"Two short lines\n",
    b"come together;\n",
    b"a long one " + b"very " * 600 + b"long\n",
    b"is cut.\n",
)


def byReceives(connection: socket.socket) -> Iterator[bytes]:
    # wrong: takes what one recv brings for one line
    connection.settimeout(5)
    while line := connection.recv(4096):
        yield line.rstrip(b"\n")
    connection.close()


def byLines(connection: socket.socket, longest: int = 8192) -> Iterator[bytes]:
    # right: a line ends with its line feed, in however many pieces it comes
    connection.settimeout(5)
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline(longest + 1):
            if line.endswith(b"\n"):
                yield line.removesuffix(b"\n")
            elif len(line) > longest:
                raise ValueError(f"a line of more than {longest} bytes")
            else:
                raise EOFError("the end came within a line")


def readLines(host: str) -> Iterator[Findings]:
    """
    Read the same lines by the wrong program and by the right one.
    """

    def serve(connection: socket.socket) -> None:
        for line in TEXT:
            connection.sendall(line)

    wanted = [line.removesuffix(b"\n") for line in TEXT]
    for name, program in (("wrong", byReceives), ("right", byLines)):
        with serving(serve):
            connection = connected(host, PORT)
            began = time.monotonic()
            for number, line in enumerate(program(connection)):
                yield {
                    "program": name,
                    "number": number + 1,
                    "seconds": time.monotonic() - began,
                    "bytes": len(line),
                    "feeds": line.count(b"\n"),
                    "begins": line[:16].decode(),
                    "isLine": line in wanted,
                    "same": number < len(wanted) and line == wanted[number],
                }


PAGE = (
    b"iA page about rivers\tfake\t(NULL)\t0\r\n"
    b"i\tfake\t(NULL)\t0\r\n"
    b"0The Danube\t/danube\tfar.wire\t%(port)d\r\n"
    b"0The Nile\t/nile\tfar.wire\t%(port)d\r\n"
    b"1Lakes\t/lakes\tfar.wire\t%(port)d\r\n"
    b".\r\n"
) % {b"port": PORT}


def gopher(host: str) -> Iterator[Findings]:
    """
    Fetch a Gopher menu (RFC 1436), and read it line by line as it arrives.
    """
    left: list[float] = []

    def serve(connection: socket.socket) -> None:
        next(lines(connection), b"")
        for line in PAGE.splitlines(keepends=True):
            left.append(time.monotonic() - began)
            connection.sendall(line)
            time.sleep(0.02)

    with serving(serve), connected(host, PORT) as client:
        began = time.monotonic()
        client.sendall(b"\r\n")
        for number, line in enumerate(lines(client)):
            kind, _, _ = line.decode().rstrip("\r\n").partition("\t")
            if kind != ".":
                yield {
                    "left": left[number],
                    "seconds": time.monotonic() - began,
                    "kind": kind[:1],
                    "title": kind[1:],
                    "same": line == PAGE.splitlines(keepends=True)[number],
                    "lines": PAGE.count(b"\n") - 1,
                }
