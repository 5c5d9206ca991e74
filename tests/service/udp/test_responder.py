"""
The base of a UDP service that answers each datagram with one, by the least of services.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.udp.answering_ports import NEVER_ANSWERED
from twisted_netdemo.service.udp.responder import Address, Responder
from twisted_netdemo.testing import MemoryPort


class Echo(Responder):
    name = "echo"
    reasons = {**Responder.reasons, "empty": "it is empty"}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.unsentData: list[bytes] = []

    def respond(self, data: bytes, source: Address) -> bytes:
        if data == b"fault":
            raise ValueError(data)
        return data

    def refusal(self, data: bytes) -> str | None:
        return None if data else "empty"

    def unsent(self, data: bytes, source: Address) -> None:
        self.unsentData.append(data)


class ResponderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.echo = Echo(self.clock, isBroadcast=lambda host: host == "192.0.2.255")
        self.port = MemoryPort(self.echo)

    def test_ports(self) -> None:
        """
        No answer goes to a port whose owner is known to answer it, our own number among them.
        """
        for number in sorted({*NEVER_ANSWERED, self.port.number}):
            self.port.receive(b"1", ("192.0.2.1", number))
        self.assertEqual(self.port.sent, [])
        self.assertEqual(self.echo.refused, {"port": len(NEVER_ANSWERED) + 1})
        for number in (1, 8, 1024, 51422, 65535):
            self.port.receive(b"1", ("192.0.2.1", number))
        self.assertEqual(self.echo.answered, 5)

    def test_groups(self) -> None:
        """
        A datagram that was sent to many is not answered by each of them.
        """
        for group in ("224.0.0.1", "ff02::1", "255.255.255.255", "192.0.2.255"):
            self.port.receive(b"1", destination=group)
        self.assertEqual((self.port.sent, self.echo.refused), ([], {"group": 4}))
        self.port.receive(b"1", destination=None)  # where the system does not tell
        self.assertEqual(self.echo.answered, 1)

    def test_ownReason(self) -> None:
        """
        A service's own reason is counted as the others are.
        """
        self.port.receive(b"")
        self.assertEqual((self.port.sent, self.echo.refused), ([], {"empty": 1}))

    def test_lastCount(self) -> None:
        """
        The log tells of each refused datagram: of the last ones when the port closes.
        """
        said: list[object] = []

        def observe(event: LogEvent) -> None:
            if "times" in event:
                said.append(event["times"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        for _ in range(3):
            self.port.receive(b"")
        self.clock.advance(60)
        self.port.receive(b"")
        self.port.close()
        self.assertEqual(said, [1, 2, 1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_fault(self) -> None:
        """
        A datagram that the service has a fault with costs the other clients nothing.
        """
        first, last = ("192.0.2.1", 40000), ("192.0.2.3", 40000)
        told = ("192.0.2.7", None, None), None
        self.port.unreachable = {last[0]}
        self.echo.datagramsReceived(
            [(b"1", first, *told), (b"fault", ("192.0.2.2", 40000), *told), (b"3", last, *told)]
        )
        self.assertEqual(self.port.sent, [(b"1", first, "192.0.2.7")])
        self.assertEqual((self.echo.answered, self.echo.unsentData), (1, [b"3"]))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_unsent(self) -> None:
        """
        An answer that the system does not take is not counted, and the service learns of it.
        """
        self.port.unreachable = {"192.0.2.9"}
        self.port.receive(b"1", ("192.0.2.9", 40000))
        self.assertEqual((self.echo.answered, self.echo.unsentData), (0, [b"1"]))
