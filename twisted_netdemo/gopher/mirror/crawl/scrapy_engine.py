"""
The crawl as Scrapy runs it: scheduler, download handler and spider.

Scrapy's queue, its filter of duplicates, its delays and its retries are left out, since the
frontier and the dispatcher have those.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import CrawlerRunner
from scrapy.http import Response as ScrapyResponse
from scrapy.utils.defer import deferred_from_coro, maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.gopher.mirror.crawl.crawl import Crawl
from twisted_netdemo.gopher.mirror.transfer.asks import Ask

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_log = Logger()

_ASK, _FETCHED = "gopher_ask", "gopher_fetched"


class MirrorSpider(Spider):
    """
    Hands what comes to the crawl.
    """

    name = "gopherfetch"
    mirror: Crawl

    async def start(self) -> AsyncIterator[Any]:
        """
        The courier brings the requests.
        """
        requests: tuple[Request, ...] = ()
        for request in requests:
            yield request

    async def received(self, response: ScrapyResponse) -> None:
        """
        An answer has come, or has not.
        """
        await maybe_deferred_to_future(
            Deferred.fromCoroutine(
                self.mirror.received(response.meta[_ASK], response.meta[_FETCHED])
            )
        )

    def failed(self, reason: Failure) -> None:
        """
        The mirror cannot go on.
        """
        self.mirror.failed(reason)


class _Scheduler(BaseScheduler):
    """
    Requests that may be sent now.
    """

    def __init__(self) -> None:
        self._ready: deque[Request] = deque()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls()

    def has_pending_requests(self) -> bool:
        return True  # the crawl says when it is over

    def enqueue_request(self, request: Request) -> bool:
        self._ready.append(request)
        return True

    def next_request(self) -> Request | None:
        return self._ready.popleft() if self._ready else None


class _Downloads:
    """
    The download handler of a mirror: bodies go to files, not into memory.
    """

    lazy = False

    def __init__(self, crawl: Crawl) -> None:
        self._crawl = crawl

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Downloads:
        spider = crawler.spider
        if not isinstance(spider, MirrorSpider):
            raise TypeError("the download handler of a mirror needs its spider")
        return cls(spider.mirror)

    async def download_request(self, request: Request) -> ScrapyResponse:
        ask: Ask = request.meta[_ASK]
        fetched = await maybe_deferred_to_future(Deferred.fromCoroutine(self._crawl.fetch(ask)))
        request.meta[_FETCHED] = fetched
        return ScrapyResponse(request.url, status=fetched.httpStatus, request=request)

    async def close(self) -> None:
        """
        The crawl has closed all connections.
        """


class _Quiet:
    """
    Scrapy's log formatter: nothing is said of single requests.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Quiet:
        return cls()

    def crawled(self, request: Request, response: ScrapyResponse, spider: Spider) -> None:
        return None


class _LogHandler(logging.Handler):
    """
    Scrapy's messages in Twisted's log.
    """

    def emit(self, record: logging.LogRecord) -> None:
        words = self.format(record)
        if record.levelno >= logging.ERROR:
            _log.error("{words}", words=words)
        else:
            _log.warn("{words}", words=words)


SETTINGS: dict[str, Any] = {
    "TWISTED_REACTOR": None,  # whichever runs
    "SCHEDULER": _Scheduler,
    "DOWNLOAD_HANDLERS": {"gopher": _Downloads, "gophers": _Downloads},
    "DOWNLOAD_HANDLERS_BASE": {},
    "DOWNLOADER_MIDDLEWARES_BASE": {},
    "SPIDER_MIDDLEWARES_BASE": {},
    # among them a web server and a telnet server that run Python
    "EXTENSIONS_BASE": {},
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "CONCURRENT_ITEMS": 1,  # there are none, and each would cost every answer
    "CONCURRENT_REQUESTS": 0,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1_000_000,
    "DOWNLOAD_DELAY": 0,
    "DOWNLOAD_DELAY_JITTER": 0,
    "LOG_ENABLED": False,
    "LOG_FORMATTER": _Quiet,
    "STATS_DUMP": False,
}


class ScrapyCourier:
    """
    Has the requests of a crawl sent by Scrapy's engine.
    """

    def __init__(self) -> None:
        self._crawler: Crawler | None = None
        self._spider: MirrorSpider | None = None
        self._whenClosed: Deferred[None] | None = None

    def send(self, ask: Ask) -> None:
        if self._crawler is None or self._spider is None:
            raise RuntimeError("the engine does not run")
        self._crawler.engine.crawl(
            Request(
                str(ask.url),
                callback=self._spider.received,
                errback=self._spider.failed,
                meta={_ASK: ask, "download_slot": ask.server.address},
                dont_filter=True,
            )
        )

    async def open(self, crawl: Crawl) -> None:
        """
        Start the engine.
        """
        from scrapy import signals

        logger = logging.getLogger("scrapy")
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        if not any(isinstance(each, _LogHandler) for each in logger.handlers):
            logger.addHandler(_LogHandler())
        opened: Deferred[None] = Deferred()

        def isOpen() -> None:
            opened.callback(None)

        runner = CrawlerRunner(SETTINGS)
        crawler = self._crawler = runner.create_crawler(MirrorSpider)
        crawler.signals.connect(isOpen, signals.spider_opened)
        closed = runner.crawl(crawler, mirror=crawl)

        def ended(reason: Failure | None) -> Failure | None:
            if opened.called:
                return reason
            opened.errback(reason or Failure(RuntimeError("Scrapy's engine did not start")))
            return None

        self._whenClosed = closed.addBoth(ended)
        await opened
        spider = crawler.spider
        assert isinstance(spider, MirrorSpider)
        self._spider = spider

    async def close(self) -> None:
        """
        Stop the engine, when what is under way has ended.
        """
        if self._crawler is None or self._whenClosed is None:
            return
        await deferred_from_coro(self._crawler.stop_async())
        await self._whenClosed
