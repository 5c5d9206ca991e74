"""
From the URL that the user gave to the one that is put out: by links of menus, and search words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace

from twisted_netdemo.gopher.cli.console import StandardStreams
from twisted_netdemo.gopher.cli.pace import Pace
from twisted_netdemo.gopher.cli.request import BatchRequest
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import TooLarge
from twisted_netdemo.gopher.exit_statuses import MALFORMED, SERVER_ERROR, Failed
from twisted_netdemo.gopher.item_types import Kind, bodyKind, isFetched, itemType
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.text.lines import LineTooLong
from twisted_netdemo.gopher.url import GopherURL, InvalidURL, checkSelector

FetchMenu = Callable[[GopherURL], Awaitable[tuple[Response, Pace]]]


class LinkFollower:
    """
    @ivar url: the URL that it has reached; C{None} before the first.
    """

    url: GopherURL | None = None

    def __init__(
        self, request: BatchRequest, console: StandardStreams, answer: bytes | Failed | None = None
    ) -> None:
        """
        @param answer: the result of L{askBefore}.
        """
        self._request = request
        self._console = console
        self._answer = answer

    async def follow(self, given: str | GopherURL, fetchMenu: FetchMenu) -> GopherURL:
        """
        Follow the links that the user asked for.

        @return: the URL to put out.
        @raise InvalidURL: C{given} is no Gopher URL.
        @raise Failed: a link does not exist or leads elsewhere, or a search has no words.
        @raise FetchError: a menu cannot be fetched.
        """
        url = given if isinstance(given, GopherURL) else GopherURL.parse(given)
        for number in self._request.items:
            url = await self._follow(self._withSearch(url), number, fetchMenu)
        self.url = url = self._withSearch(url)
        return url

    def _withSearch(self, url: GopherURL) -> GopherURL:
        """
        A search gets its words; a type that is not fetched is refused.
        """
        self.url = url
        known = itemType(url.type)
        if not isFetched(url.type):
            raise Failed(MALFORMED, f"{url} is of type {known.name}, which is not fetched")
        if known.kind is not Kind.SEARCH:
            return url
        words = self._request.search
        if words is None and url.search is not None:
            return url
        if isinstance(self._answer, Failed):
            raise self._answer
        if words is None:
            words = self._answer
        if words is None:
            words = _askWords(url, self._request, self._console)
        return replace(url, search=words)

    async def _follow(self, url: GopherURL, number: int, fetchMenu: FetchMenu) -> GopherURL:
        if bodyKind(url.type) is not Kind.MENU:
            raise Failed(MALFORMED, f"{url} is no menu, so it has no link {number}")
        response, pace = await fetchMenu(url)
        link = _Link(number, url)
        await link.find(response, pace)
        if response.serverError is not None:
            raise Failed(SERVER_ERROR, response.serverError)
        if link.address is None:
            raise Failed(MALFORMED, f"{url} has {link.count} links, and no link {number}")
        if link.target is None:
            raise Failed(MALFORMED, f"link {number} is {link.address}, which is not Gopher")
        return link.target


def askBefore(
    given: str | GopherURL, request: BatchRequest, console: StandardStreams
) -> bytes | Failed | None:
    """
    Ask for the words of a search before the first fetch: a question stops everything else.

    @return: the words, or why there are none; C{None} if there is no question yet.
    """
    if not console.canAsk or request.items or request.search is not None:
        return None
    try:
        url = given if isinstance(given, GopherURL) else GopherURL.parse(given)
        if itemType(url.type).kind is not Kind.SEARCH or url.search is not None:
            return None
        return _askWords(url, request, console)
    except InvalidURL:  # reported when it is this URL's turn
        return None
    except Failed as failed:
        return failed


def _askWords(url: GopherURL, request: BatchRequest, console: StandardStreams) -> bytes:
    status = request.usageStatus
    if not console.canAsk:
        raise Failed(status, f"{url} is a search: say --search and its words")
    where = f" for {url}" if len(request.urls) > 1 else ""
    try:
        answer = console.ask(f"Search words{where}: ")
        return checkSelector(answer.encode("utf-8", "surrogateescape"), "search")
    except EOFError:
        raise Failed(status, "no search words") from None
    except InvalidURL as error:
        raise Failed(status, str(error)) from None


class _Link:
    """
    A link of a menu, by its number.

    @ivar count: how many links the menu has, up to this one.
    @ivar address: the address of the link; C{None} before it is found.
    @ivar target: the same as a URL, if it is a Gopher URL.
    """

    address: str | None = None
    target: GopherURL | None = None

    def __init__(self, number: int, base: GopherURL) -> None:
        self._number = number
        self._base = base
        self.count = 0

    async def find(self, response: Response, pace: Pace) -> None:
        """
        Read a menu to its end.

        @raise FetchError: the menu is truncated.
        """
        reader = response.menuReader()
        response.endsAtDot = True
        try:
            async with aclosing(response.chunks()) as chunks:
                async for chunk in chunks:
                    async for piece in pace.pieces(chunk):
                        self._look(reader.feed(piece))
            self._look(reader.end())
        except LineTooLong as error:
            raise TooLarge(str(error)) from None

    def _look(self, items: Iterable[Item]) -> None:
        for item in items:
            address = item.address(self._base) if self.address is None else None
            if address is not None:
                self.count += 1
                if self.count == self._number:
                    self.address, self.target = address, item.gopherURL(self._base)
