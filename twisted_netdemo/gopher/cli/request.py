"""
What one call of gopherfetch was asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted_netdemo.gopher.url import GopherURL


class Request(NamedTuple):
    """
    What was asked for.

    @ivar urls: the texts of the URLs, or URLs.
    @ivar output: C{-o}, an absolute path.
    @ivar folder: where C{-O} and binaries for a terminal go, absolute.
    @ivar named: C{-O}.
    @ivar search: the words for searches.
    @ivar items: numbers of links to follow, one after the other.
    @ivar maxSize: C{None} where it was not said.
    @ivar maxTime: how many seconds a fetch, and what is made of it, may take; C{None} for no limit.
    @ivar mode: permissions for files, where the umask is not the user's.
    @ivar usageStatus: the exit status for wrong usage.
    """

    urls: tuple[str | GopherURL, ...]
    folder: str
    output: str | None = None
    named: bool = False
    raw: bool = False
    json: bool = False
    search: bytes | None = None
    items: tuple[int, ...] = ()
    maxSize: int | None = None
    maxTime: float | None = None
    parallel: int = 1
    verbose: bool = False
    mode: int | None = None
    usageStatus: int = 2
