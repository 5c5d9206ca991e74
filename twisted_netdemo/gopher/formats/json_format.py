"""
A fetch as a JSON document that is written while the body comes. Pure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Protocol

from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.readers import MenuReader, TextReader, pieces
from twisted_netdemo.gopher.text.charset import decode
from twisted_netdemo.gopher.url import GopherURL

#: The members of a JSON object.
Members = dict[str, str | int | float | None]


class Content(Protocol):
    """
    A body as a member of the document.
    """

    @property
    def charset(self) -> str | None:
        """
        The codec of the body; C{None} for a binary.
        """

    @property
    def opening(self) -> str:
        """
        The text before the member's value.
        """

    @property
    def closing(self) -> str:
        """
        The text behind the value.
        """

    def feed(self, data: bytes) -> Iterator[str]:
        """
        The next part of the value, in pieces; the caller takes all of them.
        """

    def end(self) -> Iterator[str]:
        """
        The rest of the value, in pieces.
        """


class TextContent:
    """
    A text, as a string.
    """

    opening, closing = '"text": "', '"'

    def __init__(self, reader: TextReader) -> None:
        self._reader = reader

    @property
    def charset(self) -> str | None:
        return self._reader.charset

    def feed(self, data: bytes) -> Iterator[str]:
        return (json.dumps(text)[1:-1] for text in self._reader.feed(data))

    def end(self) -> Iterator[str]:
        return (json.dumps(text)[1:-1] for text in self._reader.end())


class BinaryContent:
    """
    Any bytes, in base64.
    """

    charset = None
    opening, closing = '"data_base64": "', '"'
    _left = b""

    def feed(self, data: bytes) -> Iterator[str]:
        data = self._left + data
        whole = len(data) - len(data) % 3
        self._left = data[whole:]
        yield base64.b64encode(data[:whole]).decode("ascii")

    def end(self) -> Iterator[str]:
        yield base64.b64encode(self._left).decode("ascii")


class MenuContent:
    """
    A menu, as a list of its items.
    """

    opening, closing = '"items": [', "]"
    _between = ""
    _last: tuple[Item | None, str] = (None, "")

    def __init__(self, reader: MenuReader, base: GopherURL) -> None:
        self._reader = reader
        self._base = base

    @property
    def charset(self) -> str | None:
        return self._reader.charset

    def feed(self, data: bytes) -> Iterator[str]:
        return pieces(map(self._written, self._reader.feed(data)))

    def end(self) -> Iterator[str]:
        return pieces(map(self._written, self._reader.end()))

    def _written(self, item: Item) -> str:
        if item is not self._last[0]:  # blank lines are one item, and may be many
            self._last = item, json.dumps(self._members(item))
        between, self._between = self._between, ", "
        return between + self._last[1]

    def _members(self, item: Item) -> Members:
        codec = self._reader.codec
        return {
            "type": item.type,
            "text": decode(item.display, codec),
            "selector": decode(item.selector, codec),
            "host": item.host,
            "port": item.port,
            "url": item.address(self._base),
        }


class JSONDocument:
    """
    One line of ASCII, so that nothing from the server can drive a terminal. Members that are only
    known at the end of the body stand behind it.
    """

    _opened = False

    def __init__(self, url: GopherURL | str, content: Content | None) -> None:
        """
        @param url: the URL, or the text that was given if it is none.
        @param content: C{None} if there was no connection.
        """
        self._url = url
        self._content = content

    def feed(self, data: bytes) -> Iterator[str]:
        """
        The next part of the document, in pieces; the caller takes all of them.
        """
        assert self._content is not None
        yield self._open()
        yield from self._content.feed(data)

    def end(self) -> Iterator[str]:
        """
        The rest of the body, in pieces.
        """
        assert self._content is not None
        yield self._open()
        yield from self._content.end()

    def _open(self) -> str:
        if self._opened or self._content is None:
            return ""
        self._opened = True
        return f"{self._head()}, {self._content.opening}"

    def _head(self) -> str:
        kind = self._url.type if isinstance(self._url, GopherURL) else None
        return json.dumps({"url": str(self._url), "type": kind})[:-1]

    def close(self, known: Members) -> str:
        """
        The text behind the body, and the line's end.

        @param known: the other members.
        """
        before = self._content.closing if self._content and self._opened else self._head()
        charset = self._content.charset if self._content and self._opened else None
        return f"{before}, {json.dumps(known | {'charset': charset})[1:]}\n"
