"""
The options of C{--mirror}, and of reports about a mirror.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.python import usage

from twisted_netdemo.gopher.url import GopherURL, InvalidURL, normalHost
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.options import ServiceOptions

if TYPE_CHECKING:  # --help does not wait for them
    from twisted_netdemo.gopher.mirror.plan import MirrorPlan

MIRROR_FLAGS = [
    ["span-hosts", None, "With --mirror, follow links to every host."],
    ["no-robots", None, "With --mirror, do not ask for robots.txt: for servers of your own."],
    ["allow-private", None, "With --mirror, follow links to addresses that are not global."],
]
MIRROR_PARAMETERS = [
    ["mirror", None, None, "Keep a copy of what the URLs lead to in this folder."],
    ["every", None, None, "With --mirror, stay, and ask for each resource again after so long."],
    ["depth", None, None, "With --mirror, follow so many links from the URLs [default: all]."],
    ["types", None, None, "With --mirror, only fetch these item types, as in 01 [default: all]."],
    ["max-files", None, "1000000", "With --mirror, how many resources a round may ask for."],
    ["max-hosts", None, "10000", "With --span-hosts, how many hosts the mirror may know."],
    ["max-bytes", None, None, "With --mirror, how many bytes a round may bring [default: all]."],
    ["per-host", None, "1", "With --mirror, how many connections to an address."],
    ["delay", None, "1", "With --mirror, how long from a request to the next at an address."],
    ["keep-versions", None, "0", "With --mirror, how many old contents to keep of a resource."],
    ["warc", None, None, "With --mirror, also write each transfer to this WARC file (.warc.gz)."],
    ["mirror-status", None, None, "Show how the mirror in this folder stands."],
    ["mirror-search", None, None, "Show what has all of the WORDs in the mirror in this folder."],
    ["metrics", None, None, "With --mirror, serve Prometheus metrics, as in tcp:9100."],
]

# What is about single fetches, and what a mirror has its own way of.
_OTHERS = ("output", "remote-name", "raw", "json", "search", "proxy", "verbose", "host")
_WAYS = ("mirror", "mirror-status", "mirror-search")
_OWN = [name for name, *_ in (*MIRROR_FLAGS, *MIRROR_PARAMETERS) if name not in _WAYS]
_OWN += ["also-host", "include", "exclude"]


class MirrorOptions(ServiceOptions):
    """
    The part of gopherfetch's options that is about mirrors.

    @ivar plan: what C{--mirror} asks for.
    @ivar folderOfReport: the mirror that a report is about.
    @ivar words: what to search for in it; C{None} for how it stands.
    """

    plan: MirrorPlan
    folderOfReport: str
    words: Sequence[str] | None

    def __init__(self) -> None:
        super().__init__()
        self["also-host"] = []
        self["include"] = []
        self["exclude"] = []

    def opt_also_host(self, text: str) -> None:
        """
        With --mirror, follow links to this host too; may be repeated.
        """
        self["also-host"].append(self.check("also-host", text, normalHost))

    def opt_include(self, text: str) -> None:
        """
        With --mirror, only fetch URLs that this expression matches; may be repeated.
        """
        self["include"].append(text)

    def opt_exclude(self, text: str) -> None:
        """
        With --mirror, fetch no URL that this expression matches; may be repeated.
        """
        self["exclude"].append(text)

    def refuseMirrorOptions(self) -> None:
        """
        Without C{--mirror} its options mean nothing.
        """
        for name in sorted(self.given.intersection(_OWN)):
            raise usage.UsageError(f"--{name} needs --mirror")

    def takeMirror(self) -> None:
        """
        Read the options of a mirror.
        """
        given = self.given
        for name in _OTHERS:
            if self[name]:
                raise usage.UsageError(f"--mirror and --{name} do not go together")
        if self["items"]:
            raise usage.UsageError("--mirror and --item do not go together")
        for name in ("mirror", "warc"):
            if self[name] == "":
                raise usage.UsageError(f"--{name}: the name is empty")
        lacking = missing()
        if lacking is not None:
            raise usage.UsageError(f"--mirror {lacking}")
        from twisted_netdemo.gopher.mirror import plan
        from twisted_netdemo.gopher.mirror.rules.scope import compiled

        for name in ("include", "exclude"):
            for text in self[name]:
                self.check(name, text, compiled)
        if self["metrics"] is not None:
            from twisted_netdemo.service.exporter.prometheus import places

            places(self)
        every = self["every"]
        self.plan = plan.MirrorPlan(
            folder=os.path.join(self.folder, self["mirror"]),
            urls=self._starts(given),
            depth=self._number("depth"),
            alsoHosts=tuple(self["also-host"]),
            spanHosts=bool(self["span-hosts"]),
            include=tuple(self["include"]),
            exclude=tuple(self["exclude"]),
            types=None if self["types"] is None else self.check("types", self["types"], _types),
            maxSize=self["max-size"] or plan.MAX_SIZE,
            maxFiles=self._number("max-files", 1),
            maxHosts=self._number("max-hosts", 1, 1_000_000) or plan.MAX_HOSTS,
            maxBytes=(
                None
                if self["max-bytes"] is None
                else self.check("max-bytes", self["max-bytes"], quantities.size)
            ),
            parallel=self["parallel"] if "parallel" in given else plan.PARALLEL,
            perHost=self._number("per-host", 1, 100) or 1,
            delay=self.check("delay", self["delay"], quantities.duration),
            obeysRobots=not self["no-robots"],
            allowPrivate=bool(self["allow-private"]),
            every=None
            if every is None
            else self.check("every", every, quantities.positiveDuration),
            keepVersions=self._number("keep-versions", 0, 10_000) or 0,
            warc=None if self["warc"] is None else os.path.join(self.folder, self["warc"]),
            maxTime=self["max-time"] or plan.MAX_TIME,
            charset=self["charset"],
            connectTimeout=self["connect-timeout"],
            idleTimeout=self["timeout"],
            family=4 if self["ipv4"] else 6 if self["ipv6"] else None,
        )

    @property
    def isReport(self) -> bool:
        """
        Whether what a mirror has is asked for.
        """
        return self["mirror-status"] is not None or self["mirror-search"] is not None

    def takeReport(self) -> None:
        """
        Read the options of a report: hardly any goes with one.
        """
        way = next(name for name in reversed(_WAYS) if self[name] is not None)
        others = sorted(self.given.difference((way, "json", "")))  # short ones have no name here
        others += [name for name in ("output", "remote-name") if self[name]]
        if others:
            raise usage.UsageError(f"--{way} and --{others[0]} do not go together")
        if not self[way]:
            raise usage.UsageError(f"--{way}: the name is empty")
        self.folderOfReport = os.path.join(self.folder, self[way])
        isSearch = way == "mirror-search"
        if isSearch and not any(text.strip() for text in self["urls"]):
            raise usage.UsageError("--mirror-search needs words")
        if not isSearch and self["urls"]:
            raise usage.UsageError("--mirror-status takes no URL")
        self.words = self["urls"] if isSearch else None
        if self.ownsProcess:
            from twisted_netdemo.service.cli.oneshot import prepareOneShot

            prepareOneShot(self, needsTerminal=True)

    def _number(self, name: str, least: int = 0, most: int = 10**9) -> int | None:
        if self[name] is None:
            return None
        return self.check(name, self[name], lambda text: quantities.whole(text, least, most))

    def _starts(self, given: set[str]) -> tuple[GopherURL, ...]:
        if not self.hasURLs:
            raise usage.UsageError("--mirror needs a URL to start from")
        found = []
        for url in self["urls"]:
            try:
                found.append(url if isinstance(url, GopherURL) else GopherURL.parse(url))
            except InvalidURL as error:
                raise usage.UsageError(f"{url!r}: {error}") from None
        return tuple(found)

    @property
    def hasURLs(self) -> bool:
        """
        Whether URLs were given.
        """
        return bool(self._parsed()[1])


def missing() -> str | None:
    """
    The words for libraries that are missing; C{None} if they are installed.
    """
    from importlib.util import find_spec

    lacking = [name for name in ("scrapy", "re2", "warcio") if find_spec(name) is None]
    if not lacking:
        return None
    return f"needs {' and '.join(lacking)}: pip install 'twisted-netdemo[mirror]'"


def _types(text: str) -> str:
    if not text or any(not "!" <= char <= "~" for char in text):
        raise ValueError(f"{text!r} is not a list of item types, as in 01")
    return text
