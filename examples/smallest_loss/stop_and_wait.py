"""
Lines over UDP, one at a time: the sender repeats a line until its receipt comes.
"""

from __future__ import annotations

import socket
import threading

WAIT = 0.25  # seconds
ATTEMPTS = 10


def send(sender: socket.socket, lines: list[bytes]) -> None:
    """
    Send each line until it is received.
    """
    sender.settimeout(WAIT)
    for line in lines:
        for _ in range(ATTEMPTS):
            sender.send(line)
            try:
                sender.recv(100)
                break
            except TimeoutError:
                pass
        else:
            raise TimeoutError(f"no receipt for {line!r}")


def receive(receiver: socket.socket, lines: list[bytes]) -> None:
    """
    Add each line that comes to the list.
    """
    while True:
        line, sender = receiver.recvfrom(2000)
        lines.append(line)
        receiver.sendto(b"received", sender)


def transfer(lines: list[bytes]) -> list[bytes]:
    """
    Send lines across the wire, and return those that were received.
    """
    received: list[bytes] = []
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", 7000))
    threading.Thread(target=receive, args=(receiver, received), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("far4.wire", 7000))
        send(sender, lines)
    return received
