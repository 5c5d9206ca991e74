"""
The page's way in: its sockets on the loopback device, which are made before this process enters the
private network and so stay outside, and its URL.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
import tempfile
from html import escape
from typing import Any

from twisted.internet.interfaces import IListeningPort, IReactorSocket
from twisted.internet.protocol import ServerFactory

from twisted_netdemo.badwire.console import describe
from twisted_netdemo.badwire.live.web.security import makeToken
from twisted_netdemo.service.process.control import StartError

_BACKLOG = 128

# How often a free port is sought that is free for IPv4 and IPv6.
_TRIES = 50


class Entrance:
    """
    @ivar token: the secret in the URL.
    @ivar port: the TCP port.
    """

    def __init__(self, port: int) -> None:
        """
        @param port: the port to listen on, 0 for a free one.
        @raise StartError: it is taken.
        """
        self.token = makeToken()
        try:
            self._sockets = _listening(port)
        except OSError as error:
            raise StartError(f"badwire: --port {port}: {describe(error)}") from None
        self.port: int = self._sockets[0].getsockname()[1]
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    def openBrowser(self) -> None:
        """
        Let a browser open the page. Others can read command lines, so that it is given the name of
        a private file which leads to the page.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="badwire-")
        path = os.path.join(self._folder.name, "live.html")
        with open(path, "w", encoding="ascii", opener=_private) as file:
            url = escape(self.url)
            file.write(f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={url}">\n')
        # Before this process enters the network, in which no browser would find its way out.
        subprocess.Popen(
            [sys.executable, "-P", "-m", "webbrowser", f"file://{path}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def listen(self, reactor: IReactorSocket, factory: ServerFactory[Any]) -> list[IListeningPort]:
        """
        Begin to accept.
        """
        ports = []
        for each in self._sockets:
            ports.append(reactor.adoptStreamPort(each.fileno(), each.family, factory))
            each.close()
        self._sockets = []
        return ports

    def close(self) -> None:
        """
        Nothing is listened to any more.
        """
        for each in self._sockets:
            each.close()
        if self._folder is not None:
            self._folder.cleanup()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _listening(port: int) -> list[socket.socket]:
    """
    Listen on the loopback addresses: of IPv4, and of IPv6 where there is one.
    """
    for _ in range(_TRIES):
        first = _bound(socket.AF_INET, "127.0.0.1", port)
        try:
            return [first, _bound(socket.AF_INET6, "::1", first.getsockname()[1])]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return [first]  # there is no IPv6
            if port:
                first.close()
                raise
        first.close()
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError:
        with contextlib.suppress(OSError):
            bound.close()
        raise
    return bound
