"""
Addresses that may be connected to, and those of which a stranger's menu has to be kept off.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from twisted_netdemo.gopher.errors import AddressRefused
from twisted_netdemo.gopher.net.address_guard import isGlobal, judge, meanings

GLOBAL = """
    1.1.1.1 8.8.8.8 93.184.216.34 172.15.0.1 172.32.0.1 192.0.1.1 223.255.255.255
    2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""
# RFC 6890 and its registries, and addresses in which one of those is hidden
SPECIAL = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1
    203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1
    64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8 64:ff9b:1::10.0.0.1
    100::1 2001::1 2001:0:808:808:0:0:f7f7:f7f7 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
    2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 4000::1 5f00::1
    fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
"""
HIDDEN = {
    "::ffff:127.0.0.1": ["127.0.0.1"],
    "::127.0.0.1": ["::7f00:1", "127.0.0.1"],
    "::ffff:0:127.0.0.1": ["::ffff:0:7f00:1", "127.0.0.1"],
    "64:ff9b::127.0.0.1": ["64:ff9b::7f00:1", "127.0.0.1"],
    "64:ff9b:1::127.0.0.1": ["64:ff9b:1::7f00:1", "127.0.0.1"],
    "2002:7f00:1::1": ["2002:7f00:1::1", "127.0.0.1"],
    "2001:0:7f00:1::80ff:fffe": ["2001:0:7f00:1::80ff:fffe", "127.0.0.1", "127.0.0.1"],
    "fe80::1%eth0": ["fe80::1"],
    "2606:4700::1111": ["2606:4700::1111"],
    "192.0.2.1": ["192.0.2.1"],
}


class AddressTests(TestCase):
    def test_global(self) -> None:
        """
        The Internet at large is allowed, and no address of this host, of its networks, or of any
        special kind is, in whatever other address it hides.
        """
        for texts, isIt in ((GLOBAL, True), (SPECIAL, False)):
            for text in texts.split():
                self.assertIs(isGlobal(ip_address(text)), isIt, text)

    def test_meanings(self) -> None:
        """
        Each address that a connection may end at is asked about.
        """
        for text, found in HIDDEN.items():
            self.assertEqual([str(each) for each in meanings(ip_address(text))], found)

    @given(st.ip_addresses(v=4))
    def test_everyDisguise(self, address: IPv4Address) -> None:
        """
        No IPv4 address passes in a disguise that does not pass as it is.
        """
        number = int(address)
        disguises = (
            0xFFFF << 32 | number,
            0xFFFF << 48 | number,
            number,
            0x64FF9B << 96 | number,
            0x64FF9B0001 << 80 | number,
            0x2002 << 112 | number << 80 | 1,
            0x20010000 << 96 | number << 64 | 1,
            0x20010000 << 96 | 0xFFFFFFFF ^ number,
        )
        for each in disguises:
            disguised = IPv6Address(each)
            self.assertIn(address, meanings(disguised), disguised)
            if not isGlobal(address):
                self.assertFalse(isGlobal(disguised), disguised)


class JudgeTests(TestCase):
    def test_allowed(self) -> None:
        """
        Without a predicate every address is allowed; with one, those for which it returns True.
        """
        judge(None, "127.0.0.1")
        asked: list[Any] = []

        def ask(address: Any) -> bool:
            asked.append(address)
            return True

        judge(ask, "64:ff9b::8.8.8.8")
        self.assertEqual(asked, [ip_address("64:ff9b::808:808"), ip_address("8.8.8.8")])
        judge(lambda address: address == IPv6Address("fe80::1"), "fe80::1%eth0")

    def test_failsClosed(self) -> None:
        """
        Every doubt is a refusal: a predicate that raises, or returns something else than True, such
        as a coroutine, and a text that is no address.
        """

        async def later(address: Any) -> bool:
            return True

        waiting = later(None)
        self.addCleanup(waiting.close)

        def dies(address: Any) -> bool:
            raise RuntimeError("dead")

        answers: list[Any] = [False, None, 1, "yes", waiting]
        predicates: list[Any] = [lambda address, answer=answer: answer for answer in answers]
        for predicate in (*predicates, dies):
            self.assertRaises(AddressRefused, judge, predicate, "8.8.8.8")
        for host in ("localhost", "", "127.1", "1.2.3.4.5"):
            self.assertRaises(AddressRefused, judge, lambda address: True, host)
