"""
Base packets, octet by octet.
"""

from __future__ import annotations

import contextlib
import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.stamp.packets.base_packet import (
    PacketError,
    Reply,
    Request,
    Unauthentic,
    authentic,
    packReply,
    packRequest,
    parseReply,
    parseRequest,
)

KEY = bytes(range(16))
REQUEST = Request(0x01020304, 0x1112131415161718, 0x8A21, 0x3132)
REPLY = Reply(
    number=0x01020304,
    stamp=0x1112131415161718,
    error=0x8A21,
    ssid=0x3132,
    received=0x4142434445464748,
    senderNumber=0x51525354,
    senderStamp=0x6162636465666768,
    senderError=0x7172,
    ttl=0x81,
)


def octets(length: int, fields: dict[int, str]) -> bytes:
    """
    A packet that is zero but for these fields.

    @param fields: hexadecimal octets by their offset.
    """
    data = bytearray(length)
    for offset, text in fields.items():
        field = bytes.fromhex(text)
        data[offset : offset + len(field)] = field
    return bytes(data)


# The tables of RFC 8762, figures 2 to 6 with the SSID of RFC 8972 3, written down by hand.
OPEN_REQUEST = octets(44, {0: "01020304", 4: "1112131415161718", 12: "8a21", 14: "3132"})
OPEN_REPLY = octets(
    44,
    {
        0: "01020304",
        4: "1112131415161718",
        12: "8a21",
        14: "3132",
        16: "4142434445464748",
        24: "51525354",
        28: "6162636465666768",
        36: "7172",
        40: "81",
    },
)
CLOSED_REQUEST = octets(96, {0: "01020304", 16: "1112131415161718", 24: "8a21", 26: "3132"})
CLOSED_REPLY = octets(
    96,
    {
        0: "01020304",
        16: "1112131415161718",
        24: "8a21",
        26: "3132",
        32: "4142434445464748",
        48: "51525354",
        64: "6162636465666768",
        72: "7172",
        80: "81",
    },
)


def hmacByHand(key: bytes, data: bytes) -> bytes:
    """
    RFC 2104 as it is written, for a key of up to 64 octets; of it the first 16.
    """
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in padded) + data).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in padded) + inner).digest()[:16]


def flipped(data: bytes, bit: int) -> bytes:
    """
    The same octets with one bit flipped.
    """
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


class VectorTests(SynchronousTestCase):
    def test_open(self) -> None:
        """
        Each field of an unauthenticated packet is where the RFC has it, and all else is zero.
        """
        self.assertEqual(packRequest(REQUEST), OPEN_REQUEST)
        self.assertEqual(parseRequest(OPEN_REQUEST), REQUEST)
        self.assertEqual(packReply(REPLY), OPEN_REPLY)
        self.assertEqual(parseReply(OPEN_REPLY), REPLY)

    def test_authenticated(self) -> None:
        """
        So it is with an authenticated one, whose last 16 octets are the HMAC of those before.
        """
        request = CLOSED_REQUEST + hmacByHand(KEY, CLOSED_REQUEST)
        reply = CLOSED_REPLY + hmacByHand(KEY, CLOSED_REPLY)
        self.assertEqual(packRequest(REQUEST, KEY), request)
        self.assertEqual(parseRequest(request, authenticated=True), REQUEST)
        self.assertTrue(authentic(KEY, request))
        self.assertEqual(packReply(REPLY, KEY), reply)
        self.assertEqual(parseReply(reply, KEY), REPLY)

    def test_zeros(self) -> None:
        """
        What must be zero is not looked at when it is not.
        """
        for start, end in ((38, 40), (41, 44)):
            data = bytearray(OPEN_REPLY)
            data[start:end] = b"\xff" * (end - start)
            self.assertEqual(parseReply(bytes(data)), REPLY)
        self.assertEqual(parseRequest(OPEN_REQUEST[:16] + b"\xff" * 28), REQUEST)

    def test_everyBit(self) -> None:
        """
        No bit of an authenticated packet can be another without being noticed, nor the key.
        """
        request, reply = packRequest(REQUEST, KEY), packReply(REPLY, KEY)
        for bit in range(112 * 8):
            self.assertFalse(authentic(KEY, flipped(request, bit)))
            self.assertRaises(Unauthentic, parseReply, flipped(reply, bit), KEY)
        self.assertFalse(authentic(KEY[::-1], request))

    def test_short(self) -> None:
        """
        TWAMP-Light's short packets are read as far as they go, and nothing shorter.
        """
        self.assertEqual(parseRequest(OPEN_REQUEST[:14]), REQUEST._replace(ssid=0))
        self.assertEqual(parseRequest(OPEN_REQUEST[:41]), REQUEST._replace(ssid=0))
        self.assertEqual(parseReply(OPEN_REPLY[:38]), REPLY._replace(ttl=0))
        self.assertEqual(parseReply(OPEN_REPLY[:41]), REPLY)
        for length in range(14):
            self.assertRaises(PacketError, parseRequest, OPEN_REQUEST[:length])
        for length in range(38):
            self.assertRaises(PacketError, parseReply, OPEN_REPLY[:length])
        for length in (44, 111):
            self.assertRaises(PacketError, parseRequest, bytes(length), True)
            self.assertRaises(PacketError, parseReply, bytes(length), KEY)

    def test_noMultiplier(self) -> None:
        """
        A reply whose Error Estimate says nothing is corrupt.
        """
        self.assertRaises(PacketError, parseReply, packReply(REPLY._replace(error=0x8A00)))

    @given(st.binary(max_size=150))
    def test_anything(self, data: bytes) -> None:
        """
        Whatever comes is read or refused.
        """
        for parse in (
            lambda: parseRequest(data),
            lambda: parseRequest(data, True),
            lambda: parseReply(data),
            lambda: parseReply(data, KEY),
        ):
            with contextlib.suppress(PacketError):
                parse()
