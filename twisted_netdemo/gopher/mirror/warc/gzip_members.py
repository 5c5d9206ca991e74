"""
How far a file is whole members of gzip (RFC 1952 2.2): what a killed program wrote last may be cut.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import FileIO
from typing import IO

_CHUNK = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS


def beginning(file: IO[bytes] | FileIO, size: int) -> bytes | None:
    """
    The first bytes of what is compressed, fewer where the file is cut; C{None} if it is no gzip.
    """
    file.seek(0)
    try:
        return zlib.decompressobj(_GZIP).decompress(file.read(_CHUNK), size)
    except zlib.error:
        return None


def wholeLength(file: IO[bytes] | FileIO, check: Callable[[], None] = lambda: None) -> int:
    """
    How many bytes the whole members at the beginning of a file have.

    @param check: called for each part that is read; it may raise.
    """
    file.seek(0)
    whole = at = 0
    member = zlib.decompressobj(_GZIP)
    data = b""
    while data := data or file.read(_CHUNK):
        check()
        try:
            # no more than a chunk is inflated at a time, whatever the data claims to be
            member.decompress(data, _CHUNK)
        except zlib.error:
            break
        rest = member.unused_data if member.eof else member.unconsumed_tail
        at += len(data) - len(rest)
        data = rest
        if member.eof:
            whole = at
            member = zlib.decompressobj(_GZIP)
    return whole
