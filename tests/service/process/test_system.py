"""
What only some systems have.
"""

from __future__ import annotations

import errno
import select
import socket
import sys

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.process.system import hearAll, refuseNew


class RefuseNewTests(SynchronousTestCase):
    if sys.platform != "linux":
        skip = "only Linux can"

    def listening(self, family: socket.AddressFamily, host: str) -> socket.socket:
        server = socket.socket(family)
        self.addCleanup(server.close)
        # A handshake is then not over before the client has sent something.
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
        server.bind((host, 0))
        server.listen()
        server.setblocking(False)
        return server

    def knock(self, server: socket.socket) -> socket.socket:
        client = socket.socket(server.family)
        self.addCleanup(client.close)
        client.setblocking(False)
        self.assertIn(client.connect_ex(server.getsockname()), (0, errno.EINPROGRESS))
        return client

    def test_underWay(self) -> None:
        """
        A client in the middle of its handshake is let in, and heard on; a later one is not, and is
        refused when the socket is closed.
        """
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with self.subTest(family):
                server = self.listening(family, host)
                early = self.knock(server)
                self.assertTrue(select.select([], [early], [], 5)[1])
                self.assertTrue(refuseNew(server))
                late = self.knock(server)
                early.sendall(b"123\n")
                self.assertTrue(select.select([server], [], [], 5)[0])
                accepted, _ = server.accept()
                self.addCleanup(accepted.close)
                hearAll(accepted)
                self.assertEqual(accepted.recv(10), b"123\n")
                early.sendall(b"456\n")
                self.assertTrue(select.select([accepted], [], [], 5)[0])
                self.assertEqual(accepted.recv(10), b"456\n")
                self.assertRaises(BlockingIOError, server.accept)
                server.close()
                # Its kernel sends another SYN after a second.
                self.assertTrue(select.select([], [late], [], 10)[1])
                self.assertEqual(
                    late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED
                )
