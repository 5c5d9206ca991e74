"""
What is asked for next, and of which server.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappush

from twisted_netdemo.gopher.mirror.rules.address_turn import AddressTurn
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow, ServerRow
from twisted_netdemo.gopher.scrapy.robots_rules import RobotsRules
from twisted_netdemo.gopher.url import GopherURL


class Stage(Enum):
    """
    What a server is at in this round.
    """

    NEW = "new"
    RESOLVING = "resolving"
    #: it is asked for robots.txt and caps.txt
    RULES = "rules"
    READY = "ready"


@dataclass(eq=False)
class Ask:
    """
    A request that is to be sent.

    @ivar resource: what is asked for; C{None} for the server's rules and C{caps.txt}.
    """

    server: KnownServer
    url: GopherURL
    resource: ResourceRow | None = None


@dataclass(eq=False, slots=True)
class KnownServer:
    """
    A server in this process.

    @ivar lane: where its requests queue; C{None} before its address is known.
    @ivar rules: what it said of robots, until that is recorded.
    @ivar allowsCaps: whether its rules, if they are known, allow C{caps.txt}.
    @ivar preface: what is asked for before its resources.
    @ivar texts: what came of the preface, by selector.
    @ivar queue: resources that are due.
    @ivar taken: the numbers of those in the queue or under way.
    @ivar next: when, in seconds since the epoch, another is due; C{None} for never.
    @ivar isLoading: whether the database is being asked for more.
    @ivar isAsking: whether a request of the preface is under way, or waits to be repeated.
    @ivar isPausing: whether it waits to be repeated.
    @ivar tries: how often a request of the preface has failed.
    @ivar silent: how many resources in a row were given up since nothing answered.
    @ivar isCounted: whether it is among the hosts that were asked since the start.
    @ivar address: one of its addresses.
    @ivar isGiven: whether it is one that the mirror was given.
    """

    row: ServerRow
    isGiven: bool = False
    stage: Stage = Stage.NEW
    lane: Lane | None = None
    rules: RobotsRules | None = None
    allowsCaps: bool = True
    preface: deque[GopherURL] = field(default_factory=deque)
    texts: dict[bytes, str] = field(default_factory=dict)
    queue: deque[ResourceRow] = field(default_factory=deque)
    taken: set[int] = field(default_factory=set)
    next: float | None = None
    isLoading: bool = False
    isAsking: bool = False
    isPausing: bool = False
    tries: int = 0
    silent: int = 0
    isCounted: bool = False
    address: str = ""

    @property
    def hasWork(self) -> bool:
        """
        Whether it can be asked for something.
        """
        if self.stage is Stage.RULES:
            return bool(self.preface) and not self.isAsking
        return self.stage is Stage.READY and bool(self.queue)

    def pop(self) -> Ask:
        """
        What is asked for next.
        """
        if self.stage is Stage.RULES:
            self.isAsking = True
            return Ask(self, self.preface[0])
        resource = self.queue.popleft()
        return Ask(self, resource.url(self.row), resource)


class Lane:
    """
    The queue of an address: its servers take turns.
    """

    def __init__(self, turn: AddressTurn, number: int) -> None:
        self.turn = turn
        self.number = number
        self.servers: deque[KnownServer] = deque()
        self.isQueued = False
        self._into: Lane | None = None

    def found(self) -> Lane:
        """
        This lane, or the one that it was joined to.
        """
        lane = self
        while lane._into is not None:
            lane = lane._into
        return lane

    def joinTo(self, other: Lane) -> None:
        """
        The servers of both share an address.
        """
        other.turn.join(self.turn)
        for server in self.servers:
            server.lane = other
            other.servers.append(server)
        self.servers.clear()
        self._into = other

    def pop(self) -> Ask | None:
        """
        What is asked for next; C{None} if there is nothing.
        """
        for _ in range(len(self.servers)):
            server = self.servers[0]
            self.servers.rotate(-1)
            if server.hasWork:
                return server.pop()
        return None

    @property
    def hasWork(self) -> bool:
        """
        Whether one of its servers can be asked for something.
        """
        return any(server.hasWork for server in self.servers)


class Queue:
    """
    Lanes in the order in which their next requests may start.
    """

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Lane]] = []

    def add(self, lane: Lane) -> None:
        """
        Have a lane's turn come, if it has a connection and something to ask for.
        """
        lane = lane.found()
        if not lane.isQueued and lane.turn.isFree and lane.hasWork:
            lane.isQueued = True
            heappush(self.heap, (lane.turn.notBefore, lane.number, lane))
