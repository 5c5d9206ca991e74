"""
A Gopher client with Twisted: several selectors at a time, in one thread.

    python examples/gopher/with_twisted.py HOST PORT SELECTOR [SELECTOR ...]
"""

import sys
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure


class Gopher(LineOnlyReceiver):
    delimiter = b"\n"

    def __init__(self, selector: str) -> None:
        self.selector = selector
        self.lines: list[str] = []
        self.finished: Deferred[list[str]] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self.selector.encode() + b"\r\n")

    def lineReceived(self, line: bytes) -> None:
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        if text == ".":
            self.transport.loseConnection()
        else:
            self.lines.append(text)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # has a default
        if reason.check(ConnectionDone):
            self.finished.callback(self.lines)
        else:
            self.finished.errback(reason)


async def fetch(reactor: Any, host: str, port: int, selector: str) -> list[str]:
    endpoint = HostnameEndpoint(reactor, host, port, timeout=10)
    protocol = await connectProtocol(endpoint, Gopher(selector))
    return await protocol.finished.addTimeout(10, reactor)


async def main(reactor: Any, host: str, port: str, *selectors: str) -> None:
    fetches = [
        Deferred.fromCoroutine(fetch(reactor, host, int(port), selector)) for selector in selectors
    ]
    for selector, lines in zip(selectors, await gatherResults(fetches), strict=True):
        print(f"{selector}:", *lines, sep="\n")


if __name__ == "__main__":
    react(main, sys.argv[1:])
