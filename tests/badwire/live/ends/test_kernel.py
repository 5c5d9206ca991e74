"""
Tests of the kernel's news for the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_events import SENT
from twisted_netdemo.badwire.live.ends import sock_diag
from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers, TCPConnection
from twisted_netdemo.badwire.live.ends.kernel import OFTEN, KernelWatch, asker
from twisted_netdemo.badwire.live.ends.sock_diag import TCPSocket
from twisted_netdemo.badwire.model.kernel_counters import CounterRow

NEAR = TCPSocket(4, "10.77.0.1", 40000, 51423, "ESTABLISHED", "retransmit", 300, 0, 5, rto=300.0)
FAR = TCPSocket(4, "10.77.0.1", 51423, 40000, "ESTABLISHED", "none", 0, 0, 0)
ELSEWHERE = TCPSocket(4, "127.0.0.1", 8000, 40000, "ESTABLISHED", "none", 0, 0, 0)

OPENING = replace(
    SENT, flow=3, direction="up", protocol="tcp", version=4, source=40000, destination=51423
)


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.flows = FlowNumbers()
        self.flows.sent(OPENING)
        self.published: list[Any] = []
        self.sockets = [NEAR, FAR, ELSEWHERE]
        self.asked = 0
        self.kernel = {"TcpExtTCPLossProbes": 0, "TcpExtTCPTimeouts": 0}
        self.rows = [CounterRow("sent", 1, 1, "", True), CounterRow("none", 0, 0, "")]
        self.watch = KernelWatch(
            self.clock,
            self.clock.seconds,
            self.flows,
            lambda event: self.published.append(json.loads(event)),
            self.compare,
            lambda: self.kernel,
            self.ask,
        )
        self.watch.start()

    def compare(self, kernel: Mapping[str, int]) -> list[CounterRow]:
        return self.rows

    def ask(self, connections: Iterable[TCPConnection]) -> list[TCPSocket]:
        self.connections = list(connections)
        self.asked += 1
        return self.sockets

    def advance(self, seconds: float) -> list[Any]:
        """
        Let time pass, and return what has been published meanwhile.
        """
        del self.published[:]
        for _ in range(round(seconds / 0.01)):
            self.clock.advance(0.01)
        return self.published

    def test_sockets(self) -> None:
        """
        The sockets of the wire are told, with their side and their flow; others are not.
        """
        [event] = [each for each in self.advance(0.02) if each["event"] == "kernel"]
        sides = [(each["side"], each["flow"], each["port"]) for each in event["sockets"]]
        self.assertEqual(sides, [("near", 3, 40000), ("far", 3, 51423)])
        self.assertEqual(event["sockets"][0]["expires_ms"], 300)

    def test_running(self) -> None:
        """
        A timer that runs down is no news; one that is set anew is.
        """
        self.advance(0.02)
        start = self.clock.seconds()

        def left(connections: Iterable[TCPConnection]) -> list[TCPSocket]:
            self.asked += 1
            return [replace(NEAR, expires=round(300 - (self.clock.seconds() - start) * 1000))]

        self.sockets = [replace(NEAR, expires=300)]
        self.watch._sockets = left
        self.assertEqual(len(self.advance(OFTEN)), 1)  # one socket has gone
        self.assertEqual(self.advance(0.15), [])
        start = self.clock.seconds()
        [event] = self.advance(OFTEN)
        self.assertTrue(200 < event["sockets"][0]["expires_ms"] <= 300)

    def test_idle(self) -> None:
        """
        The kernel is asked twenty times a second while there are connections, seldom while there
        are none, and at once when something happens.
        """
        self.advance(1)
        self.assertTrue(15 <= self.asked <= 22, self.asked)
        self.sockets = []
        self.advance(0.2)
        self.asked = 0
        self.advance(2)
        self.assertEqual(self.asked, 0)  # there is no connection to ask for
        self.assertTrue(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds() > OFTEN)
        self.flows.sent(OPENING)
        self.watch.happened()
        self.advance(0.2)
        self.assertTrue(1 <= self.asked <= 3, self.asked)

    def test_connections(self) -> None:
        """
        The kernel is asked for the connections of the wire, each until neither end has a socket;
        and again when it sends something.
        """
        self.flows.sent(replace(OPENING, flow=4, source=40001))
        self.advance(0.02)
        self.assertEqual(self.connections, [(4, 40000, 51423), (4, 40001, 51423)])
        self.advance(OFTEN)
        self.assertEqual(self.connections, [(4, 40000, 51423)])
        self.flows.sent(replace(OPENING, flow=4, source=40001))
        self.sockets = [FAR]
        self.advance(OFTEN)
        self.assertEqual(self.connections, [(4, 40000, 51423), (4, 40001, 51423)])
        self.advance(OFTEN)
        self.assertEqual(self.connections, [(4, 40000, 51423)])

    def test_counters(self) -> None:
        """
        The counters are told when they have changed, those that count something; so are the
        kernel's own counts of probes and timeouts.
        """
        [event] = [each for each in self.advance(0.02) if each["event"] == "counters"]
        row = {"name": "sent", "log": 1, "kernel": 1, "equal": True, "inferred": True}
        self.assertEqual(event["rows"], [row])
        self.assertEqual(event["tlp"], {"probes": 0, "timeouts": 0})
        later = [each for each in self.advance(1) if each["event"] == "counters"]
        self.assertEqual(later, [])
        self.kernel["TcpExtTCPLossProbes"] = 1
        self.watch.countNow()
        self.assertEqual(self.published[-1]["tlp"], {"probes": 1, "timeouts": 0})

    def test_refused(self) -> None:
        """
        A kernel that refuses once is asked again later: the page's figures do not stand still.
        """
        with mock.patch.object(sock_diag, "isThere", return_value=True):
            self.watch._sockets = asker()
        tables = mock.mock_open(read_data="")
        with (
            mock.patch.object(sock_diag, "ask", side_effect=OSError(105, "No buffer space")) as ask,
            mock.patch("builtins.open", tables),
        ):
            self.advance(0.02)
            self.assertEqual(ask.call_count, 1)
            self.flows.sent(OPENING)
            self.watch.happened()
            self.advance(2 * OFTEN)
            self.assertGreater(ask.call_count, 1)

    def test_stop(self) -> None:
        """
        At the end the kernel is asked no more.
        """
        self.watch.stop()
        self.watch.happened()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class FlowNumberTests(SynchronousTestCase):
    def test_newest(self) -> None:
        """
        Of two flows between the same ports the later one counts; the sockets of both ends are
        found, and others are not.
        """
        flows = FlowNumbers()
        self.assertTrue(flows.sent(OPENING))
        self.assertFalse(flows.sent(OPENING))
        back = replace(OPENING, direction="down", source=51423, destination=40000)
        self.assertFalse(flows.sent(back))
        self.assertEqual(flows.of("tcp", 40000, 51423), 3)
        self.assertTrue(flows.sent(replace(OPENING, flow=8)))
        self.assertEqual(flows.of("tcp", 40000, 51423), 8)
        self.assertEqual(flows.ofSocket(4, 40000, 51423), ("near", 8))
        self.assertEqual(flows.ofSocket(4, 51423, 40000), ("far", 8))
        self.assertEqual(flows.ofSocket(6, 51423, 40000), (None, None))
        self.assertFalse(flows.sent(replace(OPENING, source=None, destination=None)))
