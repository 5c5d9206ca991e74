"""
Incremental parsers: from the bytes of a body to text, or to the items of a menu. Pure.

They hold back a bounded part. What they return for a piece is in proportion to the piece, so that
callers feed large bodies in slices.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.text.characters import Characters
from twisted_netdemo.gopher.text.lines import MenuLines, PlainText

_SLICE = 1 << 16
# How many bytes of lines without TABs are held back, while it is unknown whether others have TABs.
_MAX_WITHOUT_TABS = 1 << 16
_BLANK = Item("i", b"")


def pieces(texts: Iterable[str]) -> Iterator[str]:
    """
    Join small texts to fewer larger ones, none of which is huge.
    """
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size > _SLICE:
            yield "".join(held)
            held.clear()
            size = 0
    if held:
        yield "".join(held)


class TextReader:
    """
    Reads a text: its dots are undone and its line ends are C{\\n}; see L{PlainText}.
    """

    def __init__(self, guess: Callable[[bytes], str], charset: str | None = None) -> None:
        """
        @param guess: returns the codec for a sample.
        @param charset: the codec, if it is given.
        """
        self._characters = Characters(guess, charset)
        self._text = PlainText()
        self._decoder: codecs.IncrementalDecoder | None = None

    @property
    def charset(self) -> str:
        """
        The codec, as far as it is known.
        """
        return self._characters.charset

    def feed(self, data: bytes) -> Iterator[str]:
        """
        Take more bytes.

        @return: the text that has become certain, in pieces; the caller takes all of them.
        """
        yield from self._slices(self._text.feed(self._characters.feed(data)))

    def end(self) -> Iterator[str]:
        """
        The rest, in pieces.
        """
        yield from self._slices(self._text.feed(self._characters.end()))
        yield from self._slices(self._text.end())
        if self._decoder is not None and (last := self._decoder.decode(b"", True)):
            yield last

    def _slices(self, data: bytes) -> Iterator[str]:
        for start in range(0, len(data), _SLICE):
            yield self._decode(data[start : start + _SLICE])

    def _decode(self, data: bytes) -> str:
        codec = self._characters.codec
        if codec is None or not data:
            return data.decode("ascii")
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder(codec)("replace")
        return self._decoder.decode(data)


class MenuReader:
    """
    Reads the items of a menu, up to its final C{.}.

    A line without TABs is information. If other lines have TABs, an C{i} at its beginning is its
    type, as in those.
    """

    def __init__(self, guess: Callable[[bytes], str], charset: str | None = None) -> None:
        """
        @param guess: returns the codec for a sample.
        @param charset: the codec, if it is given.
        """
        self._characters = Characters(guess, charset)
        self._lines = MenuLines()
        self._held: list[bytes] | None = []
        self._size = 0
        self._hasTabs = False
        self._original = ""  # the type of the last item that is no mirror

    @property
    def charset(self) -> str:
        """
        The codec, as far as it is known.
        """
        return self._characters.charset

    @property
    def codec(self) -> str:
        """
        The codec of the fields of the items so far.
        """
        return self._characters.codec or "ascii"

    def feed(self, data: bytes) -> list[Item]:
        """
        Take more bytes.

        @return: the items that have become certain.
        @raise LineTooLong: the line before was too long already.
        """
        return self._take(self._lines.feed(self._characters.feed(data)))

    def end(self) -> list[Item]:
        """
        The rest of them.
        """
        items = self._take(self._lines.feed(self._characters.end()))
        items += self._take(self._lines.end())
        held, self._held = self._held, None
        return items + [self._item(line) for line in held or ()]

    def _take(self, lines: list[bytes]) -> list[Item]:
        held = self._held
        if held is None:
            return [self._item(line) for line in lines]
        for index, line in enumerate(lines):
            held.append(line)
            self._size += len(line) + 1
            self._hasTabs = b"\t" in line
            if self._hasTabs or self._size > _MAX_WITHOUT_TABS:
                self._held = None
                return [self._item(line) for line in (*held, *lines[index + 1 :])]
        return []

    def _item(self, line: bytes) -> Item:
        if not line:
            item = _BLANK
        else:
            self._hasTabs = self._hasTabs or b"\t" in line
            item = Item.parse(line, self._hasTabs)
        if item.type == "+":
            return replace(item, mirrored=self._original)
        self._original = item.type
        return item
