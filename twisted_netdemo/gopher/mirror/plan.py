"""
What a mirror is to do: its options as values. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_netdemo.gopher.url import GopherURL

#: How long one transfer may take.
MAX_TIME = 3600.0
#: How large one resource may be, and how many requests a round may have.
MAX_SIZE = 256 << 20
MAX_FILES = 1_000_000
#: How many hosts may be known: made-up names cost memory.
MAX_HOSTS = 10_000
#: How many requests may be under way.
PARALLEL = 64


@dataclass(frozen=True)
class MirrorPlan:
    """
    @ivar folder: where the mirror is.
    @ivar urls: where it starts.
    @ivar depth: how many links a resource may be away from them; C{None} for any number.
    @ivar alsoHosts: normal host names whose resources are mirrored too.
    @ivar spanHosts: whether those of every host are.
    @ivar include: expressions, of which a URL has to match one, if there are any.
    @ivar exclude: expressions, of which it may match none.
    @ivar types: the item types to fetch; C{None} for all.
    @ivar maxSize: how many bytes a resource may have.
    @ivar maxFiles: how many requests a round may have; C{None} for any number.
    @ivar maxHosts: how many hosts may be known; one that was not given leads to a tenth at most.
    @ivar maxBytes: how many bytes a round may bring; C{None} for any number.
    @ivar parallel: how many requests may be under way.
    @ivar perHost: how many of them at one address.
    @ivar delay: how many seconds are between the starts of two requests at one address, at least.
    @ivar obeysRobots: whether C{robots.txt} is asked for and obeyed.
    @ivar allowPrivate: whether menus may lead to addresses that are not global.
    @ivar every: after how many seconds a resource is asked for again; C{None} for one round.
    @ivar keepVersions: how many old contents are kept beside the newest.
    @ivar warc: the WARC file to write.
    @ivar maxTime: how long a transfer may take.
    @ivar charset: the charset of texts; C{None} to guess it.
    @ivar connectTimeout: how long connecting may take.
    @ivar idleTimeout: how long a server may send nothing.
    @ivar family: 4 or 6 to use IPv4 or IPv6 only.
    """

    folder: str
    urls: tuple[GopherURL, ...]
    depth: int | None = None
    alsoHosts: tuple[str, ...] = ()
    spanHosts: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    types: str | None = None
    maxSize: int = MAX_SIZE
    maxFiles: int | None = MAX_FILES
    maxHosts: int = MAX_HOSTS
    maxBytes: int | None = None
    parallel: int = PARALLEL
    perHost: int = 1
    delay: float = 1.0
    obeysRobots: bool = True
    allowPrivate: bool = False
    every: float | None = None
    keepVersions: int = 0
    warc: str | None = None
    maxTime: float = MAX_TIME
    charset: str | None = None
    connectTimeout: float = 30.0
    idleTimeout: float = 60.0
    family: int | None = None
