"""
What happens seldom, done on purpose by plain sockets: C{python odd.py datagrams|window HOST}.

C{datagrams}: to sockets with and without a checksum, to a full buffer, to a port where nobody
listens, to a group. Prints as JSON how many datagrams each socket had to read.

C{window}: a reader that lets its window shut, and is asked whether there is room; then keep-alives.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence

UDPLITE = 136
_SO_NO_CHECK = 11
_SEND_COVERAGE, _RECEIVE_COVERAGE = 10, 11
_CLOSED = 9
GROUP = "239.7.7.7"
#: What is sent, a name for each, in this order; the flows of the log have it too.
NAMES = ("checksum", "none", "lite all", "lite header", "none in parts", "parts", "full")


def _socket(protocol: int = 0) -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, protocol)


def _unread(bound: socket.socket) -> int:
    """
    How many datagrams there are to read.
    """
    bound.setblocking(False)
    count = 0
    try:
        while bound.recv(65536):
            count += 1
    except BlockingIOError:
        return count
    raise AssertionError("an empty datagram")


def datagrams(host: str) -> dict[str, int]:
    """
    Send each kind.

    @return: how many were there to read, by name.
    """
    readers = {}
    for place, name in enumerate(NAMES):
        protocol = UDPLITE if name.startswith("lite") else 0
        reader, sender = _socket(protocol), _socket(protocol)
        reader.bind(("0.0.0.0", 7000 + place))
        if name.startswith("none"):
            sender.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        if name == "lite header":
            sender.setsockopt(UDPLITE, _SEND_COVERAGE, 8)
            reader.setsockopt(UDPLITE, _RECEIVE_COVERAGE, 8)
        if name == "full":
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sender.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        size = 4000 if name.endswith("parts") else 1000
        for _ in range(12 if name == "full" else 1):
            sender.sendto(b"x" * size, (host, 7000 + place))
        readers[name] = reader
    group = _socket()
    group.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.1"))
    group.sendto(b"anybody?", (GROUP, _CLOSED))
    asks = _socket()
    asks.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
    asks.connect((host, _CLOSED))
    asks.send(b"anybody?")
    try:
        asks.settimeout(1.0)
        asks.recv(1)
    except (ConnectionRefusedError, TimeoutError):
        pass
    return {name: _unread(reader) for name, reader in readers.items()}


def window(host: str) -> None:
    """
    Fill a window, wait for questions, read, and wait for keep-alives.
    """
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer = socket.create_connection((host, server.getsockname()[1]))
        reader, _ = server.accept()
    with writer, reader:
        writer.setblocking(False)
        sent = read = 0
        try:
            while True:
                sent += writer.send(bytes(1000))
        except BlockingIOError:
            pass
        time.sleep(1.0)  # two questions, after 0.2 s and 0.4 s more
        while read < sent:
            read += len(reader.recv(65536))
        for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1)):
            writer.setsockopt(socket.IPPROTO_TCP, option, value)
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        time.sleep(1.5)  # one keep-alive


def main(arguments: Sequence[str]) -> None:
    """
    Do what is asked for.
    """
    what, host = arguments
    if what == "window":
        window(host)
    else:
        print(json.dumps(datagrams(host)))


if __name__ == "__main__":
    main(sys.argv[1:])
