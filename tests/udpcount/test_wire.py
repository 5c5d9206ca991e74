"""
Which datagrams get an answer, and what it says.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.messages import Unit
from twisted_netdemo.udpcount.wire import refusal, respond

HERE = ("127.0.0.1", 62460)

hosts = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["fe80::1%eth0", "fe80::1%it's", "fe80::1%7"])
)


class RespondTests(SynchronousTestCase):
    def test_words(self) -> None:
        """
        The whole datagram is the line: stripped at both ends, while an inner line feed counts.
        """
        cases: list[tuple[bytes, int, int]] = [
            (b"123", 3, 3),
            (b"", 0, 0),
            (b" \t\r\n", 0, 0),
            (b"123\n", 3, 3),
            (b" 1\n2 \r\n", 3, 3),
            (b"1\0", 2, 2),
            ("你好".encode(), 2, 6),
            (b"\xe4\xbd", 2, 2),
            ("\u3000x\u3000".encode(), 1, 1),
            (b"x" * 65_527, 65_527, 65_527),
        ]
        for data, characters, size in cases:
            units: tuple[tuple[Unit, int], ...] = (("characters", characters), ("bytes", size))
            for unit, counted in units:
                words = b"Welcome, ('127.0.0.1', 62460)\nYou entered %d characters.\n" % counted
                self.assertEqual(respond(data, HERE, unit), (words, counted))

    def test_amplification(self) -> None:
        """
        The answer to an empty datagram is no longer than the docs tell an operator.
        """
        for host, longest in (
            ("255.255.255.255", 62),
            (":".join(["ffff"] * 8), 86),
        ):
            words, _ = respond(b"", (host, 65535), "characters")
            self.assertEqual(len(words), longest)


class RefusalTests(SynchronousTestCase):
    @given(st.binary(), hosts, st.integers(0, 65535), st.sampled_from(["characters", "bytes"]))
    def test_noAnswerToAnAnswer(self, data: bytes, host: str, port: int, unit: Unit) -> None:
        """
        Whatever was asked and by whom, two servers do not answer each other's answers.
        """
        words, _ = respond(data, (host, port), unit)
        self.assertEqual(refusal(words, 60_000, 51423, False), "answer")

    def test_almostAnAnswer(self) -> None:
        """
        Who quotes an answer, or a part of one, is answered.
        """
        words, _ = respond(b"123", HERE, "characters")
        for data in (
            b"",
            words[:-1],
            words + b"\n",
            b" " + words,
            words * 2,
            words.replace(b"3", b"three"),
            b"Welcome, (" * 6000,
        ):
            self.assertIsNone(refusal(data, 60_000, 51423, False))

    def test_ports(self) -> None:
        """
        No answer goes to a port whose owner is known to answer it, our own number among them.
        """
        for port in (0, 7, 11, 13, 17, 19, 37, 53, 69, 123, 862, 11211, 51423):
            self.assertEqual(refusal(b"123", port, 51423, False), "port")
        for port in (1, 8, 1024, 51422, 65535):
            self.assertIsNone(refusal(b"123", port, 51423, False))

    def test_groups(self) -> None:
        """
        A datagram that was sent to many is not answered by each of them.
        """
        self.assertEqual(refusal(b"123", 60_000, 51423, True), "group")
        self.assertIsNone(refusal(b"123", 60_000, 51423, False))
