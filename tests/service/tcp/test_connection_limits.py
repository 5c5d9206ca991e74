"""
Connections over the limits are refused.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.networks import clientOf
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits


class ClientTests(SynchronousTestCase):
    def test_oneClient(self) -> None:
        """
        A mapped address is its IPv4 address; an IPv6 client is its /64, on its own link.
        """
        for one, other, same in [
            ("192.0.2.1", "::ffff:192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
            ("fe80::1%eth0", "fe80::1%eth1", False),
        ]:
            with self.subTest(one=one, other=other):
                self.assertEqual(clientOf(one) == clientOf(other), same)


class LimitsTests(SynchronousTestCase):
    def test_perClient(self) -> None:
        """
        One client's many connections do not take another's place.
        """
        limits = ConnectionLimits(total=10, perClient=2)
        self.assertEqual([limits.enter("a") for _ in range(3)], [None, None, "client"])
        self.assertIsNone(limits.enter("b"))
        limits.leave("a")
        self.assertIsNone(limits.enter("a"))

    def test_total(self) -> None:
        """
        Clients without an address count in the total alone; a refused one counts nowhere.
        """
        limits = ConnectionLimits(total=2, perClient=1)
        self.assertEqual([limits.enter(None) for _ in range(3)], [None, None, "full"])
        self.assertEqual(limits.enter("a"), "full")
        limits.leave(None)
        self.assertIsNone(limits.enter("a"))

    def test_none(self) -> None:
        """
        0 is no limit.
        """
        limits = ConnectionLimits(0, 0)
        self.assertEqual({limits.enter("a") for _ in range(1000)}, {None})

    @given(st.lists(st.sampled_from("abc")))
    def test_nothingIsKept(self, clients: list[str]) -> None:
        """
        When all have left, nothing of them is left.
        """
        limits = ConnectionLimits(5, 2)
        present = [client for client in clients if limits.enter(client) is None]
        self.assertEqual(limits.present, len(present))
        for client in present:
            limits.leave(client)
        self.assertEqual((limits.present, limits._clients), (0, {}))
