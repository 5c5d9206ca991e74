"""
Control messages, as the kernel writes them.
"""

from __future__ import annotations

import socket
import sys
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.udp.datagram import parse, sendFrom

V4, V6 = socket.AF_INET, socket.AF_INET6


class ControlTests(SynchronousTestCase):
    def setUp(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("the numbers here are Linux's")

    def test_understood(self) -> None:
        """
        What the kernel tells of an IPv4 datagram, and of an IPv6 one, is all found.
        """
        stamp = (1, 35, (7).to_bytes(8, sys.byteorder) + (9).to_bytes(8, sys.byteorder))
        four = (0, 8, (1).to_bytes(4, sys.byteorder) + b"\x7f\0\0\2" + b"\x7f\0\0\3")
        self.assertEqual(
            parse([stamp, four, (0, 2, (64).to_bytes(4, sys.byteorder)), (0, 1, b"\xb8")]),
            (("127.0.0.3", 64, 0xB8), 7_000_000_009),
        )
        six = (41, 50, bytes(15) + b"\1" + (1).to_bytes(4, sys.byteorder))
        number = (255).to_bytes(4, sys.byteorder)
        self.assertEqual(
            parse([six, (41, 52, number), (41, 67, number), (99, 99, b"")]),
            (("::1", 255, 255), None),
        )
        self.assertEqual(parse([]), ((None, None, None), None))

    def test_sendFrom(self) -> None:
        """
        An answer's control message names the address that the client wrote to.
        """
        self.assertEqual(sendFrom(None, V6), ())
        for host, family in (("127.0.0.3", V4), ("127.0.0.3", V6), ("2001:db8::1", V6)):
            ((level, kind, data),) = sendFrom(host, family)
            if family == V4:
                data = data[:4] + data[8:] + data[4:8]  # the fields' places in a received message
            self.assertEqual(parse([(level, kind, data)])[0][0], host)
