"""
Gopher URLs (RFC 4266): from text to bytes and back; every selector survives the round trip.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

DEFAULT_PORT = 70

#: How many bytes a selector and its search may have. RFC 1436's appendix has 255.
LONGEST = 1 << 16
_MAX_HOST = 253  # RFC 1035 2.3.4, as text

_SCHEMES = ("gopher", "gophers")
# RFC 4266 2.1 reserves nothing within the path; '#' would begin a fragment, '%' an escape.
_PLAIN = "/!$&'()*+,;=:@?"
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)  # RFC 6874 2, without escapes
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")
# Bytes that would end the request line or a field early (RFC 1436 2).
_FORBIDDEN = {b"\r": "a carriage return", b"\n": "a line feed", b"\0": "a NUL", b"\t": "a TAB"}
_UNFIT = re.compile(b"[" + b"".join(_FORBIDDEN) + b"]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
# 'gopher:/h/' has lost a slash; a host with an empty port looks the same
_ONE_SLASH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


class InvalidURL(ValueError):
    """
    A text is no Gopher URL, or a part given to L{GopherURL} is invalid; the message says why.
    """


def checkSelector(data: bytes, name: str = "selector") -> bytes:
    """
    Check that bytes can be one field of a request line.

    @return: the bytes unchanged.
    @raise InvalidURL: they would end the field early.
    """
    unfit = _UNFIT.search(data)
    if unfit is not None:
        raise InvalidURL(f"the {name} contains {_FORBIDDEN[unfit[0]]}")
    return data


def normalHost(host: str) -> str:
    """
    A host in the form in which it is resolved: a name in lower case and ASCII (IDNA), or an IPv6
    address in its shortest form, without brackets.

    @raise InvalidURL: the text is neither a host name nor an address.
    """
    if len(host) > _MAX_HOST + 1:  # a final dot is not counted
        raise InvalidURL(f"a host of {len(host)} characters is too long: the limit is {_MAX_HOST}")
    return _normalHost(host)


@lru_cache(64)
def _normalHost(host: str) -> str:
    if ":" in host:
        import ipaddress

        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise InvalidURL(f"{host!r} is not an IPv6 address") from None
        if address.scope_id is not None and not _ZONE.fullmatch(address.scope_id):
            raise InvalidURL(f"{address.scope_id!r} is not the zone of an IPv6 address")
        return str(address)
    name = host.lower()
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise InvalidURL(f"{host!r} is not a host name: {error}") from None
    if len(name.removesuffix(".")) > _MAX_HOST or not _NAME.fullmatch(name):
        raise InvalidURL(f"{host!r} is not a host name" if host else "the host is missing")
    return name


def sameHost(host: str) -> str:
    """
    A normal host in the form in which it is compared: C{localhost.} is C{localhost}.
    """
    return host.removesuffix(".")


@dataclass(frozen=True)
class GopherURL:
    """
    The address of a resource: a host and port, an item type, and the fields of the request.

    @ivar host: a name in ASCII or an address without brackets; see L{normalHost}.
    @ivar port: 1 to 65535.
    @ivar type: the item type, one printable ASCII character.
    @ivar selector: any bytes but CR, LF, NUL and TAB; opaque, never normalised.
    @ivar search: the words of a search, or C{None} for no search field.
    @ivar plus: the Gopher+ field, which only follows a search field.
    @ivar scheme: C{gopher}, or C{gophers} for the same over TLS.

    @raise InvalidURL: a part cannot be sent in a request.
    """

    host: str
    port: int = DEFAULT_PORT
    type: str = "1"
    selector: bytes = b""
    search: bytes | None = None
    plus: bytes | None = None
    scheme: str = "gopher"

    def __post_init__(self) -> None:
        if self.scheme not in _SCHEMES:
            raise InvalidURL(f"{self.scheme!r} is neither gopher nor gophers")
        object.__setattr__(self, "host", normalHost(self.host))
        if not 1 <= self.port <= 65535:
            raise InvalidURL(f"{self.port} is not a port number, 1 to 65535")
        if len(self.type) != 1 or not "!" <= self.type <= "~":
            raise InvalidURL(f"{self.type!r} is not an item type, one printable character")
        checkSelector(self.selector)
        if len(self.selector) + len(self.search or b"") > LONGEST:
            raise InvalidURL(f"the request has more than {LONGEST} bytes")
        if self.search is not None:
            checkSelector(self.search, "search")
        if self.plus is None:
            return
        checkSelector(self.plus, "Gopher+ field")
        if self.search is None:
            raise InvalidURL("a Gopher+ field needs a search field before it")

    @classmethod
    def parse(cls, text: str) -> GopherURL:
        """
        Parse a URL, or a host with or without a port and a path.

        A character that is not ASCII stands for its UTF-8 bytes; a byte of the command line that
        was not UTF-8 (a surrogate escape) stands for itself. A fragment is dropped.

        @raise InvalidURL: the text is not a Gopher URL.
        """
        if len(text) > 4 * LONGEST:  # room for escapes
            raise InvalidURL(f"a URL of {len(text)} characters is too long")
        scheme, separator, rest = text.partition("://")
        if not separator and _ONE_SLASH.match(text):
            raise InvalidURL(f"{text[:80]!r} has one slash after the colon; a URL has two")
        if not separator or scheme not in _SCHEMES:
            if not separator or not _SCHEME.fullmatch(scheme):
                scheme, rest = "gopher", text
            scheme = scheme.lower()
            if scheme not in _SCHEMES:
                raise InvalidURL(f"{scheme[:80]}:// is not Gopher")
        authority, _, path = rest.partition("#")[0].partition("/")
        if len(authority) > 2 * _MAX_HOST:
            raise InvalidURL(f"a host of {len(authority)} characters is too long")
        host, port = hostAndPort(authority)
        fields = _decode(path)
        kind = fields[0][:1].decode("latin-1")
        if not kind and (len(fields) > 1):
            raise InvalidURL("the item type is missing")
        return cls(
            host=host,
            port=port,
            type=kind or "1",
            selector=fields[0][1:],
            search=fields[1] if len(fields) > 1 else None,
            plus=fields[2] if len(fields) > 2 else None,
            scheme=scheme,
        )

    def __str__(self) -> str:
        path = [self.type.encode() + self.selector]
        path += [field for field in (self.search, self.plus) if field is not None]
        host = self.host.replace("%", "%25")
        authority = f"[{host}]" if ":" in host else host
        if self.port != DEFAULT_PORT:
            authority += f":{self.port}"
        escaped = "%09".join(quote_from_bytes(field, safe=_PLAIN) for field in path)
        return f"{self.scheme}://{authority}/{escaped}"

    @property
    def overTLS(self) -> bool:
        return self.scheme == "gophers"

    def requestLine(self) -> bytes:
        """
        The request: the selector, the other fields and CRLF (RFC 1436 2, RFC 4266 2.1).
        """
        fields = [self.selector]
        fields += [field for field in (self.search, self.plus) if field is not None]
        return b"\t".join(fields) + b"\r\n"


@lru_cache(64)
def hostAndPort(authority: str, default: int = DEFAULT_PORT) -> tuple[str, int]:
    """
    Split the part of a URL before its path.

    @return: a host, which is not checked yet, and a port of up to five digits.
    @raise InvalidURL: the text has another form.
    """
    if "@" in authority:  # the text before it may be a password: it is not quoted
        raise InvalidURL("Gopher knows no users: a host does not have '@' in it")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise InvalidURL(f"{authority!r} is not a host (an IPv6 address needs brackets)")
    host = match["host"]
    if host.startswith("["):
        host = host[1:-1].replace("%25", "%", 1)  # a zone, RFC 6874
        if ":" not in host:
            raise InvalidURL(f"{host!r} is not an IPv6 address")
    port = match["port"] or str(default)
    if not _PORT.fullmatch(port):
        raise InvalidURL(f"{port!r} is not a port number, 1 to 65535")
    return host, int(port)


def _decode(path: str) -> list[bytes]:
    """
    The fields of a URL's path: item type and selector, search, Gopher+.
    """
    if "\t" in path:
        raise InvalidURL("the URL contains a TAB; write %09 before a search")
    try:
        data = unquote_to_bytes(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise InvalidURL("the URL contains half of a surrogate pair") from None
    fields = data.split(b"\t")
    if len(fields) > 3:
        raise InvalidURL("the URL has more than two %09")
    for field in fields:
        checkSelector(field, "URL")
    return fields
