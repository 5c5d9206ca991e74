"""
Addresses as the kernel writes them and as people read them.
"""

from __future__ import annotations

import socket
import sys
from unittest import SkipTest

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.addresses import (
    BoundedCache,
    addressOf,
    hostText,
    isBroadcast,
    isGroup,
    packedHost,
    plainHost,
)

V4, V6 = socket.AF_INET, socket.AF_INET6


class HostTests(SynchronousTestCase):
    def test_mapped(self) -> None:
        """
        An IPv4-mapped address is IPv4; others are as they are.
        """
        self.assertEqual(plainHost("::ffff:192.0.2.1"), "192.0.2.1")
        for host in ("192.0.2.1", "::1", "::ffff:0:1", "fe80::1%eth0"):
            self.assertEqual(plainHost(host), host)

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

    def test_groups(self) -> None:
        """
        The addresses of groups are known, those of one host are not among them.
        """
        for host in ("224.0.0.1", "239.255.255.250", "255.255.255.255", "ff02::1%eth0", "ff0e::1"):
            self.assertTrue(isGroup(host))
        for one in ("127.0.0.1", "223.255.255.255", "20.0.0.1", "2001:db8::ff", "fe80::1%x"):
            self.assertFalse(isGroup(one))

    def test_broadcast(self) -> None:
        """
        The addresses of all on a network are known, those of one host are not among them.
        """
        if sys.platform != "linux":
            raise SkipTest("which address the loopback's broadcast is differs")
        self.assertTrue(isBroadcast("127.255.255.255"))
        for host in ("127.0.0.1", "127.0.0.9", "::1", "2001:db8::1"):
            self.assertFalse(isBroadcast(host))

    def test_socketAddresses(self) -> None:
        """
        What the socket module tells of a peer is shown in the same manner.
        """
        for name, address in (
            (("127.0.0.1", 5), ("127.0.0.1", 5)),
            (("::ffff:127.0.0.1", 5, 0, 0), ("127.0.0.1", 5)),
            (("::1", 5, 7, 0), ("::1", 5)),
            (("fe80::1", 5, 0, 999_999), ("fe80::1%999999", 5)),
        ):
            self.assertEqual(addressOf(name), address)


class MemoryTests(SynchronousTestCase):
    def test_remembers(self) -> None:
        """
        A few thousand sources cost once; a flood of invented ones costs no memory.
        """
        asked = []

        def show(packed: bytes) -> str:
            asked.append(packed)
            return hostText(packed)

        memory = BoundedCache(show, most=100)
        for _ in range(3):
            for n in range(100):
                self.assertEqual(memory[bytes([10, 0, 0, n])], f"10.0.0.{n}")
        self.assertEqual(len(asked), 100)
        for n in range(1000):
            memory[bytes([10, 1, *n.to_bytes(2, "big")])]
            self.assertLessEqual(len(memory), 100)

    def test_interfaces(self) -> None:
        """
        An interface that was renamed or plugged in anew is asked for by its name of today.
        """
        index = iter([3, 4])
        memory = BoundedCache(lambda host: (host.partition("%")[0], next(index)))
        self.assertEqual([memory["fe80::1%usb0"][1] for _ in range(2)], [3, 4])
        name = iter(["usb0", "usb1"])
        shown: BoundedCache[bytes, str] = BoundedCache(lambda packed: f"fe80::1%{next(name)}")
        self.assertEqual([shown[b"x"] for _ in range(2)], ["fe80::1%usb0", "fe80::1%usb1"])
