"""
What a service's processes share, and how their metrics become one's.
"""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from functools import partial
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.binding import bindUDP
from twisted_netdemo.service.observe.metrics import Histogram, Metric, fromPlain, toPlain, total
from twisted_netdemo.service.workers.child import ParentConnection, Servable
from twisted_netdemo.service.workers.pool import parseWorkers, share
from twisted_netdemo.service.workers.sockets import ReusePortSockets, SocketOpener, bindTCP


def metrics(answered: int, open: int, seconds: float) -> list[Metric]:
    spread = Histogram()
    spread.add(seconds)
    return [
        Metric("sessions", "", {"answered": answered}, "outcome"),
        Metric("open", "", open, rises=False),
        Metric("seconds", "", spread),
    ]


class MetricsTests(SynchronousTestCase):
    def test_total(self) -> None:
        """
        Labels, numbers and spreads of several, added up, after a way through JSON.
        """
        several = [
            [fromPlain(json.loads(json.dumps(toPlain(metric)))) for metric in one]
            for one in (metrics(1, 2, 0.25), metrics(5, 7, 1e6), [])
        ]
        sessions, opened, seconds = total(several)
        self.assertEqual((sessions.value, sessions.label), ({"answered": 6}, "outcome"))
        self.assertEqual((opened.value, opened.rises), (9, False))
        assert isinstance(seconds.value, Histogram)
        self.assertEqual((sum(seconds.value.counts), seconds.value.sum), (2, 1e6 + 0.25))
        self.assertEqual(seconds.value.counts[-1], 1)


class ParentTests(SynchronousTestCase):
    def test_parentStalls(self) -> None:
        """
        While the parent does not read, a worker's events take bounded memory: beyond it they are
        counted, and their number is logged when it reads again. Metrics and answers are said all
        the same.
        """
        said: list[str] = []

        def observer(event: LogEvent) -> None:
            said.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        parent = ParentConnection(Clock(), cast(Servable, None), lambda: metrics(1, 2, 0.5))
        parent.makeConnection(transport := StringTransport())
        self.assertIs(transport.producer, parent)
        parent.sayEvent({"log_format": "one"})
        parent.pauseProducing()
        parent.sayEvent({"log_format": "held"})
        for _ in range(3):
            parent.sayEvent({"log_format": "x" * (1 << 20)})
        parent.sendMetrics()
        parent.resumeProducing()
        parent.sayEvent({"log_format": "last"})
        messages = [json.loads(line) for line in transport.value().splitlines()]
        events = [json.loads(each["event"])["log_format"] for each in messages if "event" in each]
        self.assertEqual((events, len(messages)), (["one", "held", "last"], 4))
        self.assertEqual(said, ["3 event(s) of a worker are missing here."])


class ShareTests(SynchronousTestCase):
    @given(st.integers(0, 10**6), st.integers(1, 64))
    def test_nothingIsLost(self, most: int, workers: int) -> None:
        """
        The workers' shares add up to the limit and are nearly even; no limit stays none.
        """
        shares = [share(most, index, workers) for index in range(workers)]
        self.assertEqual(sum(shares), most)
        self.assertLessEqual(max(shares) - min(shares), 1)

    def test_workers(self) -> None:
        """
        A number, or one for each processor.
        """
        self.assertEqual(parseWorkers("3"), 3)
        self.assertGreaterEqual(parseWorkers("auto"), 1)
        for wrong in ("0", "-1", "many", "5000"):
            self.assertRaises(ValueError, parseWorkers, wrong)


class ReusePortSocketsTests(SynchronousTestCase):
    def test_oneAddress(self) -> None:
        """
        A free port is the same for all; it takes both families on ::, and is free afterwards.
        """
        held = SocketOpener(3)(0, None, 10, "::")
        self.addCleanup(held.stopListening)
        ports = {each.getsockname()[1] for each in held.sockets}
        self.assertEqual(ports, {held.getHost().port})
        socket.create_connection(("127.0.0.1", held.getHost().port), 5).close()
        socket.create_connection(("::1", held.getHost().port), 5).close()
        held.stopListening()
        bindTCP(ports.pop(), "::", False, 10).close()

    def test_busy(self) -> None:
        """
        Two services do not share a port by accident, though each of them could.
        """
        for bind in (partial(bindTCP, backlog=10), bindUDP):
            held = ReusePortSockets(2, 0, "127.0.0.1", bind)
            self.addCleanup(held.stopListening)
            port = held.getHost().port
            error = self.assertRaises(
                CannotListenError, ReusePortSockets, 2, port, "127.0.0.1", bind
            )
            self.assertEqual(error.port, port)

    def test_datagrams(self) -> None:
        """
        A UDP port has both families too and one number, and its sockets share the datagrams.
        """
        held = ReusePortSockets(3, 0, None, bindUDP)
        self.addCleanup(held.stopListening)
        self.assertEqual(held.getHost().type, "UDP")
        with ExitStack() as stack:
            for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)) * 40:
                client = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                client.sendto(b"x", (host, held.getHost().port))
        for each in held.sockets:
            self.assertEqual(each.recv(9), b"x")
        self.assertEqual(held.dropped(), 0)
