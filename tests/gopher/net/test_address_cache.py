"""
Which address of a name answered.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.net.address_cache import AddressCache

KEY = ("example.org", 70, None)


class AddressesTests(SynchronousTestCase):
    def test_whileItHolds(self) -> None:
        """
        An address is known for a minute, for its name, port and version of IP alone, or until it
        is forgotten.
        """
        addresses = AddressCache()
        self.assertIsNone(addresses.find(KEY, 0))
        addresses.remember(KEY, "192.0.2.1", 0)
        self.assertEqual(addresses.find(KEY, 59), "192.0.2.1")
        self.assertIsNone(addresses.find(KEY, 60))
        for other in (("example.net", 70, None), ("example.org", 71, None), ("example.org", 70, 4)):
            self.assertIsNone(addresses.find(other, 1))
        addresses.forget(KEY)
        addresses.forget(KEY)
        self.assertIsNone(addresses.find(KEY, 1))

    def test_bounded(self) -> None:
        """
        However many names there are, the oldest give way.
        """
        addresses = AddressCache()
        for number in range(2000):
            addresses.remember(KEY, "192.0.2.1", 0)
            addresses.remember((f"h{number}", 70, None), "192.0.2.2", 0)
        self.assertEqual(addresses.find(KEY, 1), "192.0.2.1")
        self.assertIsNone(addresses.find(("h0", 70, None), 1))
        self.assertEqual(len(addresses._known), 1024)
