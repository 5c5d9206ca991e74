"""
What a dispatcher asks for, and whom it tells.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_netdemo.gopher.mirror.state.frontier import DueResources
from twisted_netdemo.gopher.mirror.transfer.asks import Ask, KnownServer


class Guide(Protocol):
    """
    What the dispatcher asks for, and tells.
    """

    def now(self) -> float:
        """
        Seconds since the epoch.
        """

    def resolve(self, server: KnownServer) -> Deferred[list[str]]:
        """
        @return: fires with the server's addresses, or with none if nothing of it is to be asked for
            now, and its C{next} says when; fails if it has none.
        """

    def load(self, server: KnownServer, limit: int) -> Deferred[DueResources]:
        """
        @return: fires with resources that are due and that are to be asked for.
        """

    def prepare(self, server: KnownServer) -> None:
        """
        A server's turn has come for the first time in a round: set its C{preface}.
        """

    def unreachable(self, server: KnownServer, reason: Failure) -> Deferred[None]:
        """
        A server has no address.

        @return: fires when none of its resources is due.
        """

    def isStale(self, server: KnownServer) -> bool:
        """
        Whether a server is to be asked for its rules again.
        """

    def mayStart(self, ask: Ask) -> bool:
        """
        Whether another request may be sent in this round; if not, no other may be either.
        """

    def send(self, ask: Ask) -> None:
        """
        Send a request. L{Dispatcher.ended} and L{Dispatcher.settled} are called later.
        """

    def over(self) -> None:
        """
        Nothing is under way, and nothing is due, now or later, or may be sent.
        """

    def failed(self, reason: Failure) -> None:
        """
        The mirror cannot go on.
        """
