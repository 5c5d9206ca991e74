"""
A client of the relay, its own socket to the target, and its datagrams on their way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from twisted_netdemo.faults.link import FlowQueue
from twisted_netdemo.faults.model import Conditions, Fate, Fates
from twisted_netdemo.faults.trigger import Direction
from twisted_netdemo.impair.truth_lines import DirectionTally
from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.host_port import hostPort


class Connection(Protocol):
    """
    A client's own socket to the target.
    """

    def send(self, data: bytes) -> bool:
        """
        @return: whether the system has taken it.
        """

    def dropped(self) -> int | None:
        """
        How many datagrams the system dropped because they came faster than they were read.
        """

    def close(self) -> None:
        """
        Send and receive no more.
        """


class Connect(Protocol):
    """
    Makes a client's socket to the target.
    """

    def __call__(
        self,
        received: Callable[[bytes], None],
        failed: Callable[[OSError], None],
        refused: Callable[[OSError], None],
    ) -> Connection:
        """
        @param received: called with each datagram from the target.
        @param failed: called when a datagram could not be sent, with the reason.
        @param refused: called when the target's system has refused an earlier datagram, with the
            reason; it does not say which one.
        @raise OSError: there is no socket left, or no route to the target.
        """


# The headers of IPv4 or IPv6, and that of UDP.
_HEADER, _HEADER6 = 28, 48


class DirectionState:
    """
    One client's datagrams in one direction.

    @ivar conditions: how bad the direction is.
    @ivar header: the octets of headers that each one has at the bottleneck beside its payload.
    @ivar flow: its queue in the link.
    @ivar send: passes a copy to the system, and returns whether that has taken it.
    @ivar n: the number of the next one to come.
    @ivar left: how many copies have left.
    """

    __slots__ = (
        "client",
        "conditions",
        "direction",
        "fates",
        "flow",
        "header",
        "left",
        "n",
        "send",
        "tally",
    )

    def __init__(
        self,
        client: Client,
        direction: Direction,
        conditions: Conditions,
        fates: Fates,
        flow: FlowQueue[InFlight],
        send: Callable[[bytes], bool],
        tally: DirectionTally,
    ) -> None:
        self.client = client
        self.direction = direction
        self.conditions = conditions
        self.fates = fates
        self.flow = flow
        self.send = send
        self.tally = tally
        self.header = _HEADER6 if ":" in client.source[0] else _HEADER
        self.n = 0
        self.left = 0


class InFlight(NamedTuple):
    """
    A datagram under way.

    @ivar data: as it was received.
    @ivar n: its number in its client and direction, from 0.
    @ivar received: when it came.
    """

    state: DirectionState
    data: bytes
    n: int
    fate: Fate
    received: float


class Client:
    """
    A client of the relay, from its first datagram until the relay forgets it.

    @ivar source: its address and port.
    @ivar name: the same as text.
    @ivar destination: the address that it last wrote to; answers leave from there.
    @ivar last: when a datagram last came from it or for it.
    @ivar isForgotten: whether it is relayed no more, and the target's late answers are only
        counted.
    """

    __slots__ = (
        "connection",
        "destination",
        "down",
        "isForgotten",
        "last",
        "name",
        "source",
        "up",
    )

    connection: Connection
    up: DirectionState
    down: DirectionState

    def __init__(self, source: Address) -> None:
        self.source = source
        self.name = hostPort(*source)
        self.destination: str | None = None
        self.last = 0.0
        self.isForgotten = False
