"""
A port whose process has no file descriptor left.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.tcp.ports import TCPPort


class ShortSocket:
    """
    A listening socket whose accepts go as the test says.
    """

    def __init__(self, results: list[Any]) -> None:
        self.results = results

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        if not self.results:
            raise BlockingIOError(errno.EAGAIN, "again")
        result = self.results.pop(0)
        if isinstance(result, OSError):
            raise result
        return result, ("127.0.0.1", 1)


class FakeReactor(Clock):
    """
    A clock that knows who wants to read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()

    def addReader(self, reader: object) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.discard(reader)


class PatienceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.connected: list[Protocol] = []
        factory = Factory.forProtocol(Protocol)
        port: Any = TCPPort(0, factory, reactor=self.reactor)
        port.connected = True
        port.transport = lambda connection, protocol, *rest: self.connected.append(protocol)
        self.port = port
        port.startReading()

    def queue(self, *results: Any) -> None:
        self.port.socket = ShortSocket(list(results))

    def shortage(self) -> OSError:
        return OSError(errno.EMFILE, "Too many open files")

    def test_waitsAndRecovers(self) -> None:
        """
        The queue is left alone for a while; one line says so, and one that it is over.
        """
        self.queue(self.shortage())
        with capturedLogs() as logs:
            self.port.doRead()
            self.assertNotIn(self.port, self.reactor.readers)
            for _ in range(3):
                self.queue(self.shortage())
                self.reactor.advance(1)
                self.assertNotIn(self.port, self.reactor.readers)
            with socket.socket() as connection:
                self.queue(connection)
                self.reactor.advance(1)
            self.assertIn(self.port, self.reactor.readers)
        self.assertEqual(len(self.connected), 1)
        self.assertEqual(len(logs), 2, logs)

    def test_oneEpisode(self) -> None:
        """
        While there are more in the queue than descriptors become free, it is one episode.
        """
        with capturedLogs() as logs, socket.socket() as connection:
            self.queue(connection, self.shortage())
            self.port.doRead()
            for _ in range(5):
                self.queue(connection, self.shortage())
                self.reactor.advance(1)
            self.assertEqual(len(logs), 1, logs)
            self.queue()
            self.reactor.advance(1)
        self.assertEqual(len(logs), 2, logs)

    def test_oneBadConnection(self) -> None:
        """
        A connection that died in the queue does not keep the next one waiting.
        """
        with socket.socket() as connection:
            self.queue(OSError(errno.ECONNABORTED, "aborted"), connection)
            self.port.doRead()
        self.assertEqual(len(self.connected), 1)

    def test_factoryFails(self) -> None:
        """
        A factory that raises costs its own connection, and is logged.
        """
        self.port.factory.buildProtocol = lambda address: 1 // 0
        connection, other = socket.socketpair()
        with other:
            self.queue(connection)
            self.port.doRead()
            self.assertEqual(other.recv(1), b"")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
