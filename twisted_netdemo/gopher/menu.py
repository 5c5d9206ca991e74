"""
Menu lines (RFC 1436 3.5 and 3.9): bytes to items and back, whatever servers do to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote_from_bytes

from twisted_netdemo.gopher.item_types import Kind, isFetched, itemType
from twisted_netdemo.gopher.url import LONGEST, GopherURL, InvalidURL, normalHost, sameHost
from twisted_netdemo.service.host_port import hostPort

# 'URI:' is written for web pages alone
_EXTERNAL = re.compile(rb"/?URL:", re.IGNORECASE)
_EXTERNAL_PAGE = re.compile(rb"/?UR[LI]:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
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
    def parse(cls, line: bytes, amongTabs: bool = False) -> Item:
        """
        Read one line, given without its line end. Any line gives an item: what has no fields is
        information, all of it.

        @param amongTabs: whether other lines of its menu have fields: then an C{i} that it begins
            with is its type.
        """
        fields = line.split(b"\t", 4)
        if len(fields) == 1:
            return cls("i", line[1:] if amongTabs and line.startswith(b"i") else line)
        if not fields[0]:
            return cls("i", b" ".join(fields))
        display, selector, host, port, plus = (*fields, b"", b"", b"", b"")[:5]
        return cls(
            type=display[:1].decode("latin-1"),
            display=display[1:],
            selector=selector,
            host=host.decode("utf-8", "surrogateescape").strip(),
            port=_portNumber(port),
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
                if "://" not in external:
                    return None
                url = GopherURL.parse(external)
            else:
                kind = self.mirrored or self.type
                if self.port is None or not isFetched(kind):
                    return None
                url = GopherURL(_bare(self.host), self.port, kind, self.selector)
        except InvalidURL:
            return None
        if base is not None and base.overTLS and not url.overTLS and _sameServer(base, url):
            return replace(url, scheme=base.scheme)
        return url

    @property
    def external(self) -> str | None:
        """
        The address of a selector C{URL:address}, by which menus lead out of Gopher.
        """
        match = (_EXTERNAL_PAGE if self.type == "h" else _EXTERNAL).match(self.selector)
        if match is None or self.kind is Kind.NOTE:
            return None
        return self.selector[match.end() :].decode("utf-8", "replace").strip() or None

    def address(self, base: GopherURL | None = None) -> str | None:
        """
        Where the item leads, as text: a Gopher URL, an address out of Gopher, or C{None}.
        """
        known = itemType(self.type)
        if known.kind is Kind.NOTE:
            return None
        external = self.external
        if external is not None or known.kind is not Kind.ELSEWHERE:
            url = self.gopherURL(base)
            return external if url is None else str(url)
        try:
            host = normalHost(_bare(self.host))
        except InvalidURL:
            return None
        if self.port is None or len(self.selector) > LONGEST:
            return None
        where = hostPort(host, self.port).removesuffix(f":{known.port}")
        # RFC 1436 3.8: the selector is the login name
        login = quote_from_bytes(self.selector, safe="") if known.isLogin else ""
        return f"{known.scheme}://{login}{'@' if login else ''}{where}"


def _portNumber(field: bytes) -> int | None:
    """
    C{+} after the port announces Gopher+, as C{7090+} or in a field of its own.
    """
    digits = field.strip().removesuffix(b"+").rstrip()
    number = int(digits) if len(digits) <= 5 and digits.isdigit() else 0
    return number if 1 <= number <= 65535 else None


def _bare(host: str) -> str:
    """
    As people write IPv6 addresses, C{[::1]}, but without the brackets.
    """
    return host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host


def _sameServer(one: GopherURL, other: GopherURL) -> bool:
    return (sameHost(one.host), one.port) == (sameHost(other.host), other.port)
