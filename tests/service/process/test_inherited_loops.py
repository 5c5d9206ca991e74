"""
Tests whose parent has event loops.
"""

from __future__ import annotations

import select
import socket

from twisted.internet.abstract import FileDescriptor
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import needs
from twisted_netdemo.testing.badwire import call


class Connection(FileDescriptor):
    """
    A connection that the reactor reads.
    """

    def __init__(self, stream: socket.socket) -> None:
        super().__init__()
        self._stream = stream

    def fileno(self) -> int:
        """
        The socket's descriptor.
        """
        return self._stream.fileno()


class LoopTests(SynchronousTestCase):
    def test_parents(self) -> None:
        """
        On the wire there are neither the connections and timers of the reactor outside nor its
        threads, which a fork does not have; and what a loop does there is not felt outside.
        """
        from twisted.internet import reactor

        needs("sh")
        ours, peers = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(peers.close)
        poll = select.epoll()
        self.addCleanup(poll.close)
        poll.register(ours, select.EPOLLIN)
        timer = reactor.callLater(1000, lambda: None)
        self.addCleanup(timer.cancel)
        connection = Connection(ours)
        reactor.addReader(connection)
        self.addCleanup(reactor.removeReader, connection)
        reactor.getThreadPool()

        def inside() -> list[object]:
            poll.modify(ours, 0)  # it is there
            poll.unregister(ours)
            isRead = any(isinstance(each, Connection) for each in reactor.getReaders())
            return [isRead, reactor.getDelayedCalls(), reactor.threadpool]

        self.assertEqual(call(inside).value, [False, [], None])
        peers.send(b"x")
        self.assertEqual(poll.poll(10), [(ours.fileno(), select.EPOLLIN)])
