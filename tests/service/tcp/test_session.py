"""
The base of a TCP service's sessions, by the least of services.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.tcp.session import Client, Session
from twisted_netdemo.service.tcp.session_factory import ConnectionLimits, SessionFactory
from twisted_netdemo.testing import connect


class Echo(Session):
    """
    Counts the octets that come, and sends them back up to an exclamation mark.
    """

    def begin(self, client: Client | None) -> None:
        self.transport.write(repr(client).encode())

    def received(self, data: bytes) -> None:
        if data == b"!":
            self.finish("answered", b"bye", octets=1)
        else:
            self.transport.write(data)


class EchoFactory(SessionFactory):
    name = "echo"
    protocol = Echo
    counts = {"octets": "Octets echoed.", "lines": "Lines echoed."}
    logText = "{peer}: {outcome}, {octets}, {lines}"


class SessionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = EchoFactory(self.clock, timeout=10, limits=ConnectionLimits(2, 1))

    def test_session(self) -> None:
        """
        A session is told of its client and of what comes, until it finishes; then what comes is
        dropped.
        """
        transport = connect(self.factory)
        transport.protocol.dataReceived(b"a")
        transport.protocol.dataReceived(b"!")
        transport.protocol.dataReceived(b"b")
        self.assertEqual(transport.value(), b"('127.0.0.1', 62460)abye")
        self.assertEqual(transport.ended, "half")
        self.assertEqual(self.factory.totals, {"octets": 1, "lines": 0})

    def test_endings(self) -> None:
        """
        A service without last words ends a session in silence: one client too many, one that is
        late, one that sends no more, and all that are there when the server stops.
        """
        late = connect(self.factory)
        refused = connect(self.factory)
        self.assertEqual((refused.value(), refused.ended), (b"", "half"))
        refused.peerEnds()
        late.clear()
        self.clock.advance(10)
        self.assertEqual((late.value(), late.ended), (b"", "half"))
        late.peerEnds()
        ended = connect(self.factory)
        ended.peerEnds()
        self.assertEqual(ended.ended, "closed")
        connect(self.factory)
        self.factory.cutShort()
        self.assertEqual(
            self.factory.outcomes, {"refused": 1, "timed-out": 1, "ended": 1, "cut-short": 1}
        )

    def test_event(self) -> None:
        """
        The event of a session stands in the service's own module, and has every count.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        connect(self.factory).protocol.dataReceived(b"!")
        [event] = [event for event in events if "outcome" in event]
        self.assertEqual(event["log_namespace"], __name__)
        self.assertEqual((event["octets"], event["lines"]), (1, 0))

    def test_figures(self) -> None:
        """
        The figures have the service's name, and one for each count.
        """
        connect(self.factory).protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(
            [figure.name for figure in self.factory.metrics()],
            [
                "echo_sessions",
                "echo_connections_open",
                "echo_octets",
                "echo_lines",
                "echo_session_seconds",
            ],
        )
