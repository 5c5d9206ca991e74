"""
The PROXY protocol's header, versions 1 and 2, as a server receives it.

Pure. Written from HAProxy's C{proxy-protocol.txt} (sections 2.1 and 2.2): the header is the first
thing on a connection, before any TLS, and says for whom a proxy speaks.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V1_START = b"PROXY "
_V1_LONGEST = 107  # section 2.1, the CRLF counted


class BadHeader(ValueError):
    """
    The peer sent something else than a PROXY header.
    """


@dataclass(frozen=True)
class Header:
    """
    @ivar source: the client's address and port; C{None} where the proxy speaks for itself (a
        health check) or does not know.
    @ivar rest: what came after the header already.
    """

    source: tuple[str, int] | None
    rest: bytes


class HeaderReader:
    """
    Reads one header from a stream that comes in pieces.
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Header | None:
        """
        Take the next piece; C{None} says that more is needed.

        @raise BadHeader: whatever comes, it will not be a header.
        """
        held = self._held = self._held + data
        if held.startswith(_V1_START[: len(held)]):
            return self._version1(held)
        if held.startswith(_SIGNATURE[: len(held)]):
            return self._version2(held)
        raise BadHeader("neither version 1 nor version 2")

    def _version1(self, held: bytes) -> Header | None:
        end = held.find(b"\r\n", 0, _V1_LONGEST)
        if end < 0:
            if len(held) >= _V1_LONGEST:
                raise BadHeader("version 1, but no line end within 107 bytes")
            return None
        try:
            words = held[:end].decode("ascii").split(" ")
        except UnicodeDecodeError:
            raise BadHeader("version 1, but not ASCII") from None
        rest = held[end + 2 :]
        if words[1] == "UNKNOWN":  # the rest of such a line means nothing
            return Header(None, rest)
        kinds = {"TCP4": ipaddress.IPv4Address, "TCP6": ipaddress.IPv6Address}
        if len(words) != 6 or words[1] not in kinds:
            raise BadHeader("version 1, but not its six words")
        parse = kinds[words[1]]
        try:
            if "%" in words[2]:  # a scope, which may be any text, is no part of section 2.1
                raise ValueError(words[2])
            source, _ = str(parse(words[2])), parse(words[3])
        except ValueError:
            raise BadHeader("version 1, but a wrong address") from None
        port, _ = _port(words[4]), _port(words[5])
        return Header((_shown(source), port), rest)

    def _version2(self, held: bytes) -> Header | None:
        if len(held) < 16:
            return None
        version, command = held[12] >> 4, held[12] & 15
        family = held[13]
        length = int.from_bytes(held[14:16], "big")
        if version != 2 or command > 1:
            raise BadHeader(f"version {version}, command {command}")
        if len(held) < 16 + length:
            return None
        body, rest = held[16 : 16 + length], held[16 + length :]
        # LOCAL: the proxy's own connection, whose addresses are to be ignored. Of the families,
        # TCP over IPv4 and IPv6 alone name a client that can be shown.
        size = {0x11: 4, 0x21: 16}.get(family)
        if command == 0 or size is None:
            return Header(None, rest)
        if length < 2 * size + 4:
            raise BadHeader("version 2, but too short for its addresses")
        source = ipaddress.ip_address(body[:size])
        port = int.from_bytes(body[2 * size : 2 * size + 2], "big")
        return Header((_shown(str(source)), port), rest)


def _port(word: str) -> int:
    if word.isascii() and word.isdigit() and len(word) <= 5 and int(word) <= 65535:
        return int(word)
    raise BadHeader("version 1, but a wrong port")


def _shown(address: str) -> str:
    """
    A mapped address with its IPv4 part in dots: not every Python prints it so.
    """
    if ":" in address:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
        if mapped is not None:
            return str(mapped)
    return address
