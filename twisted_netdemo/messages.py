"""
The words of linecount and udpcount: the greeting, the answer, and how a line's length is counted.

Pure. A I{peer} is a tuple of the peer's host as text (an IP address, with C{%scope} where it has
one) and its port.
"""

from __future__ import annotations

from typing import Literal

Unit = Literal["characters", "bytes"]
UNITS: tuple[Unit, ...] = ("characters", "bytes")

# PropList.txt of the Unicode Character Database
_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def parseUnit(text: str) -> Unit:
    """
    The unit of this name.

    @raise ValueError: there is none.
    """
    for unit in UNITS:
        if text == unit:
            return unit
    raise ValueError(f"{text!r} is neither characters nor bytes")


def greeting(peer: tuple[str, int]) -> bytes:
    """
    The welcome line: C{Welcome, ('127.0.0.1', 62460)}, and a line feed.
    """
    host, port = peer
    return f"Welcome, ('{host}', {port})\n".encode()


def count(line: bytes, unit: Unit) -> int:
    """
    The length of a line without the white space at its ends.

    White space has Unicode's property White_Space, as for C{str.strip}, but without U+001C to
    U+001F, which separate the parts of a file. Characters are Unicode's, in UTF-8; a byte that is
    not part of one counts as a character.

    @param line: any bytes at all.
    @param unit: whether to count characters or bytes; the stripping is the same.
    """
    text = line.decode("utf-8", "surrogateescape").strip(_WHITE)
    return len(text) if unit == "characters" else len(text.encode("utf-8", "surrogateescape"))


def answer(counted: int) -> bytes:
    """
    The answer line: C{You entered 3 characters.}, and a line feed. It says C{characters} for bytes,
    too, and after 1.
    """
    return b"You entered %d characters.\n" % counted
