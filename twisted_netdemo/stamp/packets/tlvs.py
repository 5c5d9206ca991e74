"""
The TLVs behind a base packet (RFC 8972 4): their frame, their flags, and the layouts of those that
we know. What stands here follows how others have built RFC 8972.

A TLV is four octets (flags, type, length of the value in two) and its value. Pure.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from twisted_netdemo.stamp.packets.base_packet import digest

#: The flags: not recognized, malformed, integrity failed. The sender sends U=1; the reflector
#: clears it in what it knows.
U, M, I = 0x80, 0x40, 0x20  # noqa: E741  # the RFC's own names

HEADER = Struct("!BBH")

#: What an HMAC TLV takes, header and all.
HMAC_SIZE = HEADER.size + 16


class Type(IntEnum):
    """
    The types that we know (IANA's registry of STAMP TLV types).
    """

    EXTRA_PADDING = 1
    LOCATION = 2
    TIMESTAMP_INFORMATION = 3
    CLASS_OF_SERVICE = 4
    DIRECT_MEASUREMENT = 5
    FOLLOW_UP_TELEMETRY = 7
    HMAC = 8
    #: Of the range for experiments, 240 to 251: L{twisted_netdemo.stamp.packets.run_report}.
    RUN_REPORT = 240


#: How long a value is, for types of which it has one length.
LENGTHS: dict[int, int] = {
    Type.TIMESTAMP_INFORMATION: 4,
    Type.CLASS_OF_SERVICE: 4,
    Type.DIRECT_MEASUREMENT: 12,
    Type.FOLLOW_UP_TELEMETRY: 16,
    Type.HMAC: 16,
}

#: The least length of a value, for types that have one: Location begins with two ports.
LEASTS: dict[int, int] = {Type.LOCATION: 4}


class TLV(NamedTuple):
    """
    Where a TLV is in a packet.

    @ivar start: of its header.
    @ivar value: where its value begins, and C{end}: where it ends.
    """

    flags: int
    type: int
    start: int
    value: int
    end: int


def pack(type: int, value: bytes, flags: int = U) -> bytes:
    """
    A TLV's octets.
    """
    return HEADER.pack(flags, type, len(value)) + value


def padding(octets: int) -> bytes:
    """
    An Extra Padding TLV of so many octets in all; fewer than four are zeros without a frame.
    """
    spare = octets - HEADER.size
    return bytes(octets) if spare < 0 else pack(Type.EXTRA_PADDING, bytes(spare))


def isCovered(number: bytes, data: bytes | bytearray, key: bytes) -> bool:
    """
    Whether an HMAC TLV covers all TLVs but padding (RFC 8972 4.8), and is made with the key.

    @param number: the four octets of the packet's Sequence Number.
    @param data: the TLVs.
    """
    covered = [each for each in tlvs(data, 0) if each.type != Type.EXTRA_PADDING or each.flags & M]
    if not covered:
        return True
    last = covered.pop()
    if any(each.type == Type.HMAC for each in covered):
        return False
    if last.type != Type.HMAC or last.end - last.value != LENGTHS[Type.HMAC]:
        return False
    expected = digest(key, number + data[: last.start])
    return hmac.compare_digest(expected, bytes(data[last.value : last.end]))


def signed(number: bytes, data: bytes, key: bytes) -> bytes:
    """
    TLVs with an HMAC TLV behind them, that covers them.
    """
    return data + pack(Type.HMAC, digest(key, number + data))


def tlvs(data: bytes | bytearray, start: int, end: int | None = None) -> Iterator[TLV]:
    """
    The TLVs of a packet in order. The last one has C{M} among its flags if it does not fit.

    Octets of zero where flags and type should be are padding without a frame, and there it ends.

    @param start: where they begin: at the end of the base packet.
    """
    end = len(data) if end is None else end
    while start < end:
        value = start + HEADER.size
        if value > end:
            if not any(data[start:end]):
                return
            yield TLV(data[start] | M, 0, start, end, end)
            return
        flags, type, length = HEADER.unpack_from(data, start)
        if not flags and not type:
            return
        following = value + length
        if following > end:
            yield TLV(flags | M, type, start, value, end)
            return
        yield TLV(flags, type, start, value, following)
        start = following
