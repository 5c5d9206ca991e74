"""
Programs of the lessons on names and ports.

Each program yields its findings as dictionaries.
"""

from __future__ import annotations

import functools
import os
import socket
import time
from collections.abc import Callable, Iterator

from twisted_netdemo.badwire.lessons.programs.kernel_settings import portRange, settings
from twisted_netdemo.badwire.lessons.programs.tcp_exchange import Findings, failure

#: Two unused ports: one for two addresses, one to share.
_APART, _SHARED = 7007, 7008


def resolve(names: list[str]) -> Iterator[Findings]:
    """
    Resolve names.
    """
    there = [os.environ[each] for each in ("WIRE_FAR", "WIRE_FAR6") if each in os.environ]
    for name in names:
        began = time.monotonic()
        found: Findings = {"name": name, "there": there}
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found["addresses"] = [answer[4][0] for answer in answers]
        except socket.gaierror as error:
            found |= {**failure(error), "number": error.errno}
        yield {**found, "seconds": time.monotonic() - began}


def ports(taken: int) -> Iterator[Findings]:
    """
    Try to listen at ports of each kind.
    """
    start = settings("net.ipv4.ip_unprivileged_port_start").get("ip_unprivileged_port_start")
    said: Findings = {"start": start, "range": portRange()}
    near = os.environ.get("WIRE_NEAR", "127.0.0.2")
    with (
        socket.create_server(("127.0.0.1", _APART)),
        socket.create_server(("", _SHARED), reuse_port=True),
    ):
        for port, of, listen in (
            (taken, "TCP", lambda: socket.create_server(("", taken))),
            (taken, "UDP", lambda: _bound(taken)),
            (_APART, "TCP, 10.77.0.1", lambda: socket.create_server((near, _APART))),
            (_SHARED, "TCP, shared", lambda: socket.create_server(("", _SHARED), reuse_port=True)),
        ):
            yield {**said, "port": port, "of": of, **_attempt(port, listen)}
    for port in (79, 70, 0, 65535, 65536):
        listen = functools.partial(_listening, port)
        yield {"port": port, "of": "TCP", **_attempt(port, listen)}


def _bound(port: int, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", port))
    except BaseException:
        made.close()
        raise
    return made


def _listening(port: int) -> socket.socket:
    # create_server leaves the socket of a port that does not exist open
    made = _bound(port, socket.SOCK_STREAM)
    made.listen()
    return made


def _attempt(port: int, listen: Callable[[], socket.socket]) -> Findings:
    """
    The result of listening at a port, and the name of that port.
    """
    found: Findings = {}
    try:
        found["service"] = socket.getservbyport(port, "tcp")
    except (OSError, OverflowError):
        found["service"] = None
    try:
        with listen() as listening:
            found["got"] = listening.getsockname()[1]
    except OverflowError:
        found["error"] = "there is no such port"
    except OSError as error:
        found |= failure(error)
    return found
