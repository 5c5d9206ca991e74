"""
Menu lines (RFC 1436 3.5 and 3.9): from bytes to items and back, tolerant of what servers send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote_from_bytes

from twisted_netdemo.gopher.item_types import Kind, isFetched, itemType
from twisted_netdemo.gopher.url import LONGEST, GopherURL, InvalidURL, normalHost, sameHost
from twisted_netdemo.service.host_port import hostPort

# 'URI:' is only used for web pages
_EXTERNAL = re.compile(rb"/?URL:", re.IGNORECASE)
_EXTERNAL_PAGE = re.compile(rb"/?UR[LI]:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """
    One line of a menu.

    @ivar type: the first character; a byte that is not ASCII is read as Latin-1.
    @ivar display: the user display string, as it came.
    @ivar selector: the selector, as it came.
    @ivar host: the host field without white space around it; it need not be a host.
    @ivar port: 1 to 65535; C{None} if the field is no such number.
    @ivar plus: the fifth field: C{+} from servers that know Gopher+.
    @ivar mirrored: for an item of type C{+} (a mirror), the type of the item before it.
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
        Parse a line without its line end. Every line is an item: a line without TABs is
        information.

        @param amongTabs: whether other lines of the menu have TABs. If so, an C{i} at the beginning
            of a line without any is its type.
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
        The URL that the item leads to; C{None} if it leads nowhere or out of Gopher, or is broken.

        @param base: the URL of the menu. If that is C{gophers}, so are the items on its host and
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
        The address in a selector C{URL:address}, which leads out of Gopher.
        """
        match = (_EXTERNAL_PAGE if self.type == "h" else _EXTERNAL).match(self.selector)
        if match is None or self.kind is Kind.NOTE:
            return None
        return self.selector[match.end() :].decode("utf-8", "replace").strip() or None

    def address(self, base: GopherURL | None = None) -> str | None:
        """
        The address that the item leads to, on Gopher or out of it; C{None} if there is none.
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
    The number in a port field. Some servers write the C{+} of Gopher+ behind it: C{7090+}.
    """
    digits = field.strip().removesuffix(b"+").rstrip()
    number = int(digits) if len(digits) <= 5 and digits.isdigit() else 0
    return number if 1 <= number <= 65535 else None


def _bare(host: str) -> str:
    """
    A host without the brackets that people write around IPv6 addresses: C{[::1]}.
    """
    return host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host


def _sameServer(one: GopherURL, other: GopherURL) -> bool:
    return (sameHost(one.host), one.port) == (sameHost(other.host), other.port)
