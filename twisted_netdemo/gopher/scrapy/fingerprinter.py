"""
When two requests are the same: when their URLs are, byte for byte.
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.utils.request import RequestFingerprinterProtocol


class GopherFingerprinter:
    """
    Scrapy's own fingerprint is of a web address in a normal form: it sorts what follows C{?} and
    drops C{#}. A selector is opaque. Requests of other schemes keep the fingerprint that they have.
    """

    def __init__(self, others: RequestFingerprinterProtocol) -> None:
        self._others = others

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GopherFingerprinter:
        from scrapy.utils.request import RequestFingerprinter

        return cls(RequestFingerprinter(crawler))

    def fingerprint(self, request: Request) -> bytes:
        if not request.url.startswith(("gopher://", "gophers://")):
            return self._others.fingerprint(request)
        return sha1(request.url.encode()).digest()
