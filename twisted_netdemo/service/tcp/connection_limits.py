"""
How many connections there may be, in all and from one client.

Pure.
"""

from __future__ import annotations

import socket
from collections.abc import Hashable
from math import inf
from typing import Literal

from twisted_netdemo.service.addresses import plainHost

Refusal = Literal["client", "full"]


def clientOf(host: str) -> Hashable:
    """
    What counts as one client: an IPv4 address (a mapped one too), or the /64 of an IPv6 address,
    which is what one household or machine is given (RFC 6177 2, RFC 4291 2.5.4).

    @param host: an IP address as text, with C{%scope} where it has one.
    """
    if ":" not in host:
        return host
    host = plainHost(host)
    if ":" not in host:
        return host
    address, _, scope = host.partition("%")
    return socket.inet_pton(socket.AF_INET6, address)[:8], scope


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

        @param client: L{clientOf} its host; C{None} counts in the total alone.
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
