"""
What an answer says, and how it is known again.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.messages import Unit
from twisted_netdemo.udpcount.server import UDPCount
from twisted_netdemo.udpcount.wire import refusal

HERE = ("127.0.0.1", 62460)

hosts = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["fe80::1%eth0", "fe80::1%it's", "fe80::1%7"])
)


def respond(data: bytes, source: tuple[str, int], unit: Unit) -> tuple[bytes, int]:
    """
    The answer to a datagram, and the number that it adds to the metrics.
    """
    server = UDPCount(Clock(), unit)
    return server.respond(data, source), server.characters


class RespondTests(SynchronousTestCase):
    def test_words(self) -> None:
        """
        The whole datagram is the line: it is stripped at both ends, while an inner line feed
        counts.
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


class AnswerTests(SynchronousTestCase):
    @given(st.binary(), hosts, st.integers(0, 65535), st.sampled_from(["characters", "bytes"]))
    def test_noAnswerToAnAnswer(self, data: bytes, host: str, port: int, unit: Unit) -> None:
        """
        Whatever a client has sent, two servers do not answer each other's answers.
        """
        words, _ = respond(data, (host, port), unit)
        self.assertEqual(refusal(words), "answer")

    def test_almostAnAnswer(self) -> None:
        """
        A datagram that quotes an answer, or a part of one, is answered.
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
            self.assertIsNone(refusal(data))
