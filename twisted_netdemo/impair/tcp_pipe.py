"""
One direction of a relayed TCP connection: bytes and events travel from one end to the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.model import Fates
from twisted_netdemo.faults.scheduler import Scheduler

#: How many bytes pass a bottleneck in one go: a usual packet.
PACKET = 1500

#: How many of them are headers: those of IPv4 or IPv6, and TCP's with its timestamps (RFC 7323).
HEADER, HEADER6 = 52, 72

# How many bytes may be under way: as many as fit on the line and into a router's queue.
_QUEUE = 1 << 16
_MOST = 1 << 22
_FAST = 1e9 / 8  # bytes a second, where the user gave no rate

#: Events that travel with the bytes: the connection is opened (SYN), has been half-closed (FIN), is
#: lost (RST); the relay is to reset it, or let it fall silent.
Event: TypeAlias = Literal["open", "end", "lost", "reset", "hang"]


@dataclass(frozen=True)
class StreamFaults:
    """
    The faults of one direction of a connection beside delay and rate.

    @ivar slice: the largest piece, in bytes, or C{None}.
    @ivar resetAfter: the relay resets the connection after so many bytes; C{None} for never.
    @ivar hangAfter: after so many bytes nothing passes any more; C{None} for never.
    """

    slice: int | None = None
    resetAfter: int | None = None
    hangAfter: int | None = None

    def last(self) -> tuple[int, Event] | None:
        """
        After how many bytes it is over, and with which event.
        """
        ends: list[tuple[int, Event]] = []
        if self.resetAfter is not None:
            ends.append((self.resetAfter, "reset"))
        if self.hangAfter is not None:
            ends.append((self.hangAfter, "hang"))
        return min(ends, default=None)


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


class Pipe:
    """
    The way from a source to a sink.

    @ivar source: the end that sends, once it is connected.
    @ivar sink: the end that receives, once it is connected.
    """

    def __init__(
        self,
        scheduler: Scheduler[Item],
        fates: Fates,
        impairments: Impairments,
        faults: StreamFaults,
        happen: Callable[[Event], None],
        header: int = HEADER,
    ) -> None:
        """
        @param happen: called when an event arrives: after the system has taken the bytes before it,
            but for C{open} and C{lost}, which do not wait.
        @param header: how many bytes of headers a segment, or an event, has at the bottleneck.
        """
        self.source: Source | None = None
        self.sink: Sink | None = None
        self._scheduler = scheduler
        self._flow = scheduler.flow()
        self._fates = fates
        self._happen = happen
        self._header = header
        self._piece = faults.slice or (PACKET - header if impairments.rate else None)
        self._joins = faults.slice is None
        self._last = faults.last()
        line = (_FAST if impairments.rate is None else impairments.rate / 8) * (
            impairments.delay + impairments.jitter
        )
        self._most = min(_MOST, _QUEUE + int(line))
        self._n = 0
        self._entered = 0
        self._underWay = 0
        self._isOver = False
        self._isStopped = False
        self._arrived: deque[bytes | Event] = deque()
        self._writing = 0
        self._isIdle = False

    def send(self, data: bytes) -> None:
        """
        Let bytes set out.
        """
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
        self._scheduler.enter(self._flow, (self, what), self._header + octets, fate)

    def regulate(self) -> None:
        """
        Let the source send while there is room, and only then.
        """
        if self.source is not None:
            isOver = self._isOver or self._isStopped
            self.source.reads(not isOver and self._underWay < self._most)

    def stop(self) -> None:
        """
        Let nothing arrive any more.
        """
        self._isStopped = True
        self._arrived.clear()

    def arrive(self, what: bytes | Event) -> None:
        """
        Take bytes or an event that have come to the end of their way.
        """
        if what == "open" or what == "lost":
            self._happen(what)
        elif not self._isStopped:
            self._arrived.append(what)
            if self._isIdle:
                self.resume()

    def resume(self) -> None:
        """
        Go on, since the system has taken all that the sink has written.
        """
        self._isIdle = True
        self._underWay -= self._writing
        self._writing = 0
        if self._arrived and self.sink is not None:
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
