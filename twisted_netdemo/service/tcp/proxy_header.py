"""
The PROXY protocol's header, versions 1 and 2, as a server receives it.

Pure. Written from HAProxy's C{proxy-protocol.txt} (sections 2.1 and 2.2): the header is the first
thing on a connection, before any TLS, and says for whom a proxy speaks.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from twisted_netdemo.service.tcp.crc32c import crc32c

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V1_START = b"PROXY "
_V1_LONGEST = 107  # section 2.1, the CRLF counted

# Section 2.2: the families of addresses, and how many bytes they take; of those, TCP over IPv4 and
# over IPv6 (with the size of an address) name a client that can be shown.
_SIZES = {0: 0, 1: 12, 2: 36, 3: 216}
_SHOWN = {0x11: 4, 0x21: 16}
# Section 2.2.3.
_CRC32C = 0x03


class BadHeader(ValueError):
    """
    The peer sent something else than a PROXY header.
    """


@dataclass(frozen=True)
class Header:
    """
    @ivar source: the client's address and port; C{None} where the proxy does not know.
    @ivar rest: the data that came after the header.
    @ivar isLocal: whether the proxy speaks for itself, as in a health check; of version 2 alone.
    @ivar destination: in version 1, the address and port that the source's connection goes to.
    """

    source: tuple[str, int] | None
    rest: bytes
    isLocal: bool = False
    destination: tuple[str, int] | None = None


class HeaderReader:
    """
    Reads one header from a stream that comes in pieces.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Header | None:
        """
        Take the next piece; C{None} says that more is needed.

        @raise BadHeader: the data so far cannot become a header.
        """
        held = self._held
        held += data
        if held.startswith(_V1_START[: len(held)]):
            return self._version1(held)
        if held.startswith(_SIGNATURE[: len(held)]):
            return self._version2(held)
        raise BadHeader("neither version 1 nor version 2")

    def _version1(self, held: bytearray) -> Header | None:
        end = held.find(b"\r\n", 0, _V1_LONGEST)
        if end < 0:
            if len(held) >= _V1_LONGEST:
                raise BadHeader("version 1, but no line end within 107 bytes")
            return None
        try:
            words = held[:end].decode("ascii").split(" ")
        except UnicodeDecodeError:
            raise BadHeader("version 1, but not ASCII") from None
        rest = bytes(held[end + 2 :])
        if words[1] == "UNKNOWN":  # the rest of such a line means nothing
            return Header(None, rest)
        kinds = {"TCP4": ipaddress.IPv4Address, "TCP6": ipaddress.IPv6Address}
        if len(words) != 6 or words[1] not in kinds:
            raise BadHeader("version 1, but not its six words")
        parse = kinds[words[1]]
        try:
            if "%" in words[2]:  # a scope, which may be any text, is no part of section 2.1
                raise ValueError(words[2])
            source, destination = str(parse(words[2])), str(parse(words[3]))
        except ValueError:
            raise BadHeader("version 1, but a wrong address") from None
        ports = _port(words[4]), _port(words[5])
        return Header((_shown(source), ports[0]), rest, destination=(_shown(destination), ports[1]))

    def _version2(self, held: bytearray) -> Header | None:
        if len(held) < 16:
            return None
        version, command = held[12] >> 4, held[12] & 15
        family = held[13]
        length = int.from_bytes(held[14:16], "big")
        if version != 2 or command > 1:
            raise BadHeader(f"version {version}, command {command}")
        if len(held) < 16 + length:
            return None
        body, rest = bytes(held[16 : 16 + length]), bytes(held[16 + length :])
        _verify(bytes(held[:16]), body, _SIZES.get(family >> 4))
        # LOCAL: the proxy's own connection, whose addresses are to be ignored.
        size = _SHOWN.get(family)
        if command == 0 or size is None:
            return Header(None, rest, isLocal=command == 0)
        if length < 2 * size + 4:
            raise BadHeader("version 2, but too short for its addresses")
        source = ipaddress.ip_address(body[:size])
        port = int.from_bytes(body[2 * size : 2 * size + 2], "big")
        return Header((_shown(str(source)), port), rest)


def _verify(head: bytes, body: bytes, start: int | None) -> None:
    """
    Hold a header of version 2 against its checksum, if it has one.

    @param start: where its values (TLVs) begin in the body, C{None} if that is not known.
    @raise BadHeader: it is another one.
    """
    at = len(body) if start is None else start
    while at + 3 <= len(body):
        kind, length = body[at], int.from_bytes(body[at + 1 : at + 3], "big")
        at += 3
        if at + length > len(body):
            if head[12] & 15 == 0:
                return  # section 2.2: the addresses of LOCAL are discarded
            raise BadHeader("version 2, but a value that is longer than the header")
        if kind == _CRC32C:
            said = body[at : at + length]
            whole = head + body[:at] + bytes(length) + body[at + length :]
            if len(said) != 4 or int.from_bytes(said, "big") != crc32c(whole):
                raise BadHeader("version 2, but a wrong checksum")
            return
        at += length


def _port(word: str) -> int:
    """
    Section 2.1: no zero stands before a number.
    """
    if word.isascii() and word.isdigit() and len(word) <= 5 and int(word) <= 65535:
        if word[0] == "0" and word != "0":
            raise BadHeader("version 1, but a port that begins with 0")
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
