"""
What the tests send over the wire, with plain sockets: C{python traffic.py HOST}.

40,000 bytes by TCP to a server that sends them back, and 100 datagrams to one that answers each.
Prints whether the bytes came back as they were, and how many answers came.
"""

from __future__ import annotations

import random
import socket
import sys
import threading

SIZE = 40_000
DATAGRAMS = 100
_PATIENCE = 100.0


def serveStream(listening: socket.socket) -> None:
    """
    Take all of it, then send it back.
    """
    client, _ = listening.accept()
    with client:
        taken = bytearray()
        while data := client.recv(65536):
            taken += data
        client.sendall(taken)


def serveDatagrams(bound: socket.socket) -> None:
    """
    Answer each.
    """
    while data := bound.recvfrom(65536):
        bound.sendto(data[0], data[1])


def main(host: str) -> None:
    """
    Send, and print what came of it.
    """
    family = socket.getaddrinfo(host, None)[0][0]
    near = "::" if family == socket.AF_INET6 else "0.0.0.0"
    text = random.Random(1).randbytes(SIZE)
    with socket.create_server((near, 0), family=family) as listening:
        threading.Thread(target=serveStream, args=(listening,), daemon=True).start()
        with socket.create_connection((host, listening.getsockname()[1]), _PATIENCE) as stream:
            stream.sendall(text)
            stream.shutdown(socket.SHUT_WR)
            came = bytearray()
            while data := stream.recv(65536):
                came += data
    with (
        socket.socket(family, socket.SOCK_DGRAM) as server,
        socket.socket(family, socket.SOCK_DGRAM) as client,
    ):
        server.bind((near, 0))
        threading.Thread(target=serveDatagrams, args=(server,), daemon=True).start()
        client.connect((host, server.getsockname()[1]))
        client.settimeout(0.3)
        for number in range(DATAGRAMS):
            client.send(b"question %d" % number)
        answers = 0
        try:
            while client.recv(65536):
                answers += 1
        except TimeoutError:
            pass
    print("intact" if came == text else "changed", answers)


if __name__ == "__main__":
    main(sys.argv[1])
