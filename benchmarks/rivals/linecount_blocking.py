"""
The server that a first course writes: one client at a time, and whoever is silent stops it for all.
"""

import socket
import sys

with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024) as listening:
    while True:
        connection, (host, port) = listening.accept()
        with connection:
            connection.sendall(
                b"Welcome, ('%s', %d)\nPlease enter a string: " % (host.encode(), port)
            )
            held = b""
            while b"\n" not in held and (data := connection.recv(4096)):
                held += data
            connection.sendall(b"You entered %d characters.\n" % len(held.decode().strip()))
