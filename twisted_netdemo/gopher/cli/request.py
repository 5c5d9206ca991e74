"""
The user's request: the options of a call of gopherfetch.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted_netdemo.gopher.url import GopherURL


class BatchRequest(NamedTuple):
    """
    The options of a call of gopherfetch, as far as they do not belong to the agent.

    @ivar urls: URLs, or texts that may be some.
    @ivar folder: the absolute path of the folder for C{-O}, and for binaries if standard output is
        a terminal.
    @ivar output: C{-o}: an absolute path.
    @ivar remoteName: C{-O}.
    @ivar search: the words for searches.
    @ivar items: the numbers of the links to follow, in order.
    @ivar maxSize: in bytes; C{None} if the user gave none.
    @ivar maxTime: how many seconds a fetch and the work on its body may take; C{None} for no limit.
    @ivar mode: permissions for files, where the process's umask is not the user's.
    @ivar usageStatus: the exit status for wrong usage.
    """

    urls: tuple[str | GopherURL, ...]
    folder: str
    output: str | None = None
    remoteName: bool = False
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
