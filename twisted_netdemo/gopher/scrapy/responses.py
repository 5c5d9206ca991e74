"""
A Gopher response as Scrapy's spiders see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.http import TextResponse

from twisted_netdemo.gopher.item_types import Kind

if TYPE_CHECKING:
    from scrapy import Request

    from twisted_netdemo.gopher.client.response import Response
    from twisted_netdemo.gopher.menu import Item


class GopherResponse(TextResponse):
    """
    A response of the download handler. Gopher has no status codes: C{status} is 200, and 404 if the
    body is only the server's report of an error.

    @ivar gopher: the L{Response<twisted_netdemo.gopher.client.response.Response>}: its C{verdict},
        C{serverError}, C{kind}, C{seconds}; C{None} for a response that is no answer of a server.
    """

    gopher: Response | None = None

    @classmethod
    def of(cls, response: Response, body: bytes, request: Request) -> GopherResponse:
        """
        @param response: a response that has ended.
        """
        # Scrapy would take an encoding from the text itself, as HTML names it.
        encoding = response.charset or "utf-8"
        if response.kind is not Kind.BINARY:
            response.decode(body)
            encoding = response.charset or encoding
        made = cls(
            url=request.url,
            status=404 if response.serverError is not None else 200,
            body=body,
            encoding=encoding,
            request=request,
            protocol=response.url.scheme,
        )
        made.gopher = response
        return made

    def items(self) -> list[Item]:
        """
        The items of a menu.

        @raise TooLarge: the menu is too large to be read as one.
        """
        if self.gopher is None or self.gopher.kind is not Kind.MENU:
            return []
        return self.gopher.asMenu(self.body)

    def links(self) -> list[str]:
        """
        The Gopher URLs that a menu leads to, without searches: they need words.
        """
        if self.gopher is None:
            return []
        base = self.gopher.url
        urls = [item.gopherURL(base) for item in self.items() if item.kind is not Kind.SEARCH]
        return [str(url) for url in urls if url is not None]

    def plainText(self) -> str:
        """
        A text without its final C{.} and the dots that were stuffed (RFC 1436 3.7).
        """
        if self.gopher is None:
            return self.text
        return self.gopher.asText(self.body)

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        """
        A response like this one, with other attributes.
        """
        made = super().replace(*args, **kwargs)
        if isinstance(made, GopherResponse):
            made.gopher = self.gopher
        return made
