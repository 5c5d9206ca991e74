"""
What came of each request: it is recorded, and what follows from it is due.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.python.failure import Failure

from twisted_netdemo.gopher.errors import FetchError
from twisted_netdemo.gopher.mirror.crawl.dispatcher import Dispatcher
from twisted_netdemo.gopher.mirror.crawl.known_rules import KnownRules
from twisted_netdemo.gopher.mirror.crawl.trap_watch import TrapWatch
from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally
from twisted_netdemo.gopher.mirror.state.findings import FindingRecorder, Recorded
from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.round_time import RoundTime
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow
from twisted_netdemo.gopher.mirror.state.state_thread import Background
from twisted_netdemo.gopher.mirror.transfer import servers
from twisted_netdemo.gopher.mirror.transfer.asks import Ask, KnownServer
from twisted_netdemo.gopher.mirror.transfer.fetched import Fetched
from twisted_netdemo.gopher.mirror.transfer.mishaps import Mishaps, statusIn

#: So many resources in a row that nothing answered, each asked for several times: the host is down.
SILENT = 3


class Answers:
    """
    Takes what came of requests.
    """

    def __init__(
        self,
        frontier: Frontier,
        recorder: FindingRecorder,
        rules: KnownRules,
        background: Background,
        dispatcher: Dispatcher,
        round: RoundTime,
        traps: TrapWatch,
        mishaps: Mishaps,
        tally: MirrorTally,
        now: Callable[[], float],
        say: Callable[[str], None],
        isNowDue: Callable[[int], None],
        failed: Callable[[Failure], None],
    ) -> None:
        """
        @param isNowDue: called with the number of each server of which something new is due.
        @param failed: called if the mirror cannot go on.
        """
        self._frontier = frontier
        self._recorder = recorder
        self._rules = rules
        self._strangersFrom: set[int] = set()
        self._background = background
        self._dispatcher = dispatcher
        self._round = round
        self._traps = traps
        self._mishaps = mishaps
        self._tally = tally
        self._now = now
        self._say = say
        self._isNowDue = isNowDue
        self._failed = failed

    async def received(self, ask: Ask, fetched: Fetched) -> None:
        """
        Record what came.
        """
        try:
            try:
                await self._received(ask, fetched)
            except Exception as error:
                fetched.spoil(self._mishaps.at(ask.url, error))
                await self._received(ask, fetched)
        except Exception:
            self._failed(Failure())
            return
        if not fetched.isSpoiled:
            self._mishaps.none()
        if not fetched.isStopped:
            self._dispatcher.settled(ask)

    async def giveUp(self, server: KnownServer, error: FetchError) -> None:
        """
        A server does not answer in this round.
        """
        self._dispatcher.drop(server)
        now = self._now()
        due = self._round.dueAfter(now)
        count = await self._background.run(
            self._frontier.failServer,
            *(server.row.id, self._round.current.number, str(error), statusIn(error), now, due),
        )
        self._tally.waiting -= count
        server.next = None
        if due is not None:
            self._dispatcher.due(server, due)
        self._tally.errors += 1
        what = "1 resource" if count == 1 else f"{count} resources"
        self._say(f"{error}: {what} of the host not asked for in this round")

    def _sayStrangers(self, ask: Ask, count: int) -> None:
        """
        Say once of each server, and once at the limit, that links are left out.
        """
        isFull = self._recorder.isFull()
        number = 0 if isFull else ask.server.row.id
        if number in self._strangersFrom:
            return
        self._strangersFrom.add(number)
        what = "a link to a new host is" if count == 1 else f"{count} links to new hosts are"
        known, share = f"{self._recorder.maxHosts} hosts are known", self._recorder.share
        why = known if isFull else f"this host has led to {share} others, its share"
        self._say(f"{ask.url}: {what} left out: {why} (--max-hosts)")

    async def _received(self, ask: Ask, fetched: Fetched) -> None:
        if fetched.isStopped or ask.resource is None:
            await self._background.run(fetched.close)
        if fetched.isStopped:
            return
        if ask.resource is None:
            await self._heard(ask, fetched)
        else:
            await self._record(ask, ask.resource, fetched)

    async def _heard(self, ask: Ask, fetched: Fetched) -> None:
        server = ask.server
        if fetched.error is not None and (fetched.isUnreached or fetched.isSpoiled):
            if not fetched.isTrouble or not self._dispatcher.again(server):
                await self.giveUp(server, fetched.error)
            return
        if not servers.answered(server, fetched.text, self._now(), self._round.since):
            return
        row, rules = server.row, server.rules
        server.rules = None

        def describe() -> None:
            text = None if rules is None else rules.text
            self._frontier.describeServer(row, text, server.address)
            if rules is not None:
                self._rules.keep(row.id, rules)

        await self._background.run(describe)

    async def _record(self, ask: Ask, resource: ResourceRow, fetched: Fetched) -> None:
        server, round = ask.server, self._round

        def settle() -> Recorded:
            finding = fetched.settle(resource, round.every)
            return self._recorder.record(
                finding, round.current.number, finding.asked, server.isGiven
            )

        recorded = await self._background.run(settle)
        finding = fetched.finding
        self._tally.waiting += recorded.documents + recorded.menus
        for each in recorded.servers:
            self._isNowDue(each)
        if finding.due is not None:
            self._dispatcher.due(server, finding.due)
        if recorded.dropped:
            self._say(f"{ask.url}: {recorded.dropped} links are left out: too many are waiting")
        if recorded.strangers:
            self._sayStrangers(ask, recorded.strangers)
        if finding.tries:
            return
        self._tally.verdicts[finding.verdict] += 1
        self._tally.errors += finding.verdict in ("failed", "truncated")
        self._tally.changed += finding.stored is not None and finding.stored.changed
        if fetched.isSpoiled:
            self._say(f"{ask.url}: {fetched.error}")
        server.silent = server.silent + 1 if finding.isUnreached else 0
        if server.silent >= SILENT and fetched.error is not None:
            await self.giveUp(server, fetched.error)
        elif resource.verdict is None:
            saved = self._traps.watch(server, resource, fetched, recorded, self._now())
            if saved is not None:
                saved.addErrback(self._failed)
                # what waits is judged anew when it is loaded again
                server.taken.difference_update(each.id for each in server.queue)
                server.queue.clear()
                self._dispatcher.due(server, 0.0)
