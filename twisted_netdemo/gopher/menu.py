"""
Menu lines (RFC 1436 3.5 and 3.9): bytes to items and back, whatever servers do to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .itemtypes import Kind, isFetched, itemType
from .url import GopherURL, InvalidURL, hostPort, normalHost

# '+' after the port announces Gopher+, as '7090+' or in a field of its own
_PORT = re.compile(rb"\s*([0-9]{1,5})\s*\+?\s*")
_EXTERNAL = re.compile(rb"/?URL:(.+)", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """
    One line of a menu.

    @ivar type: its first character (of a byte that is not ASCII, the Latin-1 one).
    @ivar display: the user display string, as it came.
    @ivar selector: as it came.
    @ivar host: as it came, without white space around it; not always a host.
    @ivar port: C{None} for what is no port between 1 and 65535.
    @ivar plus: what follows the port: C{+} from servers that know Gopher+.
    @ivar mirrored: for type C{+}, the type of the item that it is another server for.
    """

    type: str
    display: bytes
    selector: bytes = b""
    host: str = ""
    port: int | None = None
    plus: bytes = b""
    mirrored: str = ""

    @classmethod
    def parse(cls, line: bytes) -> Item:
        """
        Read one line, given without its line end. Any line gives an item: what has no fields is
        information, all of it.
        """
        fields = line.split(b"\t", 4)
        if len(fields) == 1 or not fields[0]:
            return cls("i", b" ".join(fields))
        display, selector, host, port, plus = (*fields, b"", b"", b"", b"")[:5]
        match = _PORT.fullmatch(port)
        number = int(match[1]) if match else 0
        return cls(
            type=display[:1].decode("latin-1"),
            display=display[1:],
            selector=selector,
            host=host.decode("utf-8", "surrogateescape").strip(),
            port=number if 1 <= number <= 65535 else None,
            plus=plus,
        )

    def toLine(self) -> bytes:
        """
        The line as a server would send it, with CRLF.
        """
        fields = [
            self.type.encode("latin-1") + self.display,
            self.selector,
            self.host.encode("utf-8", "surrogateescape"),
            b"%d" % (self.port or 0),
        ]
        if self.plus:
            fields.append(self.plus)
        return b"\t".join(fields) + b"\r\n"

    @property
    def kind(self) -> Kind:
        return itemType(self.type).kind

    def gopherURL(self, base: GopherURL | None = None) -> GopherURL | None:
        """
        What the item leads to on Gopher, or C{None} where it leads nowhere or elsewhere, or cannot
        be used.

        @param base: the menu's own URL. If that came over TLS, so do the items on its host and
            port.
        """
        external = self.external
        try:
            if external is not None:
                return GopherURL.parse(external) if "://" in external else None
            kind = self.mirrored or self.type
            if self.port is None or not isFetched(kind):
                return None
            url = GopherURL(self.host, self.port, kind, self.selector)
        except InvalidURL:
            return None
        if base is not None and (base.host, base.port) == (url.host, url.port):
            return replace(url, scheme=base.scheme)
        return url

    @property
    def external(self) -> str | None:
        """
        The address of a selector C{URL:address}, by which menus lead out of Gopher.
        """
        match = None if self.kind is Kind.NOTE else _EXTERNAL.fullmatch(self.selector)
        return None if match is None else match[1].decode("utf-8", "replace")

    def address(self, base: GopherURL | None = None) -> str | None:
        """
        Where the item leads, as text: a Gopher URL, an address out of Gopher, or C{None}.
        """
        external = self.external
        if external is not None:
            return external
        known = itemType(self.type)
        if known.kind is not Kind.ELSEWHERE:
            url = self.gopherURL(base)
            return None if url is None else str(url)
        try:
            host = normalHost(self.host)
        except InvalidURL:
            return None
        if self.port is None:
            return None
        where = hostPort(host, self.port)
        return f"{known.scheme}://{where.removesuffix(f':{known.port}')}"


def numbered(
    items: Iterable[Item], base: GopherURL | None = None
) -> Iterator[tuple[int | None, Item, str | None]]:
    """
    The items of a menu, each with its number, counted from 1, and its address. What leads nowhere
    has neither.
    """
    count = 0
    for item in items:
        address = item.address(base)
        if address is not None:
            count += 1
        yield (None if address is None else count), item, address


def parseMenu(lines: Iterable[bytes]) -> list[Item]:
    """
    Read the lines of a menu, given without line ends and without the final C{.}.
    """
    items: list[Item] = []
    original = ""
    for line in lines:
        item = Item.parse(line)
        if item.kind is Kind.MIRROR:
            item = replace(item, mirrored=original)
        else:
            original = item.type
        items.append(item)
    return items
