"""
A relay of datagrams in memory, on a fake clock.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import Direction
from twisted_netdemo.impair.ground_truth import LineFile
from twisted_netdemo.impair.udp_relay import Relay
from twisted_netdemo.service.addresses import Address
from twisted_netdemo.testing import MemoryPort

FIRST, SECOND = ("127.0.0.1", 4001), ("fe80::1%eth0", 4002)


class FakeConnection:
    """
    A client's socket to the target.
    """

    def __init__(
        self,
        clock: Clock,
        received: Callable[[bytes], None],
        failed: Callable[[OSError], None],
        refused: Callable[[OSError], None],
    ) -> None:
        self.clock = clock
        self.received = received
        self.failed = failed
        self.refused = refused
        self.sent: list[tuple[bytes, float]] = []
        self.isClosed = False
        self.works = True

    def send(self, data: bytes) -> bool:
        if not self.works:
            self.failed(OSError(errno.EMSGSIZE, "Message too long"))
            return False
        self.sent.append((data, round(self.clock.seconds(), 6)))
        return True

    def dropped(self) -> int | None:
        return 3

    def close(self) -> None:
        self.isClosed = True


class RelayCase(SynchronousTestCase):
    """
    A relay whose target does what the test says.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.port = MemoryPort()
        self.connections: list[FakeConnection] = []
        self.refusal: OSError | None = None
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def connect(
        self,
        received: Callable[[bytes], None],
        failed: Callable[[OSError], None],
        refused: Callable[[OSError], None],
    ) -> FakeConnection:
        if self.refusal is not None:
            raise self.refusal
        connection = FakeConnection(self.clock, received, failed, refused)
        self.connections.append(connection)
        return connection

    def relay(
        self,
        up: Impairments | None = None,
        down: Impairments | None = None,
        idle: float = 60.0,
        most: int = 0,
    ) -> Relay:
        figures: dict[Direction, Impairments] = {
            "up": up or Impairments(),
            "down": down or Impairments(),
        }
        relay = Relay(
            figures, 42, self.connect, self.clock, idle, most, lambda host: host == "192.0.2.255"
        )
        self.path = str(folder(self) / "truth.jsonl")
        relay.truth = LineFile(self.path, self.clock)
        relay.started(self.port)
        return relay

    def send(self, relay: Relay, data: bytes, source: Address = FIRST) -> None:
        relay.datagramsReceived([(data, source, ("192.0.2.1", None, None), None)])

    def truth(self, relay: Relay) -> list[dict[str, Any]]:
        relay.stop(2)
        with open(self.path) as lines:
            return [json.loads(line) for line in lines]

    def said(self) -> list[str]:
        return [event["log_format"] for event in self.events if "impair" in event["log_namespace"]]
