"""
How many connections there may be, in all and from one client.

Pure.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from typing import Literal

Refusal = Literal["client", "full"]


class ConnectionLimits:
    """
    Counts the connections that are there, and says which one is too many. 0 is no limit.
    """

    def __init__(self, total: int = 0, perClient: int = 0) -> None:
        self.total = total or inf
        self.perClient = perClient or inf
        self.present = 0
        self._clients: dict[Hashable, int] = {}

    def enter(self, client: Hashable | None) -> Refusal | None:
        """
        Count a connection in; or do not, and say which limit forbids it.

        @param client: what L{clientOf<twisted_netdemo.service.networks.clientOf>} returns for its
            host; C{None} counts in the total alone.
        """
        here = self._clients.get(client, 0)
        if here >= self.perClient:
            return "client"
        if self.present >= self.total:
            return "full"
        self.present += 1
        if client is not None:
            self._clients[client] = here + 1
        return None

    def leave(self, client: Hashable | None) -> None:
        """
        Count a connection out that was counted in.
        """
        self.present -= 1
        if client is not None:
            here = self._clients[client] - 1
            if here:
                self._clients[client] = here
            else:
                del self._clients[client]
