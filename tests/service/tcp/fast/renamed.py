"""
A session with a Twisted in which a private name has another name.

Usage: python -m tests.service.tcp.fast.renamed

For each private name that the fast transport takes (C{PRIVATE}, and of C{GIVEN} what begins with an
underscore, in private_names.py), a process of its own loads Twisted with that name changed
wherever Twisted has it, so that nothing is called by the old one. It serves a client on a TCP port,
on one that was opened before, and on a UNIX socket. One line each: the name, whose client
connections were made, what the clients read.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

# What the names are not in, loaded once for all.
import OpenSSL  # noqa: F401  # as below
import twisted.internet.address
import twisted.internet.error
import twisted.internet.protocol
import twisted.logger  # noqa: F401  # each is only loaded

SAID = b"9 characters"


class Renaming(importlib.abc.MetaPathFinder):
    """
    Loads Twisted's modules with a name changed.
    """

    def __init__(self, name: str) -> None:
        self.pattern = re.compile(rb"\b%s\b" % name.encode())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith("twisted.internet."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
            spec.loader.pattern = self.pattern
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    pattern: re.Pattern[bytes]

    def get_code(self, fullname: str) -> CodeType:
        source = self.pattern.sub(b"renamed", self.get_data(self.path))
        return compile(source, self.path, "exec", dont_inherit=True)


class _Nameless(type):
    """
    Its classes lack what the test takes from them.
    """

    lacks = "_accept"

    def __getattribute__(cls, name: str) -> Any:
        if name == _Nameless.lacks:
            raise AttributeError(name)
        return super().__getattribute__(name)


def withoutPythons(name: str) -> None:
    """
    The same for a class of Python's, whose attributes stay.
    """
    _Nameless.lacks = name
    socket.SocketType = _Nameless("SocketType", (socket.SocketType,), {})  # type: ignore[misc]


def serve() -> tuple[str, list[str]]:
    """
    Serve a client in each way.

    @return: whose connections they were, and what was read.
    """
    from twisted.internet import reactor as theReactor
    from twisted.internet.defer import Deferred
    from twisted.internet.endpoints import UNIXClientEndpoint
    from twisted.internet.protocol import Factory, Protocol

    from twisted_netdemo.linecount.server import LineCountFactory
    from twisted_netdemo.service.tcp.fast.client import addressEndpoint
    from twisted_netdemo.service.tcp.listening_reactor import ListeningReactor

    reactor: Any = theReactor
    kinds: set[str] = set()
    read: list[str] = []

    class Client(Protocol):
        def connectionMade(self) -> None:
            self.received = b""
            kinds.add(type(self.transport).__module__)
            self.transport.write(b"some text\r\n")

        def dataReceived(self, data: bytes) -> None:
            self.received += data

        def connectionLost(self, reason: Any = None) -> None:
            read.append(self.received.decode().splitlines()[-1])
            over.callback(None)

    async def all_() -> None:
        nonlocal over
        listening = ListeningReactor(reactor)
        path = f"{folder}/socket"
        factory = LineCountFactory(reactor)
        ports = [listening.listenTCP(0, factory, interface="127.0.0.1")]
        with socket.create_server(("127.0.0.1", 0)) as opened:
            opened.setblocking(False)
            ports.append(listening.adoptStreamPort(opened.fileno(), socket.AF_INET, factory))
        endpoints: list[Any] = [
            addressEndpoint(reactor, "127.0.0.1", port.getHost().port) for port in ports
        ]
        ports.append(listening.listenUNIX(path, factory))
        endpoints.append(UNIXClientEndpoint(reactor, path))
        for endpoint in endpoints:
            over = Deferred()
            await endpoint.connect(Factory.forProtocol(Client))
            await over
        for port in ports:
            await port.stopListening()

    def begin() -> None:
        done = Deferred.fromCoroutine(all_())
        done.addErrback(lambda failure: read.append(failure.getTraceback()))
        done.addCallback(lambda _: reactor.stop())

    over: Deferred[None] = Deferred()
    with tempfile.TemporaryDirectory() as folder:
        reactor.callWhenRunning(begin)
        reactor.callLater(20, reactor.stop)
        reactor.run()
    kinds.discard("twisted.internet.unix")
    return " ".join(sorted(kinds)), read


def names() -> list[str]:
    """
    All that are taken. They are read from the source: nothing of Twisted may be loaded yet.
    """
    spec = find_spec("twisted_netdemo.service.tcp.fast.private_names")
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin) as source:
        text = source.read()
    private = text[text.index("PRIVATE:") : text.index("GIVEN =")]
    given = text[text.index("GIVEN =") : text.index("def missingNames")]
    return sorted({*re.findall(r'"(\w+)"', private), *re.findall(r'"(_\w+)"', given)})


def main() -> None:
    assert "twisted.internet.abstract" not in sys.modules
    for name in ["", *names()]:
        sys.stdout.flush()
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        if hasattr(socket.SocketType, name):
            withoutPythons(name)
        if name and name != "_accept":
            sys.meta_path.insert(0, Renaming(name))
        try:
            kinds, read = serve()
            print(f"{name or 'nothing'}: {kinds}: {' | '.join(read)}")
        finally:
            sys.stdout.flush()
            os._exit(0)


if __name__ == "__main__":
    main()
