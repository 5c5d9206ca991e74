"""
What a message of the name system asks (RFC 1035 4.1): the name, and which type of record.

Pure. Messages come from anybody: whatever they hold, they are read within their bounds.
"""

from __future__ import annotations

#: The name system's port.
PORT = 53

_HEADER = 12
_KNOWN = {1: "A", 28: "AAAA"}


def isOne(head: bytes) -> bool:
    """
    Whether a payload may begin a message with one question.
    """
    return len(head) > _HEADER + 1 and head[4:6] == b"\0\1"


def name(head: bytes) -> tuple[list[bytes], int]:
    """
    The labels of the name that is asked for, the last one cut where the payload ends.

    @return: them, and where what follows the name begins; beyond the payload where it is cut.
    """
    parts, at = [], _HEADER
    while at < len(head) and head[at]:
        parts.append(head[at + 1 : at + 1 + head[at]])
        at += 1 + head[at]
    return parts, at + 1


def recordType(payload: bytes) -> str | None:
    """
    The type of the record that a message asks for: C{A}, C{AAAA}, else as C{TYPE15} (RFC 3597 5).

    @return: L{None} where it is no message with one question.
    """
    if not isOne(payload):
        return None
    _, at = name(payload)
    if at + 2 > len(payload):
        return None
    number = int.from_bytes(payload[at : at + 2], "big")
    return _KNOWN.get(number, f"TYPE{number}")
