"""
Byte order marks, and the sample of a body by which its charset is guessed. Pure.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from twisted_netdemo.gopher.text.charset import SAMPLE, UTF8

_UTF8_MARK = b"\xef\xbb\xbf"
_MARKS = {_UTF8_MARK: UTF8, b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# Codecs that are no charsets, or whose time or result is not linear.
_NO_CHARSETS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs"}
_ASCII = "".join(map(chr, (9, 10, 13, *range(0x20, 0x7F))))


def knownCharset(name: str) -> str:
    """
    The name of the Python codec of a charset.

    @raise ValueError: Python knows none.
    """
    try:
        known = codecs.lookup(name).name
        isText = codecs.decode(b"", name) == ""
    except (LookupError, ValueError, TypeError):
        known, isText = "", False
    if not isText or known.replace("-", "_") in _NO_CHARSETS:
        raise ValueError(f"{name!r} is not a known charset")
    return known


def hasASCII(charset: str) -> bool:
    """
    Whether a charset contains ASCII, so that line ends and TABs can be found in undecoded bytes.
    """
    return (
        _ASCII.encode("ascii")
        .decode(charset, "replace")
        .replace("\xa5", "\\")
        .replace("\u203e", "~")
        == _ASCII
    )


class ByteOrderMark:
    """
    Drops the byte order mark, and transcodes UTF-16 and other charsets without ASCII to UTF-8.

    @ivar charset: the codec that was given, or that the mark names; C{None} without either.
    @ivar codec: the codec of the bytes that L{feed} returns.
    """

    def __init__(self, charset: str | None = None) -> None:
        """
        @param charset: the codec, if it is given.
        """
        self.charset = self.codec = charset
        self._head: bytes | None = b""  # bytes that may become a mark
        self._other: codecs.IncrementalDecoder | None = None
        if charset is not None and not hasASCII(charset):
            self._transcode(charset)

    def _transcode(self, charset: str) -> None:
        self.codec = UTF8
        self._other = codecs.getincrementaldecoder(charset)("replace")

    def feed(self, data: bytes) -> bytes:
        if self._head is not None:
            data = self._head + data
            if len(data) < len(_UTF8_MARK) and any(mark.startswith(data) for mark in _MARKS):
                self._head = data
                return b""
            data = self._unmark(data)
        return data if self._other is None else _utf8(self._other.decode(data))

    def end(self) -> bytes:
        rest = b"" if self._head is None else self._unmark(self._head)
        return rest if self._other is None else _utf8(self._other.decode(rest, True))

    def _unmark(self, data: bytes) -> bytes:
        self._head = None
        if self.charset is not None and self.charset != UTF8:
            return data  # the caller knows better
        for mark, charset in _MARKS.items():
            if data.startswith(mark) and self.charset in (None, charset):
                self.charset = self.codec = charset
                if charset != UTF8:
                    self._transcode(charset)
                return data[len(mark) :]
        return data


def _utf8(text: str) -> bytes:
    return text.removeprefix("\ufeff").encode(UTF8, "replace")


class Characters:
    """
    Finds out the charset of a body. From the first byte that is not ASCII, up to L{SAMPLE} bytes
    are held back to guess by.

    @ivar charset: the codec of the body, as far as it is known.
    @ivar codec: the codec of the bytes that L{feed} returns; C{None} while they are all ASCII.
    """

    def __init__(self, guess: Callable[[bytes], str], charset: str | None = None) -> None:
        """
        @param guess: returns the codec for a sample; it is called once at most.
        @param charset: the codec, if it is given.
        """
        self._guess = guess
        self._mark = ByteOrderMark(charset)
        self.charset = charset or UTF8
        self.codec = self._mark.codec
        self._held = bytearray()
        self._before = b""  # the last bytes before the sample

    def feed(self, data: bytes) -> bytes:
        return self._take(self._mark.feed(data))

    def end(self) -> bytes:
        certain = self._take(self._mark.end())
        return certain + self._decide() if self._held else certain

    def _take(self, data: bytes) -> bytes:
        if self.codec is None and self._mark.codec is not None:
            self.codec = self._mark.codec
            self.charset = self._mark.charset or UTF8
        if self.codec is not None:
            return data
        if not self._held:
            if data.isascii():
                self._before = (self._before + data[-16:])[-16:]
                return data
            first = _firstBeyondASCII(data)
            self._before = (self._before + data[max(0, first - 16) : first])[-16:]
            certain, data = data[:first], data[first:]
        else:
            certain = b""
        self._held += data
        return certain if len(self._held) < SAMPLE else certain + self._decide()

    def _decide(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        self.codec = self.charset = self._guess(self._before + held[:SAMPLE])
        return held


def _firstBeyondASCII(data: bytes) -> int:
    try:
        data.decode("ascii")
    except UnicodeDecodeError as error:
        return error.start
    return len(data)
