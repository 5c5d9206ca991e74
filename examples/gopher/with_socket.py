"""
A Gopher client with nothing but a socket.

    python examples/gopher/with_socket.py HOST PORT SELECTOR
"""

import socket
import sys


def fetch(host: str, port: int, selector: str) -> bytes:
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(selector.encode() + b"\r\n")
        answer = b""
        while data := connection.recv(4096):
            answer += data
        return answer


if __name__ == "__main__":
    host, port, selector = sys.argv[1:]
    for line in fetch(host, int(port), selector).splitlines():
        if line == b".":
            break
        print(line.decode("utf-8", "replace"))
