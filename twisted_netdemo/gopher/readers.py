"""
From a body's bytes to what they say, as they come: the text of a text, the items of a menu.

What is held back is bounded, and so is what is made of a piece: large ones are to be fed in
slices. Pure.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.text.characters import Characters
from twisted_netdemo.gopher.text.lines import MenuLines, PlainText

_SLICE = 1 << 16
#: How many bytes of lines without TABs are held back, while it is open whether others have TABs.
_MOST_WITHOUT_TABS = 1 << 16
_BLANK = Item("i", b"")


def pieces(texts: Iterable[str]) -> Iterator[str]:
    """
    Many small texts as fewer larger ones, none of which is huge.
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
    A text, with its dots undone and C{\\n} for its line ends; see L{PlainText}.
    """

    def __init__(self, guess: Callable[[bytes], str], charset: str | None = None) -> None:
        """
        @param guess: gives the codec for a sample.
        @param charset: the codec, where it has been said.
        """
        self._characters = Characters(guess, charset)
        self._text = PlainText()
        self._decoder: codecs.IncrementalDecoder | None = None

    @property
    def charset(self) -> str:
        """
        The codec, as far as is known.
        """
        return self._characters.charset

    def feed(self, data: bytes) -> Iterator[str]:
        """
        What has become certain, in pieces; to be gone through.
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
    The items of a menu, up to its C{.}.

    A line without TABs is information, all of it; but where other lines have TABs, an C{i} that it
    begins with is its type, as in theirs.
    """

    def __init__(self, guess: Callable[[bytes], str], charset: str | None = None) -> None:
        """
        @param guess: gives the codec for a sample.
        @param charset: the codec, where it has been said.
        """
        self._characters = Characters(guess, charset)
        self._lines = MenuLines()
        self._held: list[bytes] | None = []
        self._size = 0
        self._hasTabs = False
        self._original = ""  # the type that a mirror has

    @property
    def charset(self) -> str:
        """
        The codec, as far as is known.
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
        The items that have become certain.

        @raise LineTooLong: where a line was already, with the items before it.
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
            if self._hasTabs or self._size > _MOST_WITHOUT_TABS:
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
