"""
What the lessons' programs do to be slowed down: by a reader that does not read, by a network that
loses.

Each function yields what it finds as dictionaries of figures.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

from twisted_netdemo.badwire.lessons.programs.kernel_settings import setting
from twisted_netdemo.badwire.lessons.programs.tcp_exchange import (
    PORT,
    Findings,
    carry,
    connected,
    difference,
    serving,
    text,
)

#: The buffer asked for at either end of a slow reader's connection, in bytes.
_BUFFER = 16384


def window(host: str, size: int, rest: float) -> Iterator[Findings]:
    """
    A writer with SIZE bytes, and a reader that takes none for REST seconds.
    """
    sent = text(size)
    came: list[bytes] = []

    buffers: list[int] = []

    def read(connection: socket.socket) -> None:
        buffers.append(connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
        time.sleep(rest)
        while part := connection.recv(65536):
            came.append(part)
        over.set()

    over = threading.Event()
    with serving(read, buffer=_BUFFER), connected(host, PORT, buffer=_BUFFER) as client:
        client.setblocking(False)
        began = time.monotonic()
        done, longest, before, stopped = 0, 0.0, 0, 0.0
        while done < size:
            asked = time.monotonic()
            select.select([], [client], [])
            pause = time.monotonic() - asked
            if pause > longest:
                longest, before, stopped = pause, done, asked - began
            with contextlib.suppress(BlockingIOError):
                done += client.send(sent[done : done + 4096])
        client.shutdown(socket.SHUT_WR)
        over.wait()
        yield {
            "sent": size,
            "buffers": client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) + buffers[0],
            "before": before,
            "stopped": stopped,
            "pause": longest,
            **difference(sent, b"".join(came)),
        }


def congestion(host: str, size: int) -> Iterator[Findings]:
    """
    SIZE bytes by reno, and by another congestion control where this user may choose one.
    """
    for name in ("reno", *_others()):
        # so much that the network alone stops the kernel, never a program that is late
        yield from carry(host, size, name, buffer=1 << 20)


def _others() -> list[str]:
    """
    One more congestion control that this program may choose, if there is any.
    """
    there = (setting("net.ipv4.tcp_available_congestion_control") or "").split()
    known = [name for name in ("cubic", "bbr") if name in there]
    for name in [*known, *(name for name in there if name not in ("reno", *known))]:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
            return [name]
    return []
