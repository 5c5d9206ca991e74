"""
A client's socket to the target: real sockets on the loopback, turned by hand.
"""

from __future__ import annotations

import select
import socket

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.impair.upstream_socket import Upstream


class UpstreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.target.close)
        self.target.settimeout(10)
        self.target.bind(("127.0.0.1", 0))
        self.received: list[bytes] = []
        self.failed: list[OSError] = []
        self.refused: list[OSError] = []
        self.reactor = MemoryReactorClock()
        self.upstream = Upstream(
            self.target.getsockname(),
            self.received.append,
            self.failed.append,
            self.refused.append,
            self.reactor,
        )
        self.addCleanup(self.upstream.close)
        self.assertTrue(self.upstream.send(b"x"))
        _, self.own = self.target.recvfrom(9)

    def turn(self) -> None:
        assert select.select([self.upstream], [], [], 10)[0], "nothing came"
        self.upstream.doRead()

    def test_allArrive(self) -> None:
        """
        Datagrams that come one by one, and then together, arrive whole and in order.
        """
        sent = [b"%d" % n for n in range(50)]
        for data in sent[:20]:
            self.target.sendto(data, self.own)
            self.turn()
        self.assertEqual(self.received, sent[:20])
        for data in sent[20:]:
            self.target.sendto(data, self.own)
        turns = 0
        while len(self.received) < len(sent):
            self.turn()
            turns += 1
        self.assertEqual((self.received, self.failed), (sent, []))
        # It is noticed soon that they do not come alone any more.
        self.assertLess(turns, 12)

    def test_refused(self) -> None:
        """
        A target that is not there is told of.
        """
        self.target.close()
        self.assertTrue(self.upstream.send(b"x"))
        self.turn()
        (error,) = self.refused
        self.assertIsInstance(error, ConnectionRefusedError)
        self.assertEqual(self.failed, [])
