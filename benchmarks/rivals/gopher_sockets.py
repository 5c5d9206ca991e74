"""
The client in Python's plain sockets, a thread for each fetch that is under way.

  gopher_sockets.py PORT PARALLEL SELECTOR...   each is saved under the last part of its selector
"""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

port, parallel = int(sys.argv[1]), int(sys.argv[2])


def fetch(selector):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(selector.encode() + b"\r\n")
        with open(selector.rpartition("/")[2], "wb") as file:
            while data := connection.recv(65536):
                file.write(data)


if parallel == 1:
    for each in sys.argv[3:]:
        fetch(each)
else:
    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(fetch, sys.argv[3:]))
