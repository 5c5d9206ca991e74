"""
What the database knows, as values. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted_netdemo.gopher.mirror.contract import Standing, Stored
from twisted_netdemo.gopher.url import GopherURL

#: How many bytes of a text can be searched.
MAX_TEXT = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerRow:
    """
    A server: a host and port, with or without TLS.

    @ivar isExempt: whether it may have an address that is not global.
    @ivar software: C{ServerSoftware} of its C{caps.txt}.
    @ivar encoding: C{ServerDefaultEncoding}, as a Python codec.
    @ivar asked: when it was asked for its rules, in seconds since the epoch; 0 if it never was.
    @ivar capsUntil: until when its C{caps.txt} need not be asked for.
    """

    id: int
    scheme: str
    name: str
    port: int
    isExempt: bool = False
    software: str = ""
    encoding: str | None = None
    asked: float = 0.0
    capsUntil: float = 0.0


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """
    A resource: a server and the request line without its CRLF.

    @ivar depth: how many links it is away from a URL that the mirror was given.
    @ivar branch: the C{id} of the resource at depth 1 by which it was reached; its own at depth 1,
        0 at depth 0.
    @ivar tries: how often it has failed in this round.
    @ivar factor: how many times as long as a changing one it waits; 1 to 8.
    @ivar verdict: of the last time it was asked for; C{None} if it never was.
    """

    id: int
    server: int
    request: bytes
    type: str
    title: str = ""
    depth: int = 0
    branch: int = 0
    isStart: bool = False
    tries: int = 0
    factor: int = 1
    verdict: str | None = None
    standing: Standing | None = None
    pending: bytes | None = None

    def url(self, server: ServerRow) -> GopherURL:
        """
        Its URL.
        """
        fields: list[bytes | None] = [*self.request.split(b"\t", 2), None, None]
        return GopherURL(
            server.name,
            server.port,
            self.type,
            fields[0] or b"",
            fields[1],
            fields[2],
            server.scheme,
        )


@dataclass(frozen=True, slots=True)
class MenuLink:
    """
    A link of a menu that is to be followed.
    """

    url: GopherURL
    title: str = ""


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """
    An item of a menu that is only recorded: a search, or one that leads out of Gopher.
    """

    address: str
    type: str
    title: str


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What came of asking for a resource.

    @ivar verdict: C{whole}, C{suspect}, C{truncated} or C{failed}.
    @ivar reason: why it is not whole.
    @ivar status: the exit status of a fetch that ends so.
    @ivar asked: when it was asked for, in seconds since the epoch.
    @ivar due: when it is due again; C{None} if that is in no later round.
    @ivar tries: how often it has now failed in this round.
    @ivar factor: see L{ResourceRow}.
    @ivar isGone: whether the server said that there is no such resource.
    @ivar isUnreached: whether nothing came at all.
    @ivar stored: what became of the content, if one came.
    @ivar links: of a menu; C{None} if it was not read to its end.
    @ivar exempts: whether servers that it links to may have addresses that are not global.
    @ivar text: the text to be found by a search; C{None} to keep the last.
    """

    resource: ResourceRow
    verdict: str
    asked: float
    reason: str | None = None
    status: int = 0
    due: float | None = None
    tries: int = 0
    factor: int = 1
    isGone: bool = False
    isUnreached: bool = False
    stored: Stored | None = None
    links: list[MenuLink] | None = None
    notFollowed: list[NotFollowed] = field(default_factory=list)
    exempts: bool = False
    text: str | None = None
