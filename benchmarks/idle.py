"""
What an idle connection costs linecount, and whether a new client is still served.

    python benchmarks/idle.py [connections]

Starts C{twistd -n linecount}, opens the connections (2,000 unless told otherwise), reads each one's
prompt, and then runs a session beside them. Printed is what the operating system says of the
server's resident memory, before and after, and the share of a connection; not the kernel's own
memory for a socket. It ends by itself within a minute.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROMPT = b"Please enter a string: "


@contextlib.contextmanager
def server() -> Iterator[tuple[int, int]]:
    """
    A linecount without limits; its pid and its port.
    """
    process = subprocess.Popen(
        [
            *(os.path.join(os.path.dirname(sys.executable), "twistd"), "-n", "--pidfile="),
            *("linecount", "--port", "0", "--max-per-client", "0", "--max-connections", "0"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Server is running on port (\d+)", line):
                yield process.pid, int(found[1])
                return
        raise SystemExit("the server did not start")
    finally:
        process.kill()
        process.wait()


def resident(pid: int) -> int:
    """
    Bytes of memory that a process has.
    """
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def upTo(client: socket.socket, end: bytes) -> bytes:
    """
    What is read until it ends like this.
    """
    received = b""
    while not received.endswith(end):
        data = client.recv(65536)
        if not data:
            raise SystemExit(f"closed after {received!r}")
        received += data
    return received


def session(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(b"123\n")
        return upTo(client, b".\n")


def main(number: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with server() as (pid, port), contextlib.ExitStack() as held:
        for _ in range(100):  # so that what every first session costs is paid
            session(port)
        before = resident(pid)
        for _ in range(number):
            client = socket.create_connection(("127.0.0.1", port), 30)
            held.enter_context(client)
            upTo(client, PROMPT)
        after = resident(pid)
        answered = session(port).splitlines()[-1].decode()
    print(
        f"{number} idle connections: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB with them, "
        f"{(after - before) / number:.0f} bytes each"
    )
    print(f"a new client beside them reads: {answered}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["2000"]))
