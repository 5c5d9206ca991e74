"""
The question of a DNS message (RFC 1035 4.1): the name, and the type of record.

Pure. Messages are untrusted: no offset in them is followed beyond their end.
"""

from __future__ import annotations

#: The port of DNS servers.
PORT = 53

_HEADER = 12
_KNOWN = {1: "A", 28: "AAAA"}


def isOne(head: bytes) -> bool:
    """
    Whether a payload may be the beginning of a message with one question.
    """
    return len(head) > _HEADER + 1 and head[4:6] == b"\0\1"


def name(head: bytes) -> tuple[list[bytes], int]:
    """
    The labels of the name in the question; the last one is cut off where the payload ends.

    @return: the labels, and the offset after the name, which lies beyond the payload if that was
        cut off.
    """
    parts, at = [], _HEADER
    while at < len(head) and head[at]:
        parts.append(head[at + 1 : at + 1 + head[at]])
        at += 1 + head[at]
    return parts, at + 1


def recordType(payload: bytes) -> str | None:
    """
    The record type that a message asks for: C{A}, C{AAAA}, or for example C{TYPE15} (RFC 3597 5).

    @return: L{None} if the payload is no message with one question.
    """
    if not isOne(payload):
        return None
    _, at = name(payload)
    if at + 2 > len(payload):
        return None
    number = int.from_bytes(payload[at : at + 2], "big")
    return _KNOWN.get(number, f"TYPE{number}")
