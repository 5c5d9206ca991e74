"""
Programs of the lessons on flow control and congestion control.

Each program yields its findings as dictionaries.
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

#: The size of the buffers to ask for at either end of a slow reader's connection, in bytes.
_BUFFER = 16384


def window(host: str, size: int, rest: float) -> Iterator[Findings]:
    """
    Send SIZE bytes to a reader that does not read for REST seconds.
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
    Send SIZE bytes with reno, and with another congestion control if this user may choose one.
    """
    for name in ("reno", *_others()):
        # A buffer so large that only the network slows the sender, never a late program.
        yield from carry(host, size, name, buffer=1 << 20)


def _others() -> list[str]:
    """
    Another congestion control that this program may choose, if there is any.
    """
    there = (setting("net.ipv4.tcp_available_congestion_control") or "").split()
    known = [name for name in ("cubic", "bbr") if name in there]
    for name in [*known, *(name for name in there if name not in ("reno", *known))]:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
            return [name]
    return []
