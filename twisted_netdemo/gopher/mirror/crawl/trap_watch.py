"""
Watching for traps: the line about one, and its row in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally
from twisted_netdemo.gopher.mirror.rules.traps import Answered, Trap, Traps
from twisted_netdemo.gopher.mirror.state.findings import Recorded
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow
from twisted_netdemo.gopher.mirror.state.state_thread import Background
from twisted_netdemo.gopher.mirror.state.trap_table import TrapTable
from twisted_netdemo.gopher.mirror.transfer.asks import KnownServer
from twisted_netdemo.gopher.mirror.transfer.fetched import Fetched
from twisted_netdemo.gopher.url import GopherURL
from twisted_netdemo.service.host_port import hostPort


class TrapWatch:
    """
    @param say: called with a line for each trap.
    """

    def __init__(
        self,
        table: TrapTable,
        background: Background,
        tally: MirrorTally,
        say: Callable[[str], None],
    ) -> None:
        self._table = table
        self._background = background
        self._tally = tally
        self._say = say
        self._traps = Traps()

    def load(self, urls: Iterable[GopherURL]) -> None:
        """
        Take up the traps of before, in the thread of the database.

        @param urls: what is asked for by the user is in no trap.
        """
        self._table.lift(urls)
        self._traps = Traps(self._table.known())

    def holds(self, server: KnownServer, resource: ResourceRow) -> bool:
        """
        Whether a resource is in a trap.
        """
        if not server.isGiven and self._traps.holdsServer(server.row.id, _where(server)):
            return True
        return self._traps.holds(resource)

    def watch(
        self,
        server: KnownServer,
        resource: ResourceRow,
        fetched: Fetched,
        recorded: Recorded,
        now: float,
    ) -> Deferred[None] | None:
        """
        A resource has been asked for the first time.

        @return: if a trap is recognised by it, a L{Deferred} that fires when it is recorded.
        """
        answer = Answered(
            server.row.id,
            _where(server),
            resource,
            fetched.likeness,
            fetched.isMenu,
            recorded.documents,
            recorded.menus,
            server.isGiven,
        )
        trap = self._traps.answered(answer)
        if trap is None:
            return None
        self._tally.traps += 1
        self._say(_line(server, resource, trap))
        return self._background.run(self._table.add, *trap.key, trap.words, now)


def _where(server: KnownServer) -> str:
    return hostPort(server.address, server.row.port)


def _line(server: KnownServer, resource: ResourceRow, trap: Trap) -> str:
    _, kind, prefix = trap.key
    where = f"{server.row.scheme}://{hostPort(server.row.name, server.row.port)}"
    if kind == "path":
        where += f", below {prefix!r}"
    elif kind == "address":
        where = f"the address {prefix.decode()}"
    elif kind == "link":
        where += f", what leads to {resource.request!r}"
    return f"trap: {where}: {trap.words}; nothing more is asked for there"
