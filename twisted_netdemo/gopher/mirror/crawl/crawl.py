"""
A crawl: each resource that is due is fetched, stored and recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.gopher.errors import CannotResolve, FetchError
from twisted_netdemo.gopher.exit_statuses import statusOf
from twisted_netdemo.gopher.mirror.contract import Copy, Exchanges, MirrorError
from twisted_netdemo.gopher.mirror.crawl import servers
from twisted_netdemo.gopher.mirror.crawl.asks import Ask, KnownServer
from twisted_netdemo.gopher.mirror.crawl.dispatcher import Dispatcher
from twisted_netdemo.gopher.mirror.crawl.fetching import Fetched, Fetching
from twisted_netdemo.gopher.mirror.crawl.resolving import addressesOf
from twisted_netdemo.gopher.mirror.crawl.trap_watch import TrapWatch
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.rules.address_turn import AddressTurn
from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.state.findings import FindingRecorder, Recorded
from twisted_netdemo.gopher.mirror.state.frontier import DueResources, Frontier, MirrorRound
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow, ServerRow
from twisted_netdemo.gopher.mirror.state.state_thread import Background
from twisted_netdemo.gopher.mirror.state.trap_table import TrapTable
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.gopher.net.interfaces import IClientReactor
from twisted_netdemo.gopher.url import sameHost
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: So many resources in a row that nothing answered, each asked for several times: the host is down.
SILENT = 3

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
        self._scope = scope
        self._frontier = frontier
        self._recorder = FindingRecorder(frontier)
        self._background = background
        self._courier = courier
        self._say = say
        self._traps = TrapWatch(TrapTable(frontier), background, self.tally, say)
        self._round = MirrorRound(0, 0.0)
        self._isStopped = False
        self._resolutions = DeferredSemaphore(RESOLUTIONS)
        self._given = {sameHost(url.host) for url in plan.urls}
        self._given |= {sameHost(host) for host in plan.alsoHosts}
        self._fetching = Fetching(reactor, plan, scope, copy, exchanges, self.now, trust)
        self._dispatcher = Dispatcher(
            self._clock,
            self,
            plan.parallel,
            lambda: AddressTurn(plan.delay, plan.perHost),
        )

    # From outside.

    async def begin(self) -> MirrorRound:
        """
        Begin a round, or go on with one.
        """
        now, frontier = self.now(), self._frontier

        def start() -> tuple[MirrorRound, list[tuple[ServerRow, float]], int]:
            begun = frontier.beginRound(now, self.plan.every)
            frontier.addStarts(self.plan.urls, now)
            self._traps.load(self.plan.urls)
            return begun, frontier.serversDue(), frontier.dueCount(now)

        found = await self._background.run(start)
        self._round, due, self.tally.waiting = found
        self.tally.round = self._round.number
        self.tally.asked = self._round.asked
        for row, when in due:
            self._dispatcher.due(self._known(row), when)
        if self.plan.every is not None:
            self._dispatcher.later(self.plan.every, self._nextRound)
        self._dispatcher.wake()
        return self._round

    def stop(self) -> None:
        """
        Ask for nothing more, and give up what is under way.
        """
        self._isStopped = True
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
        Fetch what is asked for. It does not fail but with a L{MirrorError}.
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
        try:
            if fetched.isStopped or ask.resource is None:
                await self._background.run(fetched.close)
            if fetched.isStopped:
                return
            if ask.resource is None:
                await self._heard(ask, fetched)
            else:
                await self._record(ask, ask.resource, fetched)
        except Exception:
            self.failed(Failure())
        else:
            self._dispatcher.settled(ask)

    # The dispatcher's guide.

    def now(self) -> float:
        return self._reactor.seconds()

    def resolve(self, server: KnownServer) -> Deferred[list[str]]:
        def find() -> Deferred[list[str]]:
            found = addressesOf(self._reactor, server.row.name, self.plan.family)
            return found.addTimeout(self.plan.connectTimeout, self._clock)

        def read(row: ServerRow) -> Deferred[list[str]]:
            server.row = row
            return self._resolutions.run(find)

        return self._background.run(self._frontier.server, server.row.id).addCallback(read)

    def prepare(self, server: KnownServer) -> None:
        servers.begin(server, self.plan.obeysRobots, self._since, self.now())
        self.tally.hosts += not server.isCounted
        server.isCounted = True

    def isStale(self, server: KnownServer) -> bool:
        return servers.areOld(server.row, self.plan.obeysRobots, self._since)

    def unreachable(self, server: KnownServer, reason: Failure) -> Deferred[None]:
        error = reason.value
        if isinstance(error, MirrorError):
            raise error
        if not isinstance(error, FetchError):
            error = CannotResolve(f"cannot resolve {server.row.name}")
        return Deferred.fromCoroutine(self._giveUp(server, error))

    def load(self, server: KnownServer, limit: int) -> Deferred[DueResources]:
        now, taken = self.now(), frozenset(server.taken)

        def find() -> tuple[DueResources, int]:
            count = 0
            while True:
                found = self._frontier.take(server.row.id, now, taken, limit)
                kept: list[ResourceRow] = []
                left: dict[str | None, list[ResourceRow]] = {}
                for resource in found.resources:
                    reason = self._unwanted(server, resource)
                    if reason == "":
                        kept.append(resource)
                    else:
                        left.setdefault(reason, []).append(resource)
                for reason, resources in left.items():
                    self._frontier.leave(resources, self._dueAfter(now), reason)
                    count += len(resources)
                if kept or not found.resources or self._isStopped:
                    return DueResources(kept, found.next), count

        def counted(found: tuple[DueResources, int]) -> DueResources:
            self.tally.waiting -= found[1]
            return found[0]

        return self._background.run(find).addCallback(counted)

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
        self._courier.send(ask)

    def over(self) -> None:
        if self.plan.every is None and not self.whenOver.called:
            self.whenOver.callback(None)

    # What came.

    async def _heard(self, ask: Ask, fetched: Fetched) -> None:
        server = ask.server
        if fetched.error is not None and fetched.isUnreached:
            if not fetched.isTrouble or not self._dispatcher.again(server):
                await self._giveUp(server, fetched.error)
            return
        now = self.now()
        if servers.answered(server, fetched.text, now, self._since):
            row = server.row
            await self._background.run(
                self._frontier.describeServer,
                *(row.id, row.rules, row.software, row.encoding, row.asked, row.capsUntil),
                server.address,
            )

    async def _giveUp(self, server: KnownServer, error: FetchError) -> None:
        """
        A server does not answer in this round.
        """
        self._dispatcher.drop(server)
        now = self.now()
        count = await self._background.run(
            self._frontier.failServer,
            *(server.row.id, self._round.number, str(error), statusOf(error), now),
            self._dueAfter(now),
        )
        self.tally.waiting -= count
        server.next = None
        due = self._dueAfter(now)
        if due is not None:
            self._dispatcher.due(server, due)
        self.tally.errors += 1
        what = "1 resource" if count == 1 else f"{count} resources"
        self._say(f"{error}: {what} of the host not asked for in this round")

    async def _record(self, ask: Ask, resource: ResourceRow, fetched: Fetched) -> None:
        server, number = ask.server, self._round.number
        every = self.plan.every

        def settle() -> Recorded:
            finding = fetched.settle(resource, every)
            return self._recorder.record(finding, number, finding.asked)

        recorded = await self._background.run(settle)
        finding = fetched.finding
        self.tally.waiting += recorded.documents + recorded.menus
        for each in recorded.servers:
            self._dueNow(each)
        if finding.due is not None:
            self._dispatcher.due(server, finding.due)
        if recorded.dropped:
            self._say(f"{ask.url}: {recorded.dropped} links are left out: too many are waiting")
        if finding.tries:
            return
        self.tally.verdicts[finding.verdict] += 1
        self.tally.errors += finding.verdict in ("failed", "truncated")
        self.tally.changed += finding.stored is not None and finding.stored.changed
        server.silent = server.silent + 1 if finding.isUnreached else 0
        if server.silent >= SILENT and fetched.error is not None:
            await self._giveUp(server, fetched.error)
        elif resource.verdict is None:
            saved = self._traps.watch(server, resource, fetched, recorded, self.now())
            if saved is not None:
                saved.addErrback(self.failed)
                # what waits is judged anew when it is loaded again
                server.taken.difference_update(each.id for each in server.queue)
                server.queue.clear()
                self._dispatcher.due(server, 0.0)

    # Servers and times.

    def _known(self, row: ServerRow) -> KnownServer:
        server = self._dispatcher.servers.get(row.id)
        if server is None:
            server = KnownServer(row, isGiven=sameHost(row.name) in self._given)
            self._dispatcher.know(server)
        return server

    def _dueNow(self, number: int) -> None:
        server = self._dispatcher.servers.get(number)
        if server is None:
            # its row is read before it is asked for anything
            server = self._known(ServerRow(number, "gopher", "", 70))
        self._dispatcher.due(server, self.now())

    def _unwanted(self, server: KnownServer, resource: ResourceRow) -> str | None:
        """
        Why a resource is not asked for in this round: empty if it is, C{None} for what the command
        line says.
        """
        url = resource.url(server.row)
        if not self._scope.includes(url, resource.depth):
            return None
        if server.rules is not None and not server.rules.allows(url.selector):
            return "robots.txt forbids it"
        return "it is in a trap" if self._traps.holds(server, resource) else ""

    @property
    def _since(self) -> float:
        """
        From when on a server's rules are new enough.
        """
        every = self.plan.every
        return self._round.begun if every is None else self.now() - every

    def _dueAfter(self, now: float) -> float | None:
        return None if self.plan.every is None else now + self.plan.every

    def _nextRound(self) -> None:
        """
        For a mirror that stays: what a round may have is counted anew.
        """
        if self.plan.every is None:
            return
        self._dispatcher.later(self.plan.every, self._nextRound)

        def begun(round: MirrorRound) -> None:
            self._round = round
            self.tally.round = round.number
            self.tally.asked = self.tally.roundBytes = 0
            self._dispatcher.reopen()

        started = self._background.run(self._frontier.nextRound, self.now())
        started.addCallback(begun).addErrback(self.failed)
