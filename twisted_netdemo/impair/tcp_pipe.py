"""
One direction of a relayed TCP connection: bytes and events on their way from one end to the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.model import Fates
from twisted_netdemo.faults.scheduler import Scheduler

#: What passes a bottleneck in one go: a usual packet, in bytes.
PACKET = 1500

#: How much of it is header: that of IPv4 or IPv6, and TCP's with its timestamps (RFC 7323).
HEADER, HEADER6 = 52, 72

# How many bytes may be under way: what fits on the line, and a router's queue.
_QUEUE = 1 << 16
_MOST = 1 << 22
_FAST = 1e9 / 8  # bytes a second, where no rate is asked for

#: What travels with the bytes: the connection is opened (SYN), has been half-closed (FIN), is lost
#: (RST); it shall be reset here, or fall silent.
Event: TypeAlias = Literal["open", "end", "lost", "reset", "hang"]


@dataclass(frozen=True)
class StreamFaults:
    """
    What is done to one direction of a connection beside delay and rate.

    @ivar slice: the largest piece, in bytes, or C{None}.
    @ivar resetAfter: after how many bytes the connection is reset, or C{None}.
    @ivar hangAfter: after how many bytes nothing passes any more, or C{None}.
    """

    slice: int | None = None
    resetAfter: int | None = None
    hangAfter: int | None = None

    def last(self) -> tuple[int, Event] | None:
        """
        After how many bytes it is over, and how.
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
        Receive, or leave what comes to the system.
        """


class Sink(Protocol):
    """
    The end that is sent to. It calls L{Pipe.resume} each time the system has taken all.
    """

    def write(self, data: bytes) -> None:
        """
        Send, when the system takes it.
        """


class Pipe:
    """
    The way from a source to a sink.

    @ivar source: who sends, once connected.
    @ivar sink: who is sent to, once connected.
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
        @param header: what a segment, or an event, weighs at the bottleneck beside its bytes.
        @param happen: called when an event arrives: after the bytes before it have been passed to
            the system, but for C{open} and C{lost}, which wait for nobody.
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
        Bytes set out.
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
        An event sets out.
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
        Let the source send only while there is room.
        """
        if self.source is not None:
            isOver = self._isOver or self._isStopped
            self.source.reads(not isOver and self._underWay < self._most)

    def stop(self) -> None:
        """
        Nothing arrives any more.
        """
        self._isStopped = True
        self._arrived.clear()

    def arrive(self, what: bytes | Event) -> None:
        """
        Something has come to the end of its way.
        """
        if what == "open" or what == "lost":
            self._happen(what)
        elif not self._isStopped:
            self._arrived.append(what)
            if self._isIdle:
                self.resume()

    def resume(self) -> None:
        """
        The system has taken all that the sink was given.
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


#: What is under way: where, and bytes or an event.
Item: TypeAlias = tuple[Pipe, bytes | Event]
