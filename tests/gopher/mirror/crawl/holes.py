"""
Gopher holes that a test makes up, and a crawl of them in the test's own process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet import reactor as module
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IResolutionReceiver
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import TestCase

from tests.processes import folder
from twisted_netdemo.gopher.mirror.copy.copy_folder import CopyFolder
from twisted_netdemo.gopher.mirror.crawl.crawl import Crawl
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.state_thread import SameThread
from twisted_netdemo.gopher.mirror.state.tables import openDatabase
from twisted_netdemo.gopher.mirror.transfer.asks import Ask
from twisted_netdemo.gopher.url import GopherURL

REACTOR: Any = module

#: A selector's answer; C{None} breaks the connection without one.
Answer = Callable[[str], bytes | None]


class Hole(Factory):
    """
    Serves what a function says.

    @ivar asked: the selectors, as they came.
    @ivar broken: selectors of which only the first half is sent, before a reset.
    """

    noisy = False

    def __init__(self, test: TestCase, answer: Answer, interface: str = "127.0.0.1", port: int = 0):
        self.answer = answer
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self._port = REACTOR.listenTCP(port, self, interface=interface)
        test.addCleanup(self._port.stopListening)
        self.host, self.port = interface, self._port.getHost().port

    def buildProtocol(self, address: object) -> _Connection:
        return _Connection(self)

    def url(self, path: str = "1") -> GopherURL:
        return GopherURL.parse(f"gopher://{self.host}:{self.port}/{path}")

    def item(self, kind: str, selector: str, host: str | None = None, title: str = "") -> str:
        """
        A line of a menu.
        """
        return f"{kind}{title or selector}\t{selector}\t{host or self.host}\t{self.port}\r\n"


class _Connection(LineReceiver):
    def __init__(self, hole: Hole) -> None:
        self._hole = hole

    def lineReceived(self, line: bytes) -> None:
        selector = line.decode()
        self._hole.asked.append(selector)
        data = self._hole.answer(selector)
        transport: Any = self.transport
        if data is None:
            transport.abortConnection()
        elif selector in self._hole.broken:
            transport.write(data[: len(data) // 2])
            REACTOR.callLater(0.05, transport.abortConnection)
        else:
            transport.write(data)
            transport.loseConnection()


def menu(*items: str) -> bytes:
    return ("".join(items) + ".\r\n").encode()


NOT_FOUND = b"3Not found\t\terror.host\t1\r\n"


def pages(table: Mapping[str, bytes]) -> Answer:
    """
    The pages of a table; errors for all other selectors.
    """
    return lambda selector: table.get(selector, NOT_FOUND)


class Names:
    """
    The reactor, with a resolver that knows a test's names alone.
    """

    def __init__(self, addresses: Callable[[str], str]) -> None:
        self._addresses = addresses
        self.nameResolver = self

    def resolveHostName(
        self, receiver: IResolutionReceiver, host: str, port: int = 0, *rest: object, **kw: object
    ) -> object:
        receiver.resolutionBegan(None)  # type: ignore[arg-type] # nobody cancels it
        receiver.addressResolved(IPv4Address("TCP", self._addresses(host), port))
        receiver.resolutionComplete()
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(REACTOR, name)


class SlowNames(Names):
    """
    A resolver whose answers come later.

    @ivar most: how many names it was asked for at a time.
    """

    def __init__(self, addresses: Callable[[str], str]) -> None:
        super().__init__(addresses)
        self._asked = self.most = 0

    def resolveHostName(self, *what: Any, **more: Any) -> object:
        self._asked += 1
        self.most = max(self.most, self._asked)
        REACTOR.callLater(0.001, self._answer, what, more)
        return None

    def _answer(self, what: tuple[Any, ...], more: dict[str, Any]) -> None:
        self._asked -= 1
        super().resolveHostName(*what, **more)


class Run:
    """
    One run over a folder.

    @ivar said: the lines for people.
    """

    def __init__(self, test: TestCase, path: str, plan: MirrorPlan, reactor: Any = REACTOR) -> None:
        self.said: list[str] = []
        self.frontier = Frontier(openDatabase(path))
        scope = Scope(plan)
        copy = CopyFolder(path, plan.keepVersions, scope.keeps)
        self.crawl = Crawl(
            reactor, plan, scope, self.frontier, SameThread(), copy, self, self.said.append
        )

    def send(self, ask: Ask) -> None:
        Deferred.fromCoroutine(self._send(ask)).addErrback(self.crawl.failed)

    async def _send(self, ask: Ask) -> None:
        await self.crawl.received(ask, await self.crawl.fetch(ask))

    async def toEnd(self) -> Run:
        """
        Run a round.
        """
        try:
            await self.crawl.begin()
            await self.crawl.whenOver
            await self.crawl.finish()
        finally:
            self.crawl.stop()
        return self

    def rows(self, columns: str = "request, verdict") -> list[tuple[Any, ...]]:
        return self.frontier.database.execute(
            f"SELECT {columns} FROM resource ORDER BY id"
        ).fetchall()


class HoleTestCase(TestCase):
    """
    Crawls holes into a folder of the test's own.
    """

    def setUp(self) -> None:
        self.folder = str(folder(self))

    async def crawled(self, urls: Sequence[GopherURL], reactor: Any = REACTOR, **plan: Any) -> Run:
        """
        Run a round; the delay is 0 unless the plan has one.
        """
        run = self.run_(urls, reactor, **plan)
        return await run.toEnd()

    def run_(self, urls: Sequence[GopherURL], reactor: Any = REACTOR, **plan: Any) -> Run:
        plan.setdefault("delay", 0.0)
        run = Run(self, self.folder, MirrorPlan(self.folder, tuple(urls), **plan), reactor)
        self.addCleanup(run.frontier.close)
        return run
