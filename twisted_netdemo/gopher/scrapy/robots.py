"""
A downloader middleware that obeys the C{robots.txt} of Gopher servers.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_netdemo.gopher.errors import FetchError
from twisted_netdemo.gopher.scrapy.responses import GopherResponse
from twisted_netdemo.gopher.scrapy.robots_rules import LONGEST_RULES, SELECTORS, RobotsRules
from twisted_netdemo.gopher.url import GopherURL, InvalidURL

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response as ScrapyResponse

_log = Logger()

#: The setting, C{True} by default in the add-on.
OBEY = "GOPHER_ROBOTS_OBEY"

# In a request's C{meta}, as Scrapy has it: the request is not judged.
_FREE = "dont_obey_robotstxt"

# For how many hosts rules are kept.
_MAX_HOSTS = 10_000

_Key = tuple[str, str, int]


class GopherRobots:
    """
    Asks each host for its rules before anything else, as C{robots.txt} and C{/robots.txt}, and
    ignores the requests that they forbid. An error report means that there are no rules; if no
    answer comes, the host is not asked for anything.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._rules: OrderedDict[_Key, Deferred[RobotsRules | None]] = OrderedDict()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GopherRobots:
        from scrapy.exceptions import NotConfigured

        if not crawler.settings.getbool(OBEY):
            raise NotConfigured
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get(_FREE) or not request.url.startswith(("gopher://", "gophers://")):
            return
        request.meta[_FREE] = True  # Scrapy's own rules are for web servers
        try:
            url = GopherURL.parse(request.url)
        except InvalidURL:
            return  # the download handler says why
        rules = await self._rulesOf(url)
        if rules is None:
            raise IgnoreRequest(f"no rules: {url.host} did not answer for its robots.txt")
        if not rules.allows(url.selector):
            raise IgnoreRequest("forbidden by robots.txt")

    async def _rulesOf(self, url: GopherURL) -> RobotsRules | None:
        key = (url.scheme, url.host, url.port)
        known = self._rules.get(key)
        if known is None:
            known = self._rules[key] = Deferred()
            if len(self._rules) > _MAX_HOSTS:
                self._rules.popitem(last=False)
            try:
                rules = await self._ask(url)
            except BaseException:
                known.callback(None)
                raise
            known.callback(rules)
        waiting: Deferred[RobotsRules | None] = Deferred()

        def tell(rules: RobotsRules | None) -> RobotsRules | None:
            waiting.callback(rules)
            return rules

        known.addCallback(tell)
        return await maybe_deferred_to_future(waiting)

    async def _ask(self, url: GopherURL) -> RobotsRules | None:
        texts = []
        for selector in SELECTORS:
            asked = GopherURL(url.host, url.port, "0", selector, scheme=url.scheme)
            request = Request(str(asked), meta={_FREE: True}, dont_filter=True)
            try:
                response = await self._download(request)
            except FetchError as error:
                _log.info("{url}: {error}", url=str(asked), error=error)
                return None
            if isinstance(response, GopherResponse) and response.status == 200:
                texts.append(response.body[:LONGEST_RULES].decode(response.encoding, "replace"))
        return RobotsRules(texts)

    async def _download(self, request: Request) -> ScrapyResponse:
        return await self._crawler.engine.download_async(request)
