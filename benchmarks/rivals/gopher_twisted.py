"""
The client in plain Twisted, as its documentation teaches it.

  gopher_twisted.py PORT PARALLEL SELECTOR...   each is saved under the last part of its selector
"""

import sys

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import react

port, parallel = int(sys.argv[1]), int(sys.argv[2])


class Fetch(Protocol):
    def __init__(self, selector):
        self.selector = selector
        self.done = Deferred()

    def connectionMade(self):
        self.transport.write(self.selector.encode() + b"\r\n")
        self.file = open(self.selector.rpartition("/")[2], "wb")  # noqa: SIM115  # closed at the end of the connection

    def dataReceived(self, data):
        self.file.write(data)

    def connectionLost(self, reason):
        self.file.close()
        self.done.callback(None)


async def work(reactor, selectors):
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    for selector in selectors:
        protocol = await connectProtocol(endpoint, Fetch(selector))
        await protocol.done


def main(reactor):
    selectors = iter(sys.argv[3:])
    return gatherResults([ensureDeferred(work(reactor, selectors)) for _ in range(parallel)])


react(main)
