"""
The table of traps: branches of which nothing more is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_netdemo.gopher.mirror.state.frontier import Frontier, requestOf
from twisted_netdemo.gopher.url import GopherURL


class TrapTable:
    """
    Everything here runs in the frontier's thread.
    """

    def __init__(self, frontier: Frontier) -> None:
        self._frontier = frontier

    def add(self, server: int, kind: str, prefix: bytes, reason: str, now: float) -> None:
        """
        Keep in mind that a branch is a trap, and forget what of it was never asked for.
        """
        inBranch = {
            "path": ("host = ? AND substr(request, 1, ?) = ?", (server, len(prefix), prefix)),
            "link": ("host = ? AND branch = CAST(CAST(? AS TEXT) AS INTEGER)", (server, prefix)),
            "name": ("host = ?", (server,)),
        }.get(kind)
        with self._frontier.transaction() as database:
            if inBranch is not None:
                where, values = inBranch
                unasked = f"{where} AND verdict IS NULL AND is_start = 0"
                database.execute(
                    f"DELETE FROM link WHERE target IN (SELECT id FROM resource WHERE {unasked})",
                    values,
                )
                database.execute(f"DELETE FROM resource WHERE {unasked}", values)
            database.execute(
                "INSERT OR REPLACE INTO trap VALUES (?, ?, ?, ?, ?)",
                (server, kind, prefix, reason, now),
            )

    def known(self) -> list[tuple[int, str, bytes]]:
        """
        The branches that are traps.
        """
        return self._frontier.database.execute("SELECT host, kind, prefix FROM trap").fetchall()

    def lift(self, urls: Iterable[GopherURL]) -> None:
        """
        A branch that a URL of the user's is in is no trap.
        """
        with self._frontier.transaction() as database:
            for url in urls:
                server = self._frontier.serverOf(url.scheme, url.host, url.port)
                database.execute(
                    "DELETE FROM trap WHERE host = ? AND (kind = 'name' OR "
                    "(kind = 'path' AND substr(?, 1, length(prefix)) = prefix))",
                    (server, requestOf(url)),
                )
