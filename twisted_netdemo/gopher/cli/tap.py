"""
The command line of gopherfetch, and the service that it makes under twistd.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from twisted.python import usage

from twisted_netdemo.gopher.cli.trust_choice import chosenTrust, verified
from twisted_netdemo.gopher.mirror.cli.mirror_options import (
    MIRROR_FLAGS,
    MIRROR_PARAMETERS,
    MirrorOptions,
)
from twisted_netdemo.gopher.url import GopherURL, InvalidURL, checkSelector
from twisted_netdemo.service.cli import quantities

if TYPE_CHECKING:  # --help does not wait for them
    from twisted.application.service import IService

    from twisted_netdemo.gopher.cli.batch import Batch
    from twisted_netdemo.gopher.cli.console import StandardStreams
    from twisted_netdemo.gopher.client.agent import Agent
    from twisted_netdemo.gopher.net.interfaces import IClientReactor

DEFAULT_URL = "gopher://quux.org/1/"


def _field(text: str) -> bytes:
    return checkSelector(text.encode("utf-8", "surrogateescape"), "text")


def _charset(text: str) -> str:
    from twisted_netdemo.gopher.text.characters import knownCharset

    return knownCharset(text)


class Options(MirrorOptions):
    """
    The options of the command, and of C{twistd gopherfetch}.
    """

    interspersed = True

    longdesc = (
        "Fetch Gopher URLs. A menu is shown as a list, a text as a text, and a binary "
        "goes to standard output, or into a file if that is a terminal. "
        f"Without a URL, {DEFAULT_URL}. With --mirror, keep a copy of whole holes."
    )

    optFlags = [
        ["remote-name", "O", "Save under a name from the selector; replace no file."],
        ["raw", None, "Write the bytes as they came."],
        ["json", None, "Write one JSON document a URL, a line each."],
        ["tofu", None, "Over TLS, pin a certificate on first use and insist on it afterwards."],
        ["insecure", None, "Over TLS, accept any certificate."],
        ["ipv4", "4", "Use IPv4 only."],
        ["ipv6", "6", "Use IPv6 only."],
        ["verbose", "v", "Report each step on stderr."],
        *MIRROR_FLAGS,
    ]
    optParameters = [
        ["output", "o", None, "Save as this file, byte for byte; - is standard output."],
        ["host", None, None, "Instead of a URL: the host."],
        ["port", None, None, "With --host: its port [default: 70]."],
        ["selector", None, None, "With --host: the selector as it is, not percent-encoded."],
        ["type", None, None, "With --host: the item type [default: 1]."],
        ["search", None, None, "Words for a search (item type 7)."],
        ["connect-timeout", None, "30", "How long connecting may take, with TLS."],
        ["timeout", None, "60", "How long the server may send nothing."],
        ["max-time", None, None, "How long a fetch, shown or saved, may take [default: no limit]."],
        [
            "max-size",
            None,
            None,
            "How large a body may be [default: 16MiB if it is shown or in JSON].",
        ],
        ["charset", None, None, "The charset of the body [default: UTF-8, else a guess]."],
        ["proxy", None, None, "Connect through socks5h://HOST:PORT, which resolves the names."],
        ["cafile", None, None, "Over TLS, trust the authorities in this file (PEM)."],
        ["parallel", None, "1", "How many URLs to fetch at a time."],
        *MIRROR_PARAMETERS,
    ]

    compData = usage.Completions(
        optActions={
            "output": usage.CompleteFiles(),
            "cafile": usage.CompleteFiles("*.pem"),
            "mirror": usage.CompleteDirs(),
            "mirror-search": usage.CompleteDirs(),
            "mirror-status": usage.CompleteDirs(),
            "warc": usage.CompleteFiles("*.warc.gz"),
        },
        multiUse=["item", "also-host", "include", "exclude"],
    )

    def __init__(self) -> None:
        super().__init__()
        self["urls"] = ()
        self["items"] = []

    def getSynopsis(self) -> str:
        command = "Usage: gopherfetch" if self.parent is None else "gopherfetch"
        return f"{command} [options] [URL...]"

    def opt_item(self, text: str) -> None:
        """
        Follow this link of the menu, by its number; may be repeated, to go further.
        """
        self["items"].append(
            self.check("item", text, lambda value: quantities.whole(value, 1, 10**6))
        )

    def parseArgs(self, *urls: str) -> None:
        self["urls"] = urls

    def postOptions(self) -> None:
        if self.isReport:
            self.takeReport()
            return
        self._readURLs()
        self._readOutput()
        for name in ("connect-timeout", "timeout"):
            self.take(name, quantities.positiveDuration)
        if self["max-time"] is not None:
            self.take("max-time", quantities.positiveDuration)
        if self["max-size"] is not None:
            self.take("max-size", quantities.size)
        if self["charset"] is not None:
            self.take("charset", _charset)
        self.take("parallel", lambda text: quantities.whole(text, 1, 1000))
        if self["ipv4"] and self["ipv6"]:
            raise usage.UsageError("--ipv4 and --ipv6 do not go together")
        if self["proxy"] is not None:
            self.take("proxy", _proxyAddress)
        trusts = [f"--{name}" for name in ("cafile", "tofu", "insecure") if self[name]]
        if len(trusts) > 1:
            raise usage.UsageError(f"{' and '.join(trusts)} do not go together")
        if self["cafile"] is not None:
            self["cafile"] = _absolute(self["cafile"])
            self.check("cafile", self["cafile"], verified)
        self._settleParent()

    def _settleParent(self) -> None:
        if self["mirror"] is not None:
            self.takeMirror()
            if self.ownsProcess:
                self.chooseFiles("gopherfetch")
            return
        self.refuseMirrorOptions()
        if self.ownsProcess:
            from twisted_netdemo.service.cli.oneshot import prepareOneShot

            saves = self["remote-name"] or self["output"] is not None
            prepareOneShot(self, needsTerminal=not saves)

    def _readURLs(self) -> None:
        long = [name for name in ("port", "selector", "type") if self[name] is not None]
        if self["host"] is None:
            if long:
                raise usage.UsageError(f"--{long[0]} needs --host")
            self["urls"] = tuple(self["urls"]) or (DEFAULT_URL,)
        elif self["urls"]:
            raise usage.UsageError("--host and a URL do not go together")
        else:
            port = self.check(
                "port",
                "70" if self["port"] is None else self["port"],
                lambda text: quantities.port(text, 1),
            )
            selector = self.check("selector", self["selector"] or "", _field)
            try:
                kind = "1" if self["type"] is None else self["type"]
                host = self["host"]
                if ":" in host and host[0] + host[-1] == "[]":  # as people write IPv6 addresses
                    host = host[1:-1]
                self["urls"] = (GopherURL(host, port, kind, selector),)
            except InvalidURL as error:
                raise usage.UsageError(str(error)) from None
        if self["items"] and len(self["urls"]) > 1:
            raise usage.UsageError("--item goes with one URL")
        if self["search"] is not None:
            self.take("search", _field)
            if not self["items"] and not any(map(_isSearch, self["urls"])):
                raise usage.UsageError("--search: no URL is a search (item type 7)")

    def _readOutput(self) -> None:
        if self["output"] == "-":
            self["output"], self["raw"] = None, 1
        ways = [f"--{name}" for name in ("output", "remote-name", "raw", "json") if self[name]]
        if len(ways) > 1:
            raise usage.UsageError(f"{' and '.join(ways)} do not go together")
        if self["output"] is not None:
            if len(self["urls"]) > 1:
                raise usage.UsageError("--output goes with one URL; --remote-name with several")
            if not self["output"]:
                raise usage.UsageError("--output: the name is empty")
            from twisted_netdemo.gopher.files.special_files import isClosed

            self["output"] = _absolute(self["output"])
            if isClosed(self["output"]):
                raise usage.UsageError(f"--output: nothing is open at {self['output']}")
        self["folder"] = _absolute(".").removesuffix("/.")


def _absolute(path: str) -> str:
    """
    A path that stays valid when a daemon changes its folder. It is not normalised: the system
    decides what C{link/..} and C{folder/} are.
    """
    try:
        return os.path.join(os.getcwd(), path)
    except OSError:  # the current folder has been removed
        return path


def _isSearch(url: str | GopherURL) -> bool:
    try:
        return (url if isinstance(url, GopherURL) else GopherURL.parse(url)).type == "7"
    except InvalidURL:
        return False


def _proxyAddress(text: str) -> tuple[str, int]:
    from twisted_netdemo.gopher.net.socks_proxy import proxyAddress

    return proxyAddress(text)


def makeBatch(
    options: Options, reactor: IClientReactor, console: StandardStreams, usageStatus: int
) -> Batch:
    """
    The fetches that the options ask for, ready to run.

    @param usageStatus: the exit status for wrong usage that only shows during the run.
    """
    from twisted_netdemo.gopher.cli.batch import Batch
    from twisted_netdemo.gopher.cli.request import BatchRequest
    from twisted_netdemo.gopher.client.agent import Agent
    from twisted_netdemo.gopher.net.address_cache import AddressCache
    from twisted_netdemo.gopher.text.charset import Charsets

    charsets, addresses = Charsets(), AddressCache()
    trust = chosenTrust(options, console.say)

    family = 4 if options["ipv4"] else 6 if options["ipv6"] else None

    @lru_cache(2)  # there are two limits at most; with tell, each job has an agent of its own
    def agentFor(maxSize: int | None, tell: Callable[[str], None] | None) -> Agent:
        endpoint = None
        if options["proxy"] is not None:
            from twisted_netdemo.gopher.net.socks_proxy import SocksProxy

            endpoint = SocksProxy(
                reactor, *options["proxy"], family=family, addresses=addresses, tell=tell
            )
        return Agent(
            reactor,
            connectTimeout=options["connect-timeout"],
            idleTimeout=options["timeout"],
            totalTimeout=options["max-time"],
            maxSize=maxSize,
            trust=trust,
            family=family,
            charset=options["charset"],
            charsets=charsets,
            addresses=addresses,
            endpoint=endpoint,
            tell=tell,
        )

    request = BatchRequest(
        urls=tuple(options["urls"]),
        folder=options["folder"],
        output=options["output"],
        remoteName=bool(options["remote-name"]),
        raw=bool(options["raw"]),
        json=bool(options["json"]),
        search=options["search"],
        items=tuple(options["items"]),
        maxSize=options["max-size"],
        maxTime=options["max-time"],
        parallel=options["parallel"],
        verbose=bool(options["verbose"]),
        mode=_filePermissions(options),
        usageStatus=usageStatus,
    )
    return Batch(request, console, reactor, agentFor)


def _filePermissions(options: Options) -> int | None:
    """
    The permissions that the user's umask leaves to a new file, if twistd is about to replace the
    umask.
    """
    if not options.isDaemon or options.parent.get("umask") is not None:
        return None
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def makeService(options: Options, reactor: IClientReactor | None = None) -> IService:
    """
    A service that fetches and then ends, and the process with it if it is what twistd was started
    for; or a mirror.
    """
    if options["mirror"] is not None:
        from twisted_netdemo.gopher.mirror.cli.mirroring import mirrorService

        return mirrorService(options, partial(chosenTrust, options))
    from twisted.logger import Logger

    from twisted_netdemo.gopher.cli.console import StandardStreams
    from twisted_netdemo.service.cli.oneshot import OneShot

    if reactor is None:
        from twisted.internet import reactor as module

        installed: Any = module  # type checkers see the module
        reactor = installed
    log = Logger()

    def say(line: str) -> None:
        log.info("{line}", line=line)

    console = StandardStreams(say if options.isDaemon else None)
    if options.isReport:
        from twisted_netdemo.gopher.cli.mirror_report import makeReport

        return OneShot(reactor, makeReport(options, console, reactor).run, options.ownsProcess)
    batch = makeBatch(options, reactor, console, usageStatus=1)
    return OneShot(reactor, batch.run, options.ownsProcess)
