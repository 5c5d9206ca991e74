"""
A relay of TCP connections in memory, on a fake clock: its clients, and its target.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.schemas import assertConforms
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.impair.stream_faults import StreamFaults
from twisted_netdemo.impair.tcp_pair import End
from twisted_netdemo.impair.tcp_relay import StreamRelay


class MemoryTruth:
    """
    The lines of a truth.
    """

    missing = 0

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.isClosed = False

    def write(self, line: bytes) -> None:
        assert not self.isClosed
        self.lines.append(json.loads(line))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.isClosed = True


class FakeTransport:
    """
    A connection whose system takes what is written when the test says so.

    @ivar writes: what the system has taken, a write each, and when.
    @ivar ends: what has been done to the connection.
    """

    def __init__(self, clock: Clock, protocol: End) -> None:
        self.clock = clock
        self.protocol = protocol
        self.writes: list[tuple[bytes, float]] = []
        self.ends: list[str] = []
        self.isReading = True
        self.takes = True
        self.producer: Any = None
        self._buffer: list[bytes] = []
        self._isFlushing = False

    @property
    def data(self) -> bytes:
        return b"".join(data for data, _ in self.writes)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert not streaming
        self.producer = producer
        producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.isReading = False

    def resumeProducing(self) -> None:
        self.isReading = True

    def write(self, data: bytes) -> None:
        self._buffer.append(data)
        self.flush()

    def flush(self) -> None:
        if self._isFlushing or not self.takes:
            return
        self._isFlushing = True
        while self._buffer:
            data = b"".join(self._buffer)
            self._buffer.clear()
            self.writes.append((data, round(self.clock.seconds(), 6)))
            if self.producer is not None:
                self.producer.resumeProducing()
        self._isFlushing = False

    def loseWriteConnection(self) -> None:
        self.ends.append("half-closed")

    def loseConnection(self) -> None:
        self.ends.append("closed")
        self.clock.callLater(0, self.protocol.connectionLost, Failure(ConnectionDone()))

    def abortConnection(self) -> None:
        self.ends.append("reset")
        self.clock.callLater(0, self.protocol.connectionLost, Failure(ConnectionLost()))


class FakeTarget:
    """
    An endpoint that the test connects, or not.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[tuple[float, Any, Deferred[Any]]] = []
        self.cancelled = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        def cancel(_: Deferred[Any]) -> None:
            self.cancelled += 1

        connected: Deferred[Any] = Deferred(cancel)
        self.asked.append((round(self.clock.seconds(), 6), factory, connected))
        return connected

    def accept(self, n: int = 0) -> FakeTransport:
        _, factory, connected = self.asked[n]
        transport = connect(self.clock, factory)
        connected.callback(transport.protocol)
        return transport


CLIENT = IPv4Address("TCP", "127.0.0.1", 4001)


def connect(clock: Clock, factory: Any, address: Any = CLIENT) -> FakeTransport:
    protocol = factory.buildProtocol(address)
    transport = FakeTransport(clock, protocol)
    protocol.makeConnection(transport)
    return transport


class StreamCase(SynchronousTestCase):
    """
    A client, a target and the relay between them.
    """

    def start(
        self,
        up: Impairments | None = None,
        down: Impairments | None = None,
        upFaults: StreamFaults | None = None,
        downFaults: StreamFaults | None = None,
    ) -> None:
        self.clock = Clock()
        self.target = FakeTarget(self.clock)
        self.relay = StreamRelay(
            {"up": up or Impairments(), "down": down or Impairments()},
            {"up": upFaults or StreamFaults(), "down": downFaults or StreamFaults()},
            42,
            self.target,  # type: ignore[arg-type]  # its connect is all that matters
            self.clock,
        )
        self.relay.truth = self.lines = MemoryTruth()
        self.addCleanup(lambda: assertConforms(self, "impair-truth", *self.lines.lines))
        self.client = connect(self.clock, self.relay)

    def connected(self, after: int = 1, **options: Any) -> tuple[FakeTransport, FakeTransport]:
        """
        Both ends, once the opening has taken its way up.
        """
        self.start(**options)
        self.pump(after)
        self.server = self.target.accept()
        return self.client, self.server

    def truth(self) -> list[dict[str, Any]]:
        """
        The lines so far.
        """
        return self.lines.lines

    def pump(self, milliseconds: int) -> None:
        self.clock.pump([0.001] * milliseconds)
