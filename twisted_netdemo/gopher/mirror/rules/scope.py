"""
Which resources belong to a mirror.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from twisted_netdemo.gopher.item_types import Kind, itemType
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.url import GopherURL, sameHost

if TYPE_CHECKING:
    from re2 import _Regexp

# In bytes: what a set of expressions may take when it is compiled.
_MAX_PATTERN = 10_000


class Scope:
    """
    @raise ValueError: an expression is invalid; the message says why.
    """

    def __init__(self, plan: MirrorPlan) -> None:
        self._starts = frozenset(map(_request, plan.urls))
        self._hosts = {sameHost(host) for host in plan.alsoHosts}
        self._hosts |= {sameHost(url.host) for url in plan.urls}
        self._spans = plan.spanHosts
        self._depth = plan.depth
        self._types = None if plan.types is None else frozenset(plan.types)
        self._include = [compiled(each) for each in plan.include]
        self._exclude = [compiled(each) for each in plan.exclude]

    def includes(self, url: GopherURL, depth: int) -> bool:
        """
        Whether a resource is to be fetched that is so many links away from the start.
        """
        if _request(url) in self._starts:
            return True
        if self._depth is not None and depth > self._depth:
            return False
        return (self._spans or sameHost(url.host) in self._hosts) and self.keeps(url)

    def keeps(self, url: GopherURL) -> bool:
        """
        Whether a resource is one to be fetched, however far it is and wherever.
        """
        if _request(url) in self._starts:
            return True
        if itemType(url.type).kind is Kind.SEARCH and not url.search:
            return False
        if self._types is not None and url.type not in self._types:
            return False
        text = str(url)
        if self._include and not _matches(self._include, text):
            return False
        return not _matches(self._exclude, text)


def _request(url: GopherURL) -> tuple[str, str, int, bytes]:
    return url.scheme, sameHost(url.host), url.port, url.requestLine()


def compiled(pattern: str) -> _Regexp:
    """
    An expression of the command line. RE2 matches in time linear to the URL's length, whatever the
    expression.

    @raise ValueError: it is none.
    """
    import re2

    if len(pattern) > _MAX_PATTERN:
        raise ValueError(f"an expression of {len(pattern)} characters is too long")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        words = error.args[0] if error.args else error
        if isinstance(words, bytes):
            words = words.decode(errors="replace")
        raise ValueError(f"{pattern!r} is no expression of RE2: {words}") from None


def _matches(expressions: Iterable[_Regexp], text: str) -> bool:
    return any(each.search(text) is not None for each in expressions)
