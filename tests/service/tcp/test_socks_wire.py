"""
SOCKS 5 on the wire: RFC 1928, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from tests.splits import everySplit
from twisted_netdemo.service.tcp.socks_wire import REPLIES, Negotiation, SocksError

CHOSEN = b"\x05\x00"
CONNECTED = b"\x05\x00\x00\x01\0\0\0\0\0\0"
REQUESTS = {
    ("a.onion", 70): b"\x05\x01\x00\x03\x07a.onion\x00\x46",
    ("a.onion.", 70): b"\x05\x01\x00\x03\x07a.onion\x00\x46",
    ("192.0.2.1", 7070): b"\x05\x01\x00\x01\xc0\x00\x02\x01\x1b\x9e",
    ("2001:db8::1", 65535): b"\x05\x01\x00\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\xff\xff",
    ("a" * 253, 1): b"\x05\x01\x00\x03\xfd" + b"a" * 253 + b"\x00\x01",
}


def talk(chunks: Iterable[bytes]) -> tuple[bytes, Negotiation]:
    """
    The bytes that are sent in answer to these.
    """
    negotiation = Negotiation("h", 70)
    return b"".join([negotiation.received(chunk) for chunk in chunks]), negotiation


class NegotiationTests(TestCase):
    def test_requests(self) -> None:
        """
        A name is asked for as it is, so that the proxy resolves it, and an address as one.
        """
        for (host, port), request in REQUESTS.items():
            negotiation = Negotiation(host, port)
            self.assertEqual(negotiation.begin(), b"\x05\x01\x00")
            self.assertEqual(negotiation.received(CHOSEN), request)
            self.assertFalse(negotiation.isOver)

    def test_impossible(self) -> None:
        """
        What cannot stand in a request is refused before anything is sent.
        """
        for host in ("fe80::1%eth0", "a" * 256, "."):
            self.assertRaises(SocksError, Negotiation, host, 70)

    def test_connected(self) -> None:
        """
        However the answers are cut, the request follows the choice, and whatever comes behind the
        last byte of the proxy's own address is the server's.
        """
        name = b"\x05\x00\x00\x03\x05proxy\x00\x50"
        for reply in (CONNECTED, b"\x05\x00\x00\x04" + bytes(18), name):
            for chunks in everySplit(reply + b"early"):
                sent, negotiation = talk([CHOSEN])
                early = b""
                for chunk in chunks:
                    if negotiation.isOver:
                        early += chunk
                    else:
                        sent += negotiation.received(chunk)
                self.assertEqual(sent, b"\x05\x01\x00\x03\x01h\x00\x46")
                self.assertTrue(negotiation.isOver)
                self.assertEqual(negotiation.rest + early, b"early")

    REFUSALS = {
        b"\x05\xff": "the proxy wants a password",
        b"\x05\x02": "the proxy chose method 2, which was not offered",
        b"\x04\x00": "the proxy does not speak SOCKS 5",
        b"HTTP/1.1 400 Bad Request": "the proxy does not speak SOCKS 5",
        CHOSEN + CONNECTED: "the proxy answered before it was asked",
    }
    FAILURES = {
        b"\x00\x5a": "the proxy does not speak SOCKS 5",
        b"\x05\x00\x00\x02\0": "the proxy gives an address of type 2, which is none",
        b"\x05\x09\x00\x01": "the proxy says that it failed, for a reason without a name (9)",
        **{
            b"\x05%c\x00\x01" % number: f"the proxy says that {words}"
            for number, words in REPLIES.items()
        },
    }

    def test_refusals(self) -> None:
        """
        Each way to refuse is a sentence; it is enough that its first bytes have come.
        """
        for chunks, words in (
            *(([data], words) for data, words in self.REFUSALS.items()),
            *(([CHOSEN, data], words) for data, words in self.FAILURES.items()),
        ):
            with self.assertRaises(SocksError) as caught:
                talk(chunks)
            self.assertEqual(str(caught.exception), words)
        self.assertEqual(set(REPLIES) & set(range(10)), set(range(1, 9)))

    @given(st.lists(st.binary(min_size=1, max_size=300)))
    def test_anything(self, chunks: list[bytes]) -> None:
        """
        Whatever comes, it is waited for, agreed with or refused, and no more is kept than a reply
        has.
        """
        negotiation = Negotiation("h", 70)
        try:
            for chunk in chunks:
                if negotiation.isOver:
                    break
                negotiation.received(chunk)
                self.assertLess(len(negotiation._data), 4 + 1 + 255 + 2)
        except SocksError:
            pass
