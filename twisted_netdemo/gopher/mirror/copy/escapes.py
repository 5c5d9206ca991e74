"""
Bytes as a part of a file's name that every file system takes, and back. Pure.

Plain are C{a-z 0-9 . _ - + , ~ @}. Any other byte is C{=} and two hexadecimal digits. A capital has
C{^} before it, several in a row have C{^^} before them and C{^} behind them if a small letter
follows: so the name says which letters are capitals even where a file system does not.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(rb"[A-Z]+|[^a-z0-9._+,@~-]")
_ESCAPED = re.compile(
    r"=(?P<odd>[0-9a-f]{2})|\^\^(?P<caps>[a-z]{2,})\^?|\^(?P<cap>[a-z])|(?P<plain>[a-z0-9._+,~@-])"
)

# What Windows opens as a device, whatever ending is behind it; and names that mean more than a file
# to a server: gophernicus takes the menu, the title and the programs of a folder from these.
_RESERVED = {"con", "prn", "aux", "nul", "gophermap", "gophertag", "cgi-bin", "server-status"}
_RESERVED |= {f"{device}{number}" for device in ("com", "lpt") for number in range(10)}


def escaped(data: bytes) -> str:
    """
    Bytes as plain characters. No two differ only by case.
    """
    return _TOKEN.sub(_escape, data).decode("ascii")


def _escape(match: re.Match[bytes]) -> bytes:
    found = match[0]
    if not found.isupper():
        return b"=%02x" % found[0]
    if len(found) == 1:
        return b"^" + found
    follows = match.string[match.end() : match.end() + 1]
    return b"^^" + found + (b"^" if follows.islower() else b"")


def unescaped(text: str) -> bytes | None:
    """
    The bytes that L{escaped} made these characters of, whatever the case of the letters; C{None} if
    it made them of none.
    """
    out = bytearray()
    at, text = 0, text.lower()
    while at < len(text):
        match = _ESCAPED.match(text, at)
        if match is None:
            return None
        at = match.end()
        if match["odd"]:
            out.append(int(match["odd"], 16))
        else:
            out += (match["caps"] or match["cap"] or "").upper().encode()
            out += (match["plain"] or "").encode()
    return bytes(out)


def safeStart(text: str) -> str:
    """
    An escaped name that does not begin as a hidden file, an option or a home, and is no reserved
    one.
    """
    if text[:1] in (".", "-", "~") or text.partition(".")[0] in _RESERVED:
        return f"={ord(text[0]):02x}{text[1:]}"
    return text
