"""
The download handler: C{gopher://} and C{gophers://} through the agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import CancelledError, Deferred

from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.net.address_guard import isGlobal
from twisted_netdemo.gopher.scrapy.responses import GopherResponse
from twisted_netdemo.gopher.url import GopherURL

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response as ScrapyResponse

    from twisted_netdemo.gopher.net.interfaces import IClientReactor

#: Whether menus may lead to addresses that are not global; C{True} unless a project says no.
ALLOW_PRIVATE = "GOPHER_ALLOW_PRIVATE"


def _clientReactor() -> IClientReactor:
    from twisted.internet import reactor as module

    installed: Any = module  # type checkers see the module
    reactor: IClientReactor = installed
    return reactor


class GopherDownloads:
    """
    Scrapy's download handler for Gopher. C{DOWNLOAD_TIMEOUT}, C{DOWNLOAD_MAXSIZE} (0 for no limit)
    and L{ALLOW_PRIVATE} are its settings.

    A body that is not complete is an error, whose C{partial} is what came.
    """

    lazy = True

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._fetches: set[Deferred[ScrapyResponse]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GopherDownloads:
        settings = crawler.settings
        timeout = settings.getfloat("DOWNLOAD_TIMEOUT") or None
        return cls(
            Agent(
                _clientReactor(),
                totalTimeout=timeout,
                maxSize=settings.getint("DOWNLOAD_MAXSIZE") or None,
                allow=None if settings.getbool(ALLOW_PRIVATE, True) else isGlobal,
            )
        )

    async def download_request(self, request: Request) -> ScrapyResponse:
        fetch = Deferred.fromCoroutine(self.fetch(request))
        self._fetches.add(fetch)
        try:
            return await maybe_deferred_to_future(fetch)
        finally:
            self._fetches.discard(fetch)

    async def fetch(self, request: Request) -> ScrapyResponse:
        """
        Fetch a request's URL.

        @raise InvalidURL: it is no Gopher URL.
        @raise FetchError: the fetch failed.
        """
        response = await self._agent.fetch(GopherURL.parse(request.url))
        return GopherResponse.of(response, await response.bytes(), request)

    def cancel(self) -> None:
        """
        Close the connections of all fetches that are under way; they fail.
        """
        for fetch in list(self._fetches):
            fetch.addErrback(lambda reason: reason.trap(CancelledError) and reason)
            fetch.cancel()

    async def close(self) -> None:
        self.cancel()
