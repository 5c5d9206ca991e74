"""
Tests of a connected UDP socket: real sockets on the loopback, turned by hand.
"""

from __future__ import annotations

import select
import socket

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.udp.connected import ConnectedSocket


class ConnectedSocketTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.peer.settimeout(10)
        self.peer.bind(("127.0.0.1", 0))
        self.received: list[bytes] = []
        self.failed: list[OSError] = []
        self.refused: list[OSError] = []
        self.reactor = MemoryReactorClock()
        self.connected = ConnectedSocket(
            self.peer.getsockname(),
            self.received.append,
            self.failed.append,
            self.refused.append,
            self.reactor,
        )
        self.addCleanup(self.connected.close)
        self.assertTrue(self.connected.send(b"x"))
        _, self.own = self.peer.recvfrom(9)

    def turn(self) -> None:
        assert select.select([self.connected], [], [], 10)[0], "nothing came"
        self.connected.doRead()

    def test_allArrive(self) -> None:
        """
        Datagrams that come one by one, and then together, arrive whole and in order.
        """
        sent = [b"%d" % n for n in range(50)]
        for data in sent[:20]:
            self.peer.sendto(data, self.own)
            self.turn()
        self.assertEqual(self.received, sent[:20])
        for data in sent[20:]:
            self.peer.sendto(data, self.own)
        turns = 0
        while len(self.received) < len(sent):
            self.turn()
            turns += 1
        self.assertEqual((self.received, self.failed), (sent, []))
        # It is noticed soon that they do not come alone any more.
        self.assertLess(turns, 12)

    def test_refused(self) -> None:
        """
        The caller learns that no program listens at the peer.
        """
        self.peer.close()
        self.assertTrue(self.connected.send(b"x"))
        self.turn()
        (error,) = self.refused
        self.assertIsInstance(error, ConnectionRefusedError)
        self.assertEqual(self.failed, [])
