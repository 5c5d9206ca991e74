"""
One direction of a relayed TCP connection: bytes and events travel from one end to the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeAlias

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.model import Conditions, Fates
from twisted_netdemo.faults.scheduler import Scheduler
from twisted_netdemo.impair.stream_faults import Event, StreamFaults
from twisted_netdemo.impair.truth_lines import ByteTally

#: How many bytes pass a bottleneck in one go: a usual packet.
PACKET = 1500

#: How many of them are headers: those of IPv4 or IPv6, and TCP's with its timestamps (RFC 7323).
HEADER, HEADER6 = 52, 72

# How many bytes may be under way: as many as fit on the line and into a router's queue.
_QUEUE = 1 << 16
_MOST = 1 << 22
_FAST = 1e9 / 8  # bytes a second, where the user gave no rate

# The bytes under way are bounded for each connection: its source has to wait.
_UNBOUNDED = 1 << 62


class Source(Protocol):
    """
    The end that sends.
    """

    def reads(self, wanted: bool) -> None:
        """
        Receive, or leave received data to the system.
        """


class Sink(Protocol):
    """
    The end that receives. It calls L{Pipe.resume} each time the system has taken all.
    """

    def write(self, data: bytes) -> None:
        """
        Send, when the system takes it.
        """


class Way:
    """
    One direction of a relay of connections, with all that the connections share in it.

    @ivar conditions: how bad it is.
    @ivar faults: what happens to the stream of each connection.
    @ivar scheduler: delays what is under way.
    @ivar tally: the bytes of all connections.
    @ivar isCut: whether nothing arrives at the moment.
    """

    def __init__(
        self, impairments: Impairments, faults: StreamFaults, reactor: IReactorTime
    ) -> None:
        self.conditions = Conditions(replace(impairments, queue=_UNBOUNDED))
        self.faults = faults
        self.scheduler = Scheduler[Item](self.conditions, reactor, _arrive, _UNBOUNDED)
        self.tally = ByteTally()
        self.isCut = False


def _arrive(item: Item) -> None:
    pipe, what = item
    pipe.arrive(what)


class Pipe:
    """
    The way from a source to a sink, for one connection.

    @ivar source: the end that sends, once it is connected.
    @ivar sink: the end that receives, once it is connected.
    @ivar tally: the bytes of this connection.
    """

    def __init__(
        self, way: Way, fates: Fates, happen: Callable[[Event], None], header: int = HEADER
    ) -> None:
        """
        @param happen: called when an event arrives: after the system has taken the bytes before it,
            but for C{open} and C{lost}, which do not wait.
        @param header: how many bytes of headers a segment, or an event, has at the bottleneck.
        """
        self.source: Source | None = None
        self.sink: Sink | None = None
        self.tally = ByteTally()
        self._way = way
        self._flow = way.scheduler.flow()
        self._fates = fates
        self._happen = happen
        self._header = header
        self._n = 0
        self._entered = 0
        self._underWay = 0
        self._isOver = False
        self._isStopped = False
        self._arrived: deque[bytes | Event] = deque()
        self._held: deque[bytes | Event] = deque()
        self._writing = 0
        self._isIdle = False
        self._asked: tuple[int, Event] | None = None
        self._last: tuple[int, Event] | None = None
        self.adapt()

    def adapt(self) -> None:
        """
        Go on with the figures that the way has now. Bytes under way keep their times and pieces.
        """
        impairments, faults = self._way.conditions.impairments, self._way.faults
        self._piece = faults.slice or (PACKET - self._header if impairments.rate else None)
        self._joins = faults.slice is None
        line = (_FAST if impairments.rate is None else impairments.rate / 8) * (
            impairments.delay + impairments.jitter
        )
        self._most = min(_MOST, _QUEUE + int(line))
        asked = faults.last()
        if asked != self._asked:
            self._asked = asked
            self._last = None if asked is None else (self._entered + asked[0], asked[1])
        self.regulate()

    def send(self, data: bytes) -> None:
        """
        Let bytes set out.
        """
        for tally in (self.tally, self._way.tally):
            tally.received += len(data)
        last = self._last
        if last is not None:
            data = data[: last[0] - self._entered]
        self._entered += len(data)
        piece = self._piece or len(data)
        for start in range(0, len(data), piece or 1):
            self._enter(data[start : start + piece])
        if last is not None and self._entered >= last[0]:
            self.tell(last[1])
            self._isOver = True
        self.regulate()

    def tell(self, event: Event) -> None:
        """
        Let an event set out.
        """
        self._enter(event)

    def _enter(self, what: bytes | Event) -> None:
        if self._isOver or self._isStopped:
            return
        octets = len(what) if isinstance(what, bytes) else 0
        self._underWay += octets
        fate = self._fates.next(self._n)
        self._n += 1
        self._way.scheduler.enter(self._flow, (self, what), self._header + octets, fate)

    def regulate(self) -> None:
        """
        Let the source send while there is a sink, and room, and only then.
        """
        if self.source is not None and self.sink is not None:
            isOver = self._isOver or self._isStopped
            self.source.reads(not isOver and self._underWay < self._most)

    def stop(self) -> None:
        """
        Let no byte arrive any more.
        """
        self._isStopped = True
        self._arrived.clear()
        self._held = deque(each for each in self._held if isinstance(each, str))

    def arrive(self, what: bytes | Event) -> None:
        """
        Take bytes or an event that have come to the end of their way. While the way is cut they
        wait there.
        """
        if self._way.isCut:
            if not self._isStopped or isinstance(what, str):
                self._held.append(what)
        elif what == "open" or what == "lost":
            self._happen(what)
        elif not self._isStopped:
            self._arrived.append(what)
            if self._isIdle:
                self.resume()

    def heal(self) -> None:
        """
        Let arrive what has waited, since the way is no longer cut.
        """
        held, self._held = self._held, deque()
        for what in held:
            self.arrive(what)
        if self._isIdle:
            self.resume()

    def resume(self) -> None:
        """
        Go on, since the system has taken all that the sink has written.
        """
        self._isIdle = True
        self._underWay -= self._writing
        for tally in (self.tally, self._way.tally):
            tally.out += self._writing
        self._writing = 0
        if self._arrived and self.sink is not None and not self._way.isCut:
            first = self._arrived.popleft()
            if isinstance(first, bytes):
                pieces = [first]
                while self._joins and self._arrived:
                    following = self._arrived[0]
                    if not isinstance(following, bytes):
                        break
                    pieces.append(following)
                    self._arrived.popleft()
                data = b"".join(pieces)
                self._isIdle = False
                self._writing = len(data)
                self.sink.write(data)
            else:
                self._happen(first)
        self.regulate()


#: Bytes or an event under way, and their pipe.
Item: TypeAlias = tuple[Pipe, bytes | Event]
