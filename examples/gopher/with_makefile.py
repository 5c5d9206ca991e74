"""
A Gopher client that reads its connection as a file.

    python examples/gopher/with_makefile.py HOST PORT SELECTOR
"""

import socket
import sys
from collections.abc import Iterator


def fetch(host: str, port: int, selector: str) -> Iterator[str]:
    with socket.create_connection((host, port), timeout=10) as connection:
        with connection.makefile("rw", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(f"{selector}\r\n")
            stream.flush()
            for line in stream:
                if line.rstrip("\r\n") == ".":
                    return
                yield line.rstrip("\r\n")


if __name__ == "__main__":
    host, port, selector = sys.argv[1:]
    for line in fetch(host, int(port), selector):
        print(line)
