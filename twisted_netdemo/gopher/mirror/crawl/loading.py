"""
Loading what is due of a server, without what is not to be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from twisted_netdemo.gopher.mirror.crawl.known_rules import KnownRules
from twisted_netdemo.gopher.mirror.crawl.trap_watch import TrapWatch
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.state.findings import FindingRecorder
from twisted_netdemo.gopher.mirror.state.frontier import DueResources, Frontier
from twisted_netdemo.gopher.mirror.state.interruption import Interruption
from twisted_netdemo.gopher.mirror.state.round_time import RoundTime
from twisted_netdemo.gopher.mirror.state.rows import Finding, ResourceRow
from twisted_netdemo.gopher.mirror.transfer.asks import KnownServer
from twisted_netdemo.gopher.mirror.transfer.mishaps import Mishap, Mishaps

_LOOK = 16


@dataclass
class Loaded:
    """
    @ivar due: what is to be asked for.
    @ivar left: how many resources are not, in this round.
    @ivar failed: those that could not be judged, and why.
    """

    due: DueResources
    left: int = 0
    failed: list[tuple[ResourceRow, Mishap]] = field(default_factory=list)


class Loading:
    """
    Everything here runs in the frontier's thread.
    """

    def __init__(
        self,
        frontier: Frontier,
        recorder: FindingRecorder,
        scope: Scope,
        rules: KnownRules | None,
        traps: TrapWatch,
        round: RoundTime,
        interruption: Interruption,
    ) -> None:
        """
        @param rules: C{None} if no server's are obeyed.
        """
        self._frontier = frontier
        self._recorder = recorder
        self._scope = scope
        self._rules = rules
        self._traps = traps
        self._round = round
        self._interruption = interruption
        self._mishaps = Mishaps()

    def load(self, server: KnownServer, now: float, taken: Collection[int], limit: int) -> Loaded:
        """
        Load what is to be asked for.

        @param taken: the numbers of resources that have been taken before.
        """
        return self._load(server, now, taken, limit, self._unwanted)

    def look(self, server: KnownServer, now: float, taken: Collection[int]) -> Loaded:
        """
        Load a little of what belongs to the mirror, whatever the server's rules: if nothing does,
        it is not even asked for these.
        """
        return self._load(server, now, taken, _LOOK, self._outside)

    def _load(
        self,
        server: KnownServer,
        now: float,
        taken: Collection[int],
        limit: int,
        judge: Callable[[KnownServer, ResourceRow], str | None],
    ) -> Loaded:
        loaded = Loaded(DueResources([], None))
        while True:
            found = self._frontier.take(server.row.id, now, taken, limit)
            kept: list[ResourceRow] = []
            left: dict[str | None, list[ResourceRow]] = {}
            for resource in found.resources:
                try:
                    reason = judge(server, resource)
                except Exception as error:
                    self._fail(loaded, resource, self._mishaps.at(resource.request, error), now)
                    continue
                self._mishaps.none()
                if reason == "":
                    kept.append(resource)
                else:
                    left.setdefault(reason, []).append(resource)
            for reason, resources in left.items():
                self._frontier.leave(resources, self._round.dueAfter(now), reason)
                loaded.left += len(resources)
            if kept or not found.resources or self._interruption.isSet:
                loaded.due = DueResources(kept, found.next)
                return loaded

    def _fail(self, loaded: Loaded, resource: ResourceRow, mishap: Mishap, now: float) -> None:
        due = self._round.dueAfter(now)
        finding = Finding(resource, "failed", now, str(mishap), mishap.status, due)
        self._recorder.record(finding, self._round.current.number, now)
        loaded.failed.append((resource, mishap))

    def _unwanted(self, server: KnownServer, resource: ResourceRow) -> str | None:
        """
        Why a resource is not asked for in this round: empty if it is, C{None} for what the command
        line says.
        """
        if self._outside(server, resource) is None:
            return None
        url = resource.url(server.row)
        if self._rules is not None and not self._rules.of(server.row.id).allows(url.selector):
            return "robots.txt forbids it"
        return "it is in a trap" if self._traps.holds(server, resource) else ""

    def _outside(self, server: KnownServer, resource: ResourceRow) -> str | None:
        """
        C{None} if the command line leaves a resource out.
        """
        return "" if self._scope.includes(resource.url(server.row), resource.depth) else None
