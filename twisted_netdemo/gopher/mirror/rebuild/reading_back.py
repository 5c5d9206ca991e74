"""
What the file of a resource says, as if it had just come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from twisted_netdemo.gopher.client.response import MAX_ITEMS
from twisted_netdemo.gopher.item_types import Kind, bodyKind
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.mirror.copy.gophermap import MOST
from twisted_netdemo.gopher.mirror.state.leads import leadOf, titleOf
from twisted_netdemo.gopher.mirror.state.rows import MAX_TEXT, MenuLink, NotFollowed
from twisted_netdemo.gopher.readers import MenuReader, TextReader
from twisted_netdemo.gopher.text.charset import Charsets
from twisted_netdemo.gopher.text.lines import LineTooLong
from twisted_netdemo.gopher.url import GopherURL

_SLICE = 1 << 16


@dataclass
class ReadBack:
    """
    @ivar text: to be found by a search; empty for a binary.
    @ivar links: of a menu.
    @ivar notFollowed: of a menu.
    """

    text: str = ""
    links: list[MenuLink] = field(default_factory=list)
    notFollowed: list[NotFollowed] = field(default_factory=list)


def readBack(path: str, url: GopherURL, charsets: Charsets) -> ReadBack:
    """
    Read a file.

    @raise OSError: that is not possible.
    """
    kind = bodyKind(url.type)
    if kind is Kind.BINARY:
        return ReadBack()

    def guess(sample: bytes) -> str:
        return charsets.guess(url.host, sample)

    with open(path, "rb") as file:
        if kind is Kind.MENU:
            return _menu(file.read(MOST), url, MenuReader(guess))
        reader = TextReader(guess)
        return ReadBack("".join([*reader.feed(file.read(MAX_TEXT)), *reader.end()]))


def _menu(data: bytes, url: GopherURL, reader: MenuReader) -> ReadBack:
    read = ReadBack()
    titles: list[str] = []
    size = count = 0
    with suppress(LineTooLong):
        for item in _items(data, reader):
            count += 1
            if count > MAX_ITEMS:
                break
            title = titleOf(item, reader.codec)
            if size < MAX_TEXT:
                titles.append(title)
                size += len(title)
            lead = leadOf(item, url, title)
            if isinstance(lead, MenuLink):
                read.links.append(lead)
            elif lead is not None:
                read.notFollowed.append(lead)
    read.text = "\n".join(titles)
    return read


def _items(data: bytes, reader: MenuReader) -> Iterator[Item]:
    for start in range(0, len(data), _SLICE):
        yield from reader.feed(data[start : start + _SLICE])
    yield from reader.end()
