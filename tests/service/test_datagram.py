"""
Addresses and control messages, as the kernel writes them and as people read them.
"""

from __future__ import annotations

import socket
import sys
from unittest import SkipTest

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.datagram import hostText, packedHost, sendFrom, understand

V4, V6 = socket.AF_INET, socket.AF_INET6


class HostTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """
        An IPv4 client is shown as IPv4 on a socket for both families; an IPv6 one as RFC 5952 has
        it, with its interface where the address alone would not tell the way.
        """
        loopback = socket.if_nametoindex("lo") if sys.platform == "linux" else 0
        for packed, interface, text in (
            (bytes([127, 0, 0, 1]), 0, "127.0.0.1"),
            (bytes(10) + b"\xff\xff\x7f\0\0\1", 0, "127.0.0.1"),
            (bytes(10) + b"\xff\xff\x7f\0\0\1", 1, "127.0.0.1"),
            (bytes(15) + b"\1", 0, "::1"),
            (bytes(15) + b"\1", 1, "::1"),
            (b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", 3, "2001:db8::1"),
            (b"\xfe\x80" + bytes(13) + b"\1", 0, "fe80::1"),
            (b"\xfe\x80" + bytes(13) + b"\1", 999_999, "fe80::1%999999"),
            (b"\xff\x02" + bytes(13) + b"\1", 999_999, "ff02::1%999999"),
            (b"\xff\x0e" + bytes(13) + b"\1", 999_999, "ff0e::1"),
            (b"\xfe\x80" + bytes(13) + b"\1", loopback, "fe80::1%lo" if loopback else "fe80::1"),
        ):
            self.assertEqual(hostText(packed, interface), text)

    @given(st.ip_addresses(v=6), st.sampled_from([0, 1, 999_999]))
    def test_thereAndBack(self, address: object, interface: int) -> None:
        """
        Whoever sent a datagram can be answered by the address that is shown.
        """
        packed = socket.inet_pton(V6, str(address))
        again, scope = packedHost(hostText(packed, interface), V6)
        self.assertEqual(again, packed)
        self.assertIn(scope, (interface, 0))

    def test_notAnAddress(self) -> None:
        """
        A name, or an interface that is no more, is an error of the system, which is counted.
        """
        for host, family in (("localhost", V4), ("::1", V4), ("::x", V6), ("fe80::1%gone", V6)):
            with self.assertRaises(OSError):
                packedHost(host, family)


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
            understand([stamp, four, (0, 2, (64).to_bytes(4, sys.byteorder)), (0, 1, b"\xb8")]),
            ("127.0.0.3", 64, 0xB8, 7_000_000_009),
        )
        six = (41, 50, bytes(15) + b"\1" + (1).to_bytes(4, sys.byteorder))
        number = (255).to_bytes(4, sys.byteorder)
        self.assertEqual(
            understand([six, (41, 52, number), (41, 67, number), (99, 99, b"")]),
            ("::1", 255, 255, None),
        )
        self.assertEqual(understand([]), (None, None, None, None))

    def test_sendFrom(self) -> None:
        """
        An answer's control message names the address that the client wrote to.
        """
        self.assertEqual(sendFrom(None, V6), ())
        for host, family in (("127.0.0.3", V4), ("127.0.0.3", V6), ("2001:db8::1", V6)):
            ((level, kind, data),) = sendFrom(host, family)
            if family == V4:
                data = data[:4] + data[8:] + data[4:8]  # what is asked for, as what is told
            self.assertEqual(understand([(level, kind, data)])[0], host)
