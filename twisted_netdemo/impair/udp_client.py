"""
A client of the relay, its own socket to the target, and its datagrams on their way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from twisted_netdemo.faults.link import Lane
from twisted_netdemo.faults.model import Direction, Fate, Fates
from twisted_netdemo.impair.ground_truth import Tally
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
        How many datagrams the system threw away because they came faster than they were read.
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
        @param received: called with each datagram that comes back.
        @param failed: told why a datagram could not be sent.
        @param refused: told why one was not taken that had been sent; which one, nobody knows.
        @raise OSError: there is none to be had.
        """


# The headers of IPv4 or IPv6, and that of UDP.
_HEADER, _HEADER6 = 28, 48


class Passage:
    """
    One client's datagrams in one direction.

    @ivar header: what one weighs at the bottleneck beside its payload, in octets.
    @ivar isClear: whether nothing ever befalls them, so that they pass at once.
    @ivar lane: its way through the link.
    @ivar send: passes a copy to the system; whether that has taken it.
    @ivar n: the number of the next one to come.
    @ivar left: how many copies have left.
    """

    __slots__ = (
        "client",
        "direction",
        "fates",
        "header",
        "isClear",
        "lane",
        "left",
        "n",
        "send",
        "tally",
    )

    def __init__(
        self,
        client: Client,
        direction: Direction,
        fates: Fates,
        lane: Lane[Parcel],
        send: Callable[[bytes], bool],
        tally: Tally,
        isClear: bool,
    ) -> None:
        self.client = client
        self.direction = direction
        self.fates = fates
        self.lane = lane
        self.send = send
        self.tally = tally
        self.isClear = isClear
        self.header = _HEADER6 if ":" in client.source[0] else _HEADER
        self.n = 0
        self.left = 0


class Parcel(NamedTuple):
    """
    A datagram under way.

    @ivar data: as it was received.
    @ivar n: its number in its passage, from 0.
    @ivar received: when it came.
    """

    passage: Passage
    data: bytes
    n: int
    fate: Fate
    received: float


class Client:
    """
    A client, from its first datagram until it is forgotten.

    @ivar source: its address and port.
    @ivar name: the same as text.
    @ivar destination: the address it last wrote to, which answers leave from.
    @ivar last: when anything last came from it or for it.
    @ivar isForgotten: whether nothing is relayed any more, and what the target still answers is
        only counted.
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
    up: Passage
    down: Passage

    def __init__(self, source: Address) -> None:
        self.source = source
        self.name = hostPort(*source)
        self.destination: str | None = None
        self.last = 0.0
        self.isForgotten = False
