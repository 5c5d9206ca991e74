"""
The server without a network: its limits, what it counts, and what it says.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.datagram import Received
from twisted_netdemo.testing import MemoryPort
from twisted_netdemo.udpcount.server import UDPCount


def received(data: bytes, host: str, port: int, destination: str = "127.0.0.1") -> list[Received]:
    """
    A batch of one.
    """
    return [(data, (host, port), (destination, None, None), None)]


class ServerTests(SynchronousTestCase):
    def server(self, rate: float = 0, burst: float = 1, total: float = 0) -> UDPCount:
        self.clock = Clock()
        self.clock.advance(1000)
        self.port = MemoryPort()
        self.port.unreachable = {"192.0.2.99"}
        server = UDPCount(
            self.clock,
            perSource=TokenBuckets(rate, burst) if rate else None,
            inAll=TokenBuckets(total, total) if total else None,
            isBroadcast=lambda host: host == "192.0.2.255",
        )
        server.started(self.port)
        return server

    def answered(self, server: UDPCount, host: str, times: int = 1, port: int = 60_000) -> int:
        """
        How many of so many datagrams are answered.
        """
        before = len(self.port.sent)
        for _ in range(times):
            server.datagramsReceived(received(b"123", host, port))
        return len(self.port.sent) - before

    def test_answer(self) -> None:
        """
        A datagram is answered with one, to its source, from the address that it was sent to.
        """
        server = self.server()
        server.datagramsReceived(received(b"123\n", "127.0.0.1", 62460, "127.0.0.9"))
        words = b"Welcome, ('127.0.0.1', 62460)\nYou entered 3 characters.\n"
        self.assertEqual(self.port.sent, [(words, ("127.0.0.1", 62460), "127.0.0.9")])

    def test_perSource(self) -> None:
        """
        A source that sends too much is cut to its rate; its ports share the rate, and another
        source has its own.
        """
        server = self.server(rate=10, burst=20)
        self.assertEqual(self.answered(server, "192.0.2.1", 50), 20)
        self.assertEqual(self.answered(server, "192.0.2.1", 50, port=60_001), 0)
        self.assertEqual(self.answered(server, "192.0.2.2", 50), 20)
        self.clock.advance(1)
        self.assertEqual(self.answered(server, "192.0.2.1", 50), 10)
        self.assertEqual(server.refused, {"source-rate": 30 + 50 + 30 + 40})

    def test_network(self) -> None:
        """
        The addresses of one IPv6 /64 are one source, and the next /64 is another.
        """
        server = self.server(rate=10, burst=20)
        self.assertEqual(self.answered(server, "2001:db8::1", 15), 15)
        self.assertEqual(self.answered(server, "2001:db8::ffff:2", 15), 5)
        self.assertEqual(self.answered(server, "2001:db8:0:1::1", 15), 15)

    def test_inAll(self) -> None:
        """
        All sources together are cut, too; a source over its own limit takes nothing from the
        others.
        """
        server = self.server(rate=10, burst=20, total=50)
        self.assertEqual(self.answered(server, "192.0.2.1", 1000), 20)
        self.assertEqual(self.answered(server, "192.0.2.2", 20), 20)
        self.assertEqual(self.answered(server, "192.0.2.3", 20), 10)
        self.assertEqual(server.refused, {"source-rate": 980, "total-rate": 10})

    def test_batch(self) -> None:
        """
        Each datagram of a batch is answered or refused as if it had come alone.
        """
        server = self.server(rate=10, burst=2, total=4)
        batch = [
            *received(b"1", "192.0.2.1", 53),
            *(each for n in range(1001, 1005) for each in received(b"1", "192.0.2.1", n)),
            *(each for n in range(5, 9) for each in received(b"1", f"192.0.2.{n}", 1000 + n)),
        ]
        server.datagramsReceived(batch)
        self.assertEqual([to[1] for _, to, _ in self.port.sent], [1001, 1002, 1005, 1006])
        self.assertEqual(server.refused, {"port": 1, "source-rate": 2, "total-rate": 2})
        self.assertEqual((server.answered, server.characters), (4, 4))
        server.datagramsReceived(batch)
        self.assertEqual((server.answered, len(self.port.sent)), (4, 4))

    def test_notTaken(self) -> None:
        """
        An answer that the system does not take is not counted, nor are its datagram's characters.
        """
        server = self.server()
        server.datagramsReceived(
            [
                each
                for host in ("192.0.2.1", "192.0.2.99", "192.0.2.3")
                for each in received(b"12", host, 1000)
            ]
        )
        self.assertEqual((server.answered, server.characters, len(self.port.sent)), (2, 4, 2))

    def test_broadcast(self) -> None:
        """
        A datagram that was sent to all hosts on a network, or to a group, is not answered.
        """
        server = self.server()
        for destination in ("192.0.2.255", "255.255.255.255", "224.0.0.1", "192.0.2.4"):
            server.datagramsReceived(received(b"1", "192.0.2.1", 1000, destination))
        self.assertEqual((server.answered, server.refused), (1, {"group": 3}))
        server.datagramsReceived([(b"1", ("192.0.2.1", 1000), (None, None, None), None)])
        self.assertEqual(server.answered, 2)

    def test_refusedTakesNothing(self) -> None:
        """
        A refused datagram takes nothing from the limits of its source address, which may be forged.
        """
        server = self.server(rate=10, burst=1)
        self.assertEqual(self.answered(server, "192.0.2.1", 5, port=53), 0)
        self.assertEqual(self.answered(server, "192.0.2.1"), 1)
        self.assertEqual(server.refused, {"port": 5})

    def test_twoServers(self) -> None:
        """
        One datagram to a server, with another server as its forged source, causes one answer, which
        the other does not answer.
        """
        one, other = self.server(), UDPCount(Clock())
        port = MemoryPort(number=51424)
        other.started(port)
        one.datagramsReceived(received(b"spoofed", "127.0.0.1", port.number))
        ((words, to, _),) = self.port.sent
        self.assertEqual(to, ("127.0.0.1", 51424))
        other.datagramsReceived(received(words, "127.0.0.1", 51423))
        self.assertEqual((port.sent, other.refused), ([], {"answer": 1}))

    def test_saidOnceAMinute(self) -> None:
        """
        A flood of refused datagrams is a line a minute in the log, with their number, and no
        content.
        """
        said: list[str] = []

        def observe(event: dict[str, object]) -> None:
            if event.get("log_namespace") == "twisted_netdemo.udpcount.server":
                said.append(str(event["log_format"]).format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        server = self.server(rate=10, burst=1)
        self.answered(server, "192.0.2.1", 1001)
        self.clock.advance(60)
        self.assertEqual(
            said,
            [
                f"Not answered: {times} datagram(s); the last, from 192.0.2.1:60000: too many from "
                "there."
                for times in (1, 999)
            ],
        )

    def test_metrics(self) -> None:
        """
        An operator sees how many datagrams were answered, how many characters were counted, and how
        many datagrams were refused and why.
        """
        server = self.server(rate=10, burst=2)
        self.answered(server, "192.0.2.1", 5)
        self.answered(server, "192.0.2.1", 4, port=7)
        metrics = {metric.name: metric for metric in server.metrics()}
        self.assertTrue(all(isinstance(metric, Metric) for metric in metrics.values()))
        self.assertEqual(metrics["udpcount_answers"].value, 2)
        self.assertEqual(metrics["udpcount_characters"].value, 6)
        self.assertEqual(metrics["udpcount_refused"].value, {"source-rate": 3, "port": 4})
