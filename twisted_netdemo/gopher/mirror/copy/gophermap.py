"""
A menu as the C{gophermap} that gophernicus and pygopherd serve from a copy. Pure.

A link that stays within the copy has a type, a name and a path, and both servers add their own host
and port. All that is a command to one of them comes out as text: gophernicus includes or runs a
file at C{=}, and reads the rest of a line that is too long for it as one more line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from twisted_netdemo.gopher.item_types import Kind, isFetched, itemType
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.mirror.copy.names import hostFolder, menuFolder, relativePath
from twisted_netdemo.gopher.readers import MenuReader
from twisted_netdemo.gopher.text.lines import LineTooLong
from twisted_netdemo.gopher.url import GopherURL, InvalidURL, normalHost

#: How many bytes of a menu are read.
MOST = 16 << 20

# gophernicus reads lines of 1,023 bytes.
_MAX_LINE = 900
# What gophernicus takes a line with such a type for: a comment, a title, a program, the end.
_COMMANDS = "#!-:~%=*."
_NOWHERE = b"\tfake\t(NULL)\t0"
_SLICE = 1 << 16


def followed(url: GopherURL) -> bool:
    """
    Whether a mirror without limits would have a resource: not the item of a search.
    """
    return isFetched(url.type) and (itemType(url.type).kind is not Kind.SEARCH or bool(url.search))


def menuItems(data: bytes) -> Iterator[Item]:
    """
    The items of a menu, up to a line that is too long to be one.
    """
    reader = MenuReader(lambda sample: "latin-1")  # nothing is decoded
    data = data[:MOST]
    try:
        for start in range(0, len(data), _SLICE):
            yield from reader.feed(data[start : start + _SLICE])
    except LineTooLong:
        return
    yield from reader.end()


def gophermap(
    items: Iterable[Item],
    menu: GopherURL,
    folder: str,
    isKept: Callable[[GopherURL], bool] = followed,
) -> bytes:
    """
    The file for servers.

    @param menu: the menu's own URL.
    @param folder: where the file stands, from its server's folder on.
    @param isKept: whether a resource on the menu's server is in the copy; if not, the link goes on
        leading to that server.
    """
    server = hostFolder(menu)

    def link(item: Item) -> bytes | None:
        url = item.gopherURL(menu)
        if url is None or hostFolder(url) != server or not isKept(url):
            return None
        return _link(url, item, folder)

    return b"".join(link(item) or _away(item, menu) or _note(item) for item in items)


def _link(url: GopherURL, item: Item, folder: str) -> bytes | None:
    isMenu = itemType(url.type).kind in (Kind.MENU, Kind.SEARCH)
    path = menuFolder(url) if isMenu else relativePath(url)
    below = f"{folder}/" if folder else ""
    isBelow = path.startswith(below) and path != folder
    selector = path[len(below) :] if isBelow else f"/{path}"
    return _line(url.type, item.display, b"\t" + selector.encode())


def _away(item: Item, menu: GopherURL) -> bytes | None:
    """
    The line of a link out of the copy; C{None} if it is none that servers could pass on.
    """
    if item.kind is Kind.NOTE:
        return None
    external = item.external
    if external is not None:
        return _line(item.type, item.display, b"\tURL:" + external.encode())
    url = item.gopherURL(menu)
    kind, selector, host = item.mirrored or item.type, item.selector, item.host
    if url is not None:
        kind, selector, host = url.type, url.selector or b"/", url.host  # both mean the root
    try:
        host = host if url is not None else normalHost(host.strip("[]"))
    except InvalidURL:
        return None
    if item.port is None:
        return None
    port = item.port if url is None else url.port
    return _line(kind, item.display, b"\t%s\t%s\t%d" % (selector, host.encode(), port))


def _note(item: Item) -> bytes:
    if not item.display.strip():
        return b"\n"  # with a TAB, pygopherd would fail at it
    kind = "3" if item.type == "3" else "i"
    return _line(kind, item.display, _NOWHERE) or b"\n"


def _line(kind: str, display: bytes, rest: bytes) -> bytes | None:
    """
    @return: C{None} if a server would misread it.
    """
    room = _MAX_LINE - len(rest)
    if room < 0 or not "!" <= kind <= "~":
        return None
    # nothing fetched has one of these types but what is read as a binary in any case
    kind = "9" if kind in _COMMANDS else kind
    return kind.encode() + display.replace(b"\0", b"")[:room] + rest + b"\n"
