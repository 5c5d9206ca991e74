"""
A real linecount under test: started, and talked to over real sockets.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, Program, folder, start, twistd

PROMPT = b"Please enter a string: "


def serve(
    test: SynchronousTestCase, *options: str, before: Sequence[str] = (), **popen: Any
) -> tuple[Program, int]:
    """
    C{twistd -n} with C{before}, running linecount with these options on a free port (unless they
    name endpoints); the program, and the first port that it announces.
    """
    if "--port" not in options and "--endpoint" not in options:
        options = ("--port", "0", *options)
    program = twistd(test, *before, "linecount", *options, **popen)
    return program, portOf(program)


def portOf(program: Program, times: int = 1) -> int:
    """
    The port in the n-th line that says where the server runs.

    @param times: which line, from 1.
    """
    return int(program.line(r"Server is running on port (\d+); press Ctrl-C", times)[1])


# As systemd passes a socket: it is number 3, and the variables are for the named process alone.
_PASS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def withSocket(
    test: SynchronousTestCase,
    passed: socket.socket,
    *command: str,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Program:
    """
    Start a command with a listening socket passed to it as systemd does, under the name C{count}.
    """
    return start(
        *(test, sys.executable, "-c", _PASS, str(passed.fileno()), *command),
        cwd=folder(test),
        env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "count", **env},
        pass_fds=[passed.fileno()],
    )


def connect(test: SynchronousTestCase, port: int, host: str = "127.0.0.1") -> socket.socket:
    """
    A client that is closed with the test at the latest.
    """
    client = socket.create_connection((host, port), timeout=PATIENCE)
    test.addCleanup(client.close)
    return client


def prompted(client: socket.socket) -> bytes:
    """
    Receive up to the prompt.
    """
    received = b""
    while not received.endswith(PROMPT):
        data = client.recv(65536)
        if not data:
            raise AssertionError(f"no prompt, but {received!r}")
        received += data
    return received


def rest(client: socket.socket) -> bytes:
    """
    Receive until the server ends the connection.
    """
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def descriptors(program: Program) -> int:
    """
    How many files a program has open.
    """
    return len(os.listdir(f"/proc/{program.process.pid}/fd"))


def reset(client: socket.socket) -> None:
    """
    Close with a reset.
    """
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def session(test: SynchronousTestCase, port: int, said: bytes, host: str = "127.0.0.1") -> bytes:
    """
    Connect, send this at once, and receive to the end.
    """
    with connect(test, port, host) as client:
        client.sendall(said)
        return rest(client)


def welcome(client: socket.socket) -> bytes:
    """
    The greeting and the prompt for this client.
    """
    return b"Welcome, %r\n%b" % (client.getsockname()[:2], PROMPT)
