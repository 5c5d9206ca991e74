"""
A crawl: each resource that is due is fetched, stored and recorded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.python.failure import Failure

from twisted_netdemo.gopher.errors import CannotResolve, FetchError
from twisted_netdemo.gopher.mirror.contract import Copy, Exchanges, MirrorError
from twisted_netdemo.gopher.mirror.crawl.answers import Answers
from twisted_netdemo.gopher.mirror.crawl.dispatcher import Dispatcher
from twisted_netdemo.gopher.mirror.crawl.known_rules import KnownRules
from twisted_netdemo.gopher.mirror.crawl.loading import Loaded, Loading
from twisted_netdemo.gopher.mirror.crawl.trap_watch import TrapWatch
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.rules.address_turn import AddressTurn
from twisted_netdemo.gopher.mirror.rules.caps import SELECTOR
from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.state.findings import FindingRecorder
from twisted_netdemo.gopher.mirror.state.frontier import DueResources, Frontier
from twisted_netdemo.gopher.mirror.state.interruption import Interruption
from twisted_netdemo.gopher.mirror.state.round_time import MirrorRound, RoundTime
from twisted_netdemo.gopher.mirror.state.rows import ServerRow
from twisted_netdemo.gopher.mirror.state.state_thread import Background
from twisted_netdemo.gopher.mirror.state.tables import Corrupt
from twisted_netdemo.gopher.mirror.state.trap_table import TrapTable
from twisted_netdemo.gopher.mirror.transfer import servers
from twisted_netdemo.gopher.mirror.transfer.asks import Ask, KnownServer
from twisted_netdemo.gopher.mirror.transfer.fetched import Fetched
from twisted_netdemo.gopher.mirror.transfer.fetching import Fetching
from twisted_netdemo.gopher.mirror.transfer.mishaps import Mishaps
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.gopher.net.interfaces import IClientReactor
from twisted_netdemo.gopher.net.resolving import addressesOf
from twisted_netdemo.gopher.url import sameHost
from twisted_netdemo.service.time.clock import monotonic

#: How many names are resolved at a time: as many as a reactor has threads for them, so that none
#: waits behind others for longer than it may take.
RESOLUTIONS = 10


class Courier(Protocol):
    """
    Has requests sent. It calls L{Crawl.fetch}, and L{Crawl.received} with what that returns.
    """

    def send(self, ask: Ask) -> None:
        """
        Send a request.
        """


class Crawl:
    """
    The L{Guide<twisted_netdemo.gopher.mirror.crawl.dispatcher.Guide>} of a dispatcher.

    @ivar whenOver: fires when the round is over; fails with a L{MirrorError} if the mirror cannot
        go on.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        plan: MirrorPlan,
        scope: Scope,
        frontier: Frontier,
        background: Background,
        copy: Copy,
        courier: Courier,
        say: Callable[[str], None],
        exchanges: Exchanges | None = None,
        trust: Trust | None = None,
    ) -> None:
        """
        @param say: called with each line for people.
        """
        self.plan = plan
        self.tally = MirrorTally()
        self.whenOver: Deferred[None] = Deferred()
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._frontier = frontier
        self._background = background
        self._courier = courier
        self._say = say
        self._interruption = Interruption()
        self._round = RoundTime(plan.every, self.now)
        self._traps = TrapWatch(TrapTable(frontier), background, self.tally, say)
        recorder = FindingRecorder(frontier, maxHosts=plan.maxHosts)
        self._rules = KnownRules(frontier)
        rules = self._rules if plan.obeysRobots else None
        self._loading = Loading(
            frontier, recorder, scope, rules, self._traps, self._round, self._interruption
        )
        self._resolutions = DeferredSemaphore(RESOLUTIONS)
        self._given = {sameHost(url.host) for url in plan.urls}
        self._given |= {sameHost(host) for host in plan.alsoHosts}
        mishaps = Mishaps()
        self._fetching = Fetching(reactor, plan, scope, copy, exchanges, mishaps, self.now, trust)
        self._dispatcher = Dispatcher(
            self._clock,
            self,
            plan.parallel,
            lambda: AddressTurn(plan.delay, plan.perHost),
        )
        self._answers = Answers(
            frontier,
            recorder,
            self._rules,
            background,
            self._dispatcher,
            self._round,
            self._traps,
            mishaps,
            self.tally,
            self.now,
            say,
            self._dueNow,
            self.failed,
        )

    # From outside.

    async def begin(self) -> MirrorRound:
        """
        Begin a round, or go on with one.
        """
        now, frontier = self.now(), self._frontier

        def start() -> tuple[MirrorRound, list[tuple[ServerRow, float]], int]:
            with self._interruption.over(frontier.database):
                begun = frontier.beginRound(now, self.plan.every)
                frontier.addStarts(self.plan.urls, now)
                self._traps.load(self.plan.urls)
                return begun, frontier.serversDue(), frontier.dueCount(now)

        found = await self._background.run(start)
        round, due, self.tally.waiting = found
        self._round.current = round
        self.tally.round, self.tally.asked = round.number, round.asked
        for row, when in due:
            self._dispatcher.due(self._known(row), when)
        if self.plan.every is not None:
            self._dispatcher.later(self.plan.every, self._nextRound)
        self._dispatcher.wake()
        return round

    def stop(self) -> None:
        """
        Ask for nothing more, and give up what is under way.
        """
        self._interruption.set()
        self._dispatcher.stop()
        self._fetching.stop()

    async def finish(self) -> None:
        """
        The round is over.
        """
        await self._background.run(self._frontier.endRound, self.now())

    def failed(self, reason: Failure) -> None:
        """
        The mirror cannot go on.
        """
        self.stop()
        if not self.whenOver.called:
            self.whenOver.errback(reason)

    async def fetch(self, ask: Ask) -> Fetched:
        """
        Fetch what is asked for. It does not fail but where the mirror cannot go on.
        """
        self.tally.requests += 1
        self.tally.active = self._dispatcher.active
        try:
            fetched = await self._fetching.fetch(ask)
        except BaseException:
            self._dispatcher.ended(ask, 0.0, True)
            raise
        self.tally.bytes += fetched.size
        self.tally.roundBytes += fetched.size if ask.resource is not None else 0
        self._dispatcher.ended(ask, fetched.seconds, fetched.isTrouble)
        return fetched

    async def received(self, ask: Ask, fetched: Fetched) -> None:
        """
        Record what came.
        """
        await self._answers.received(ask, fetched)

    # The dispatcher's guide.

    def now(self) -> float:
        return self._reactor.seconds()

    def resolve(self, server: KnownServer) -> Deferred[list[str]]:
        def find() -> Deferred[list[str]]:
            found = addressesOf(self._reactor, server.row.name, self.plan.family)
            return found.addTimeout(self.plan.connectTimeout, self._clock)

        def read() -> tuple[ServerRow, bool, Loaded]:
            row = server.row = self._frontier.server(server.row.id)
            isOld = servers.areOld(row, self.plan.obeysRobots, self._round.since)
            isFree = isOld or not self.plan.obeysRobots
            allowsCaps = isFree or self._rules.of(row.id).allows(SELECTOR)
            return row, allowsCaps, self._loading.look(server, now, taken)

        def known(found: tuple[ServerRow, bool, Loaded]) -> Deferred[list[str]]:
            server.row, server.allowsCaps, looked = found
            server.isGiven = sameHost(server.row.name) in self._given
            due = self._counted(server, looked)
            if due.resources:
                return self._resolutions.run(find)
            server.next = None
            if due.next is not None:
                self._dispatcher.due(server, due.next)
            return succeed([])

        now, taken = self.now(), frozenset(server.taken)
        return self._background.run(read).addCallback(known)

    def prepare(self, server: KnownServer) -> None:
        servers.begin(server, self.plan.obeysRobots, self._round.since, self.now())
        self.tally.hosts += not server.isCounted
        server.isCounted = True

    def isStale(self, server: KnownServer) -> bool:
        return servers.areOld(server.row, self.plan.obeysRobots, self._round.since)

    def unreachable(self, server: KnownServer, reason: Failure) -> Deferred[None]:
        error = reason.value
        if isinstance(error, (MirrorError, Corrupt, sqlite3.Error)):
            raise error
        if not isinstance(error, FetchError):
            error = CannotResolve(f"cannot resolve {server.row.name}")
        return Deferred.fromCoroutine(self._answers.giveUp(server, error))

    def load(self, server: KnownServer, limit: int) -> Deferred[DueResources]:
        now, taken = self.now(), frozenset(server.taken)
        found = self._background.run(self._loading.load, server, now, taken, limit)
        return found.addCallback(lambda loaded: self._counted(server, loaded))

    def mayStart(self, ask: Ask) -> bool:
        plan, tally = self.plan, self.tally
        if ask.resource is None:
            return True
        if plan.maxFiles is not None and tally.asked >= plan.maxFiles:
            self._say(f"the round ends: {plan.maxFiles} resources have been asked for")
            return False
        if plan.maxBytes is not None and tally.roundBytes >= plan.maxBytes:
            self._say(f"the round ends: {tally.roundBytes} bytes have come")
            return False
        if not ask.resource.tries:
            tally.asked += 1
            tally.waiting -= 1
        return True

    def send(self, ask: Ask) -> None:
        try:
            self._courier.send(ask)
        except Exception as error:
            unsent = Deferred.fromCoroutine(self._unsent(ask, error))
            unsent.addErrback(self.failed)

    async def _unsent(self, ask: Ask, error: Exception) -> None:
        try:
            fetched = self._fetching.unsent(ask, error)
        finally:
            self._dispatcher.ended(ask, 0.0, False)
        await self.received(ask, fetched)

    def over(self) -> None:
        if self.plan.every is None and not self.whenOver.called:
            self.whenOver.callback(None)

    # Servers and times.

    def _counted(self, server: KnownServer, loaded: Loaded) -> DueResources:
        self.tally.waiting -= loaded.left + len(loaded.failed)
        self.tally.errors += len(loaded.failed)
        for resource, mishap in loaded.failed:
            self.tally.verdicts["failed"] += 1
            self._say(f"{resource.url(server.row)}: {mishap}")
        return loaded.due

    def _known(self, row: ServerRow) -> KnownServer:
        server = self._dispatcher.servers.get(row.id)
        if server is None:
            server = KnownServer(row)
            self._dispatcher.know(server)
        return server

    def _dueNow(self, number: int) -> None:
        server = self._dispatcher.servers.get(number)
        if server is None:
            # its row is read before it is asked for anything
            server = self._known(ServerRow(number, "gopher", "", 70))
        self._dispatcher.due(server, self.now())

    def _nextRound(self) -> None:
        """
        For a mirror that stays: what a round may have is counted anew.
        """
        if self.plan.every is None:
            return
        self._dispatcher.later(self.plan.every, self._nextRound)

        def begun(round: MirrorRound) -> None:
            self._round.current = round
            self.tally.round = round.number
            self.tally.asked = self.tally.roundBytes = 0
            self._dispatcher.reopen()

        started = self._background.run(self._frontier.nextRound, self.now())
        started.addCallback(begun).addErrback(self.failed)
