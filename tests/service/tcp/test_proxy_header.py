"""
The PROXY protocol's header, as proxies send it and as others do.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.splits import everySplit, pieces
from twisted_netdemo.service.tcp.crc32c import crc32c
from twisted_netdemo.service.tcp.proxy_header import BadHeader, Header, HeaderReader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def read(parts: list[bytes]) -> Header | str | None:
    """
    The header, with all that came after it; None where it is not whole; 'bad'.
    """
    reader = HeaderReader()
    for number, part in enumerate(parts, 1):
        try:
            header = reader.feed(part)
        except BadHeader:
            return "bad"
        if header is not None:
            return replace(header, rest=header.rest + b"".join(parts[number:]))
    return None


def version2(command: int, family: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return SIGNATURE + bytes([command, family]) + size.to_bytes(2, "big") + body


def checked(command: int, family: int, before: bytes, after: bytes = b"") -> bytes:
    """
    A header with a checksum among its values.
    """
    size = len(before) + 7 + len(after)
    blank = version2(command, family, before + b"\x03\0\4", size) + bytes(4) + after
    return version2(
        command, family, before + b"\x03\0\4" + crc32c(blank).to_bytes(4, "big") + after
    )


def addresses(source: str, destination: str, sourcePort: int, destinationPort: int) -> bytes:
    return (
        ipaddress.ip_address(source).packed
        + ipaddress.ip_address(destination).packed
        + sourcePort.to_bytes(2, "big")
        + destinationPort.to_bytes(2, "big")
    )


V4 = addresses("192.0.2.7", "192.0.2.1", 1234, 80)
V6 = addresses("2001:db8::7", "2001:db8::1", 1234, 80)
MAPPED = addresses("::ffff:192.0.2.7", "::ffff:192.0.2.1", 1234, 80)


class ChecksumTests(SynchronousTestCase):
    def test_published(self) -> None:
        """
        The examples of RFC 3720, B.4 (which prints the last byte first), and the usual check value.
        """
        for data, checksum in (
            (bytes(32), 0x8A9136AA),
            (b"\xff" * 32, 0x62A8AB43),
            (bytes(range(32)), 0x46DD794E),
            (bytes(range(31, -1, -1)), 0x113FDB5C),
            (b"123456789", 0xE3069283),
        ):
            self.assertEqual(crc32c(data), checksum)


class HeaderTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        Each header names its client, or nobody, at every split alike.
        """
        four, six = ("192.0.2.7", 1234), ("2001:db8::7", 1234)
        for data, expected in [
            (
                b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n",
                Header(four, b"", destination=("192.0.2.1", 80)),
            ),
            (
                b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n123\n",
                Header(four, b"123\n", destination=("192.0.2.1", 80)),
            ),
            (
                b"PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\nx",
                Header(six, b"x", destination=("2001:db8::1", 80)),
            ),
            (
                b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1234 80\r\n",
                Header(four, b"", destination=("::1", 80)),
            ),
            (
                b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 0\r\n",
                Header(four, b"", destination=("192.0.2.1", 0)),
            ),
            (b"PROXY UNKNOWN\r\n1", Header(None, b"1")),
            (b"PROXY UNKNOWN ffff:f 65535 anything\r\n", Header(None, b"")),
            (version2(0x21, 0x11, V4) + b"x", Header(four, b"x")),
            (version2(0x21, 0x21, V6), Header(six, b"")),
            (version2(0x21, 0x21, MAPPED), Header(four, b"")),
            (version2(0x21, 0x11, V4 + b"\x04\0\4noop"), Header(four, b"")),
            (version2(0x21, 0x11, V4 + b"\x04\0"), Header(four, b"")),
            (checked(0x21, 0x11, V4) + b"x", Header(four, b"x")),
            (checked(0x21, 0x21, V6 + b"\x04\0\1-", b"\x05\0\1!"), Header(six, b"")),
            (checked(0x20, 0, b""), Header(None, b"", isLocal=True)),
            (version2(0x20, 0x11, V4) + b"x", Header(None, b"x", isLocal=True)),
            (version2(0x20, 0, b""), Header(None, b"", isLocal=True)),
            # what comes with LOCAL is discarded, whatever it is
            (version2(0x20, 0, b"\xff" * 7) + b"x", Header(None, b"x", isLocal=True)),
            (version2(0x20, 0xFF, b"\xff" * 7), Header(None, b"", isLocal=True)),
            (version2(0x21, 0x31, bytes(216)), Header(None, b"")),
            (version2(0x21, 0, b""), Header(None, b"")),
            # not whole
            (b"", None),
            (b"PROXY TCP4 192.0.2.7", None),
            (SIGNATURE, None),
            (version2(0x21, 0x11, V4[:-1], 12), None),
            # wrong
            (b"123\n", "bad"),
            (b"GET / HTTP/1.0\r\n\r\n", "bad"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 1234\r\n", "bad"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 65536\r\n", "bad"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 80\r\n", "bad"),
            (b"PROXY TCP4 192.0.2.777 192.0.2.1 1 80\r\n", "bad"),
            (b"PROXY TCP4 2001:db8::7 2001:db8::1 1234 80\r\n", "bad"),
            (b"PROXY TCP5 192.0.2.7 192.0.2.1 1 80\r\n", "bad"),
            (b"PROXY TCP4  192.0.2.7 192.0.2.1 1 80\r\n", "bad"),
            (b"PROXY TCP4 \xb9.0.2.7 192.0.2.1 1 80\r\n", "bad"),
            (b"PROXY TCP6 fe80::1%eth0 fe80::2%eth0 1 80\r\n", "bad"),
            (b"PROXY \r\n", "bad"),
            (b"PROXY " + b"x" * 101, "bad"),
            (version2(0x31, 0x11, V4), "bad"),
            (version2(0x22, 0x11, V4), "bad"),
            (version2(0x21, 0x11, V4[:8]), "bad"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 00012 80\r\n", "bad"),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 12 00\r\n", "bad"),
            (version2(0x21, 0x11, V4 + b"\x03\0\4crc."), "bad"),
            (version2(0x20, 0, b"\x03\0\4crc."), "bad"),
            (version2(0x21, 0x11, V4 + b"\x03\0\x05crc.."), "bad"),
            (version2(0x21, 0x11, V4 + b"\x03\0\4c"), "bad"),
            (version2(0x21, 0x11, V4 + b"\x04\0\4no"), "bad"),
            (checked(0x21, 0x11, V4).replace(V4[:4], b"\xc0\0\2\x08"), "bad"),
        ]:
            for parts in everySplit(data):
                with self.subTest(parts=parts):
                    self.assertEqual(read(parts), expected)

    def test_longestVersion1(self) -> None:
        """
        107 bytes, the line end among them, are the most that version 1 has.
        """
        line = b"PROXY UNKNOWN " + b"x" * (107 - 16) + b"\r\n"
        self.assertEqual(len(line), 107)
        self.assertEqual(read([line]), Header(None, b""))
        self.assertEqual(read([b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n"]), "bad")

    @given(st.data(), st.binary(max_size=60), st.booleans())
    def test_anyBytes(self, data: st.DataObject, stream: bytes, begins: bool) -> None:
        """
        Whatever comes, and however it is cut, there is one answer and no other exception.
        """
        if begins:
            stream = data.draw(st.sampled_from([SIGNATURE, b"PROXY TCP4 "])) + stream
        parts = data.draw(pieces(stream))
        whole = read([stream]) if stream else None
        self.assertEqual(read(parts), whole)
