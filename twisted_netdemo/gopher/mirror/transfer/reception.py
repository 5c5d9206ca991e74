"""
Receiving the answer to one request: into a file, into links, into text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from twisted_netdemo.gopher.client.response import MAX_ITEMS, Response
from twisted_netdemo.gopher.errors import TooLarge
from twisted_netdemo.gopher.item_types import Kind, bodyKind
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.mirror.contract import Copy, Exchange, IncomingFile
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.rules.traps import essence
from twisted_netdemo.gopher.mirror.state.leads import leadOf, titleOf
from twisted_netdemo.gopher.mirror.state.rows import MAX_TEXT, MenuLink, NotFollowed, ResourceRow
from twisted_netdemo.gopher.mirror.transfer.mishaps import CannotStore, cannotStore
from twisted_netdemo.gopher.readers import MenuReader, TextReader
from twisted_netdemo.gopher.text.charset import Charsets
from twisted_netdemo.gopher.text.lines import LineTooLong
from twisted_netdemo.gopher.url import GopherURL

#: How many bytes a menu may have.
MAX_MENU = 16 << 20

#: How many items a listing has that a Gophernicus may have cut.
CUT_LISTING = 1022

_SLICE = 1 << 16


@dataclass
class Leads:
    """
    Where a menu leads.
    """

    links: list[MenuLink] = field(default_factory=list)
    notFollowed: list[NotFollowed] = field(default_factory=list)


class Reception:
    """
    Takes the body of a resource, or of a text about the server.

    @ivar file: the file, once bytes for it have come.
    @ivar likeness: what the content is, whatever the server's name.
    @ivar items: how many items of a menu have been read.
    @ivar isReadable: whether a menu could be read to its end.
    """

    def __init__(
        self,
        url: GopherURL,
        charset: str | None,
        charsets: Charsets,
        exchange: Exchange | None,
        limit: int | None = None,
    ) -> None:
        """
        @param charset: its codec, if it is known.
        @param limit: how many bytes of it are taken.
        """
        self._url = url
        self._charset = charset
        self._charsets = charsets
        self._exchange = exchange
        self._limit = limit
        self._kind = bodyKind(url.type)
        self._held: list[bytes] = []
        self._text = bytearray()
        self._response: Response | None = None
        self._size = 0

    def begin(self, response: Response) -> None:
        """
        The first bytes have come.
        """
        self._response = response
        response.endsAtDot = self._kind is Kind.MENU

    def write(self, data: bytes) -> None:
        """
        Bytes have come.

        @raise CannotStore: they cannot be stored.
        @raise TooLarge: there are too many.
        """
        if self._exchange is not None:
            try:
                self._exchange.write(data)
            except OSError as error:
                raise CannotStore(f"cannot write the WARC file: {error.strerror}") from None
        self._held.append(data)
        if self._response is None or not self._response.mayBeError:
            self._flush()

    def end(self) -> None:
        """
        All bytes have come, unless the transfer broke off.
        """
        if self._response is not None and self._response.serverError is not None:
            self._held.clear()
        else:
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, []
        for data in held:
            self._size += len(data)
            self._take(data)
            if self._limit is not None and self._size > self._limit:
                raise TooLarge(f"more than {self._limit} bytes came")

    def _take(self, data: bytes) -> None:
        """
        Bytes have come that are no report of an error.
        """
        if self._kind is not Kind.BINARY:
            self._text += data[: MAX_TEXT - len(self._text)]

    def text(self) -> str:
        """
        The beginning of a text.
        """
        reader = TextReader(self._guess, self._charset)
        data = bytes(self._text)
        return "".join([*reader.feed(data), *reader.end()])

    def _guess(self, sample: bytes) -> str:
        return self._charsets.guess(self._url.host, sample)


class ResourceReception(Reception):
    """
    Takes the body of a resource.
    """

    file: IncomingFile | None = None
    items = 0
    isReadable = True

    def __init__(
        self,
        url: GopherURL,
        resource: ResourceRow,
        copy: Copy,
        scope: Scope,
        charset: str | None,
        charsets: Charsets,
        exchange: Exchange | None,
    ) -> None:
        isMenu = bodyKind(url.type) is Kind.MENU
        super().__init__(url, charset, charsets, exchange, MAX_MENU if isMenu else None)
        self._resource = resource
        self._copy = copy
        self._scope = scope
        self._reader = MenuReader(self._guess, charset) if isMenu else None
        self._likeness = blake2b(digest_size=16)
        self._words: list[str] = []
        self._wordsSize = 0
        self.leads = Leads()

    @property
    def isMenu(self) -> bool:
        return self._reader is not None

    @property
    def likeness(self) -> bytes:
        return self._likeness.digest()

    def store(self) -> IncomingFile:
        """
        The file, also if nothing came.

        @raise CannotStore: there can be none.
        """
        if self.file is None:
            resource = self._resource
            try:
                self.file = self._copy.begin(self._url, resource.standing, resource.pending)
            except OSError as error:
                raise cannotStore(error) from None
        return self.file

    def abandon(self) -> None:
        """
        Remove what came.
        """
        if self.file is not None:
            self.file.abandon()
            self.file = None

    def _take(self, data: bytes) -> None:
        try:
            self.store().write(data)
        except OSError as error:
            raise cannotStore(error) from None
        if self._reader is None:
            self._likeness.update(essence(data, self._resource.depth))
            super()._take(data)
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        reader = self._reader
        if reader is None or not self.isReadable:
            return
        try:
            for start in range(0, len(data), _SLICE):
                self._lead(reader.feed(data[start : start + _SLICE]))
        except LineTooLong:
            self.isReadable = False

    def end(self) -> None:
        super().end()
        if self._reader is not None and self.isReadable:
            try:
                self._lead(self._reader.end())
            except LineTooLong:
                self.isReadable = False

    def text(self) -> str:
        if self._reader is None:
            return super().text() if self._kind is Kind.TEXT else ""
        return "\n".join(self._words)

    def _lead(self, items: Iterable[Item]) -> None:
        for item in items:
            self.items += 1
            if self.items > MAX_ITEMS:
                self.isReadable = False
                return
            # without the host: a server with many names may lead from one to the next
            self._likeness.update(b"\0".join((item.type.encode(), item.display, item.selector)))
            title = titleOf(item, self._codec)
            if self._wordsSize < MAX_TEXT:
                self._words.append(title)
                self._wordsSize += len(title)
            self._follow(item, title)

    def _follow(self, item: Item, title: str) -> None:
        lead = leadOf(item, self._url, title)
        if isinstance(lead, NotFollowed):
            self.leads.notFollowed.append(lead)
        elif lead is not None and self._scope.includes(lead.url, self._resource.depth + 1):
            self.leads.links.append(lead)

    @property
    def _codec(self) -> str:
        return "utf-8" if self._reader is None else self._reader.codec
