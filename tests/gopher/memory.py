"""
A Gopher server in memory that a test controls, and a clock that stands still.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.testing import MemoryTransport

CLIENT = IPv4Address("TCP", "127.0.0.1", 49152)
SERVER = IPv4Address("TCP", "192.0.2.1", 70)


class Server:
    """
    The other side of one fetch.

    @ivar asked: the host and port that was connected to, or C{None}.
    @ivar attempt: the client's attempt, to be failed by a test.
    """

    asked: tuple[str, int] | None = None
    attempt: Deferred[IProtocol]

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.told: list[str] = []

    def agent(self, **options: Any) -> Agent:
        return Agent(self.clock, endpoint=self.endpoint, tell=self.told.append, **options)

    def endpoint(self, host: str, port: int) -> Any:
        self.asked = (host, port)
        return self

    def connect(self, factory: Any) -> Deferred[IProtocol]:
        self.factory = factory
        self.attempt = Deferred()
        return self.attempt

    def accept(self) -> None:
        self.protocol: Any = self.factory.buildProtocol(None)
        self.wire = MemoryTransport(self.protocol, SERVER, CLIENT)
        self.protocol.makeConnection(self.wire)
        if not self.attempt.called:
            self.attempt.callback(self.protocol)

    @property
    def request(self) -> bytes:
        return self.wire.value()

    @property
    def isRead(self) -> bool:
        return self.wire.producerState == "producing" and not self.wire.ended

    @property
    def isAborted(self) -> bool:
        return self.wire.ended == "aborted"

    def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.protocol.dataReceived(chunk)

    def close(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def breakOff(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionLost()))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
