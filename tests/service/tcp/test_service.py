"""
Starting to listen, failing to, and stopping.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_netdemo.service.binding import BACKLOG, bindFailure, registeredService
from twisted_netdemo.service.port_group import Listen, startError
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.tcp.endpoints import endpointFromString, onPort
from twisted_netdemo.service.tcp.ports import TCPPort
from twisted_netdemo.service.tcp.service import StreamService


class FakeSessions:
    """
    Sessions that end when the test says so.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.happened: list[str] = []
        self.none: Deferred[None] = Deferred()

    def waiting(self) -> int:
        return self.number

    def whenNone(self) -> Deferred[None]:
        return self.none

    def cutShort(self) -> None:
        self.happened.append("cut short")

    def abort(self) -> None:
        self.happened.append("aborted")
        self.number = 0
        self.none.callback(None)


class FakePort:
    def __init__(self) -> None:
        self.stopped = False

    def getHost(self) -> Any:
        from twisted.internet.address import IPv4Address

        return IPv4Address("TCP", "127.0.0.1", 50000)

    def stopListening(self) -> Deferred[None]:
        self.stopped = True
        return succeed(None)


class StopTests(SynchronousTestCase):
    def start(self, sessions: FakeSessions) -> tuple[Clock, FakePort, Deferred[None]]:
        clock, port = MemoryReactorClock(), FakePort()
        place: Any = lambda factory: succeed(port)  # noqa: E731  # a place is a callable
        service = StreamService(clock, None, [place], sessions, grace=5.0)
        service.startService()
        return clock, port, service.stopService()

    def test_noneToWaitFor(self) -> None:
        """
        Without sessions the stop is at once, and leaves no timer.
        """
        clock, port, stopped = self.start(FakeSessions(0))
        self.successResultOf(stopped)
        self.assertTrue(port.stopped)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_theyEnd(self) -> None:
        """
        The stop waits until the sessions have ended, and no longer.
        """
        sessions = FakeSessions(3)
        clock, port, stopped = self.start(sessions)
        self.assertTrue(port.stopped)
        clock.advance(4)
        self.assertNoResult(stopped)
        sessions.none.callback(None)
        self.successResultOf(stopped)
        self.assertEqual((sessions.happened, clock.getDelayedCalls()), ([], []))

    def test_theyDoNot(self) -> None:
        """
        After the grace period they are told, and soon after they are closed.
        """
        sessions = FakeSessions(3)
        clock, _, stopped = self.start(sessions)
        clock.advance(5)
        self.assertEqual(sessions.happened, ["cut short"])
        clock.advance(1)
        self.assertEqual(sessions.happened, ["cut short", "aborted"])
        self.successResultOf(stopped)

    def test_secondSignalAtOnce(self) -> None:
        """
        A second signal while the port still lets handshakes end is for those as well.
        """
        sessions, port = FakeSessions(0), FakePort()
        clock = MemoryReactorClock()
        gentle: Any = port
        gentle.refuseNew, gentle.shared = lambda: True, False
        place: Any = lambda factory: succeed(port)  # noqa: E731  # a place is a callable
        service = StreamService(clock, None, [place], sessions)
        service.startService()
        stopped = service.stopService()
        service.abort()
        self.assertFalse(port.stopped)
        sessions.number = 2
        clock.advance(1)
        self.assertEqual((port.stopped, sessions.happened), (True, ["aborted"]))
        self.successResultOf(stopped)


class UnderWayTests(TestCase):
    async def test_unix(self) -> None:
        """
        At the stop of a UNIX socket, clients in its queue are served, and a client that connects
        later by another link to it is refused.
        """
        from twisted_netdemo.linecount.server import LineCountFactory

        path, kept = os.path.abspath(self.mktemp()), os.path.abspath(self.mktemp())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        factory = LineCountFactory(reactor)
        service = StreamService(
            reactor, factory, [endpointFromString(reactor, f"unix:{path}")], factory
        )
        service.startService()
        os.link(path, kept)
        with socket.socket(socket.AF_UNIX) as queued, socket.socket(socket.AF_UNIX) as late:
            queued.connect(path)
            stopped = service.stopService()
            self.assertRaises(ConnectionRefusedError, late.connect, kept)
            queued.sendall(b"123\n")
            queued.shutdown(socket.SHUT_WR)
            await stopped
            received = b""
            while data := queued.recv(100):
                received += data
        self.assertIn(b"You entered 3 characters.", received)

    async def test_served(self) -> None:
        """
        At the stop, a client in the middle of the handshake is served, as those in the queue are.
        """
        if sys.platform != "linux":
            raise SkipTest("only Linux can refuse new handshakes and end those under way")
        from twisted_netdemo.linecount.server import LineCountFactory

        factory = LineCountFactory(reactor)
        service = StreamService(reactor, factory, [onPort(reactor, 0)], factory)
        service.startService()
        port: Any = service.ports[0]
        number = port.getHost().port
        with socket.create_connection(("127.0.0.1", number), 5) as queued:
            # A handshake is then not over before the client has sent something.
            port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
            with socket.create_connection(("127.0.0.1", number), 5) as underWay:
                stopped = service.stopService()
                for client in (queued, underWay):
                    client.sendall(b"12")
                for client in (queued, underWay):
                    said = await deferToThread(self.converse, client)
                    self.assertIn(b"You entered 3 characters.", said)
                await stopped

    def converse(self, client: socket.socket) -> bytes:
        """
        All that a client gets that has begun its line, waits for the prompt, and ends the line.
        """
        received = b""
        while data := client.recv(100):
            received += data
            if received.endswith(b": "):
                client.sendall(b"3\n")
                client.shutdown(socket.SHUT_WR)
        return received


class BindTests(TestCase):
    def service(self, *places: Listen) -> StreamService:
        from twisted_netdemo.linecount.server import LineCountFactory

        factory = LineCountFactory(reactor)
        service = StreamService(reactor, factory, places, factory)
        self.addCleanup(lambda: service.running and service.stopService())
        return service

    def test_bindsOnce(self) -> None:
        """
        The first start half binds, before privileges are dropped; the second one does not again.
        """
        service = self.service(onPort(reactor, 0))
        service.privilegedStartService()
        [port] = service.ports
        self.assertIsInstance(port, TCPPort)
        service.startService()
        self.assertEqual(service.ports, [port])

    def test_bothFamilies(self) -> None:
        """
        By default one socket takes IPv4 and IPv6.
        """
        service = self.service(onPort(reactor, 0))
        service.startService()
        number = service.ports[0].getHost().port
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, number), 5):
                pass

    def test_again(self) -> None:
        """
        A service that was stopped can be started again.
        """
        service = self.service(onPort(reactor, 0, "127.0.0.1"))
        service.startService()

        def again(_: object) -> None:
            service.startService()
            self.assertEqual(len(service.ports), 1)

        return service.stopService().addCallback(again)

    def test_busy(self) -> None:
        """
        A busy port fails the start with a line that names it.
        """
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number = taken.getsockname()[1]
            service = self.service(onPort(reactor, number, "127.0.0.1"))
            error = self.assertRaises(StartError, service.startService)
        self.assertIn(f"Port {number} is in use", str(error))
        self.assertNotIn("\n", str(error))
        service.running = 0

    def test_slowEndpointFailsLater(self) -> None:
        """
        An endpoint that fails after the start is logged in one line.
        """
        later: Deferred[Any] = Deferred()
        service = self.service(lambda factory: later)
        service.startService()
        with capturedLogs() as logs:
            later.errback(RuntimeError("no network"))
        self.assertIn("Cannot listen: no network", "".join(map(formatEvent, logs)))


class DescriptionTests(SynchronousTestCase):
    def test_backlog(self) -> None:
        """
        A burst finds room in the queue, unless a description says how much there is to be.
        """
        memory = MemoryReactorClock()
        for text in ("tcp:0", "tcp:0:backlog=7", "haproxy:tcp:0"):
            self.successResultOf(endpointFromString(memory, text)(None))
        self.assertEqual([server[2] for server in memory.tcpServers], [BACKLOG, 7, BACKLOG])

    def test_wrong(self) -> None:
        """
        A wrong description is a ValueError that quotes it, whatever its parser raised.
        """
        for text in ("", "51423", "tcp", "tcp:", "tcp:x", "tcp:65536", "tcp:port=x", "tcpp:1"):
            with self.subTest(text=text):
                error = self.assertRaises(
                    ValueError, endpointFromString, MemoryReactorClock(), text
                )
                self.assertIn(repr(text), str(error))


class WordsTests(SynchronousTestCase):
    def test_failures(self) -> None:
        """
        Each reason has its line, with the port first: a daemon's parent cuts at 100 bytes.
        """
        for code, words in [
            (errno.EADDRINUSE, "Port 80 is in use by another program"),
            (errno.EACCES, "Port 80 is not open to this user"),
            (errno.EADDRNOTAVAIL, "Port 80: no interface here has the address 192.0.2.1."),
            (errno.ENODEV, "Port 80 cannot be opened: No such device"),
        ]:
            line = bindFailure(80, "192.0.2.1", OSError(code, "No such device"))
            self.assertTrue(line.startswith(words), line)

    def test_unix(self) -> None:
        """
        A UNIX socket's failure names its path.
        """
        failure = self.failureResultOf(
            fail(CannotListenError(None, b"/run/x", "Cannot acquire lock"))
        )
        self.assertIn("UNIX socket /run/x is in use by another program", str(startError(failure)))

    def test_registeredService(self) -> None:
        """
        A port that nobody has registered has no name.
        """
        self.assertIsNone(registeredService(51423, "tcp"))
