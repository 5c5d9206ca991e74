"""
A relayed TCP connection: its two ends, and what becomes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IProtocol,
    IPullProducer,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.faults.model import Fates
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.impair.stream_faults import Event
from twisted_netdemo.impair.tcp_pipe import Pipe, Way
from twisted_netdemo.impair.truth_lines import ByteTally, Party

#: How a connection is over: both ends have closed it, one of them or the relay has reset it, or the
#: target has not been reached.
How: TypeAlias = Literal["closed", "reset", "refused"]


class RelayTransport(ITCPTransport, IPushProducer, IConsumer):
    """
    A TCP connection whose reading can be paused.
    """


@implementer(IHalfCloseableProtocol, IPullProducer)
class End(TwistedProtocol):
    """
    One of the two ends of a relayed connection.

    @ivar party: which of the two.
    @ivar isLost: whether the connection to it is gone.
    """

    transport: RelayTransport
    noisy: ClassVar[bool] = False

    def __init__(self, party: Party, pair: Pair, outgoing: Pipe, incoming: Pipe) -> None:
        """
        @param outgoing: takes what this end sends.
        @param incoming: sends to this end.
        """
        self.party = party
        self.isLost = False
        self._pair = pair
        self._outgoing = outgoing
        self._incoming = incoming
        self._isReading = True
        self._hasEnded = False
        self._isClosed = False

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self._outgoing.source = self._incoming.sink = self
        # it calls resumeProducing each time the system has taken all that was written
        self.transport.registerProducer(self, False)
        self._pair.made(self)

    # the pipes' Source and Sink

    def reads(self, wanted: bool) -> None:
        if wanted != self._isReading and not self._hasEnded and not self.isLost:
            self._isReading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    # IProtocol, IHalfCloseableProtocol

    def dataReceived(self, data: bytes) -> None:
        self._outgoing.send(data)

    def readConnectionLost(self) -> None:
        self._hasEnded = True
        self._pair.hasEnded(self)
        self._outgoing.tell("end")
        self._closeIfDone()

    def writeConnectionLost(self) -> None:
        pass

    def close(self) -> None:
        """
        Half-close: no more is written to this end.
        """
        self._isClosed = True
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        self._closeIfDone()

    def _closeIfDone(self) -> None:
        if self._hasEnded and self._isClosed:
            self.transport.loseConnection()

    def abort(self) -> None:
        """
        Reset the connection to this end, if there is one.
        """
        if self.connected and not self.isLost:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # has a default
        self.isLost = True
        self._incoming.stop()
        if not (self._hasEnded and self._isClosed):
            self._pair.isOver("reset", self.party)
            self._outgoing.tell("lost")
        self._pair.lost()

    # IPullProducer

    def resumeProducing(self) -> None:
        self._incoming.resume()

    def stopProducing(self) -> None:
        pass


class Keeper(Protocol):
    """
    The relay, as its connections know it.

    @ivar isStopped: whether it has stopped relaying.
    """

    isStopped: bool

    def seconds(self) -> float:
        """
        The time now.
        """

    def opened(self, pair: Pair) -> None:
        """
        A client has connected.
        """

    def connect(self, server: End) -> Deferred[IProtocol]:
        """
        Connect to the target.
        """

    def notConnected(self, failure: Failure) -> None:
        """
        The target cannot be reached.
        """

    def keep(self, pair: Pair) -> None:
        """
        A connection has fallen silent.
        """

    def gone(self, pair: Pair) -> None:
        """
        Both ends of a connection are gone.
        """


class PairEnd(NamedTuple):
    """
    How a connection is over.

    @ivar by: the one that closed it first, or reset it; the target where it was not reached.
    @ivar when: on the relay's clock.
    """

    how: How
    by: Party
    when: float


class Pair:
    """
    A relayed connection: the client's, and the one to the target that stands for it.

    @ivar n: its number in order of appearance, from 0.
    @ivar name: the client's address and port.
    @ivar ending: how it is over, once it is.
    """

    def __init__(
        self,
        relay: Keeper,
        ways: Mapping[Direction, Way],
        seed: int,
        n: int,
        name: str,
        header: int,
    ) -> None:
        """
        @param header: how many bytes of headers a segment has.
        """
        self.n = n
        self.name = name
        self.ending: PairEnd | None = None
        self._relay = relay
        self._connecting: Deferred[IProtocol] | None = None
        self._first: Party | None = None
        self._isAborted = False
        up, down = self._pipes = tuple(
            Pipe(
                ways[direction],
                Fates(ways[direction].conditions, seed, direction, n),
                happen,
                header,
            )
            for direction, happen in zip(DIRECTIONS, (self._up, self._down), strict=True)
        )
        self.client = End("client", self, up, down)
        self.server = End("target", self, down, up)

    @property
    def tallies(self) -> dict[Direction, ByteTally]:
        """
        The bytes that it has carried.
        """
        return {d: pipe.tally for d, pipe in zip(DIRECTIONS, self._pipes, strict=True)}

    def adapt(self) -> None:
        """
        Go on with the figures that the ways have now.
        """
        for pipe in self._pipes:
            pipe.adapt()

    def heal(self) -> None:
        """
        Let arrive what has waited while the ways were cut.
        """
        for pipe in self._pipes:
            pipe.heal()

    def made(self, end: End) -> None:
        """
        An end is connected. The opening takes its time to the target like all that follows.
        """
        if end is self.client and self._relay.isStopped:
            self.server.isLost = True
            end.abort()
        elif end is self.client:
            self._relay.opened(self)
            end.reads(False)
            self._pipes[0].tell("open")
        elif self._isAborted:
            end.abort()

    def _up(self, event: Event) -> None:
        if event == "open":
            self._connecting = self._relay.connect(self.server)
            self._connecting.addErrback(self._notConnected)
        else:
            self._happen(event, self.server)

    def _down(self, event: Event) -> None:
        self._happen(event, self.client)

    def _notConnected(self, failure: Failure) -> None:
        if not self._isAborted:
            self._relay.notConnected(failure)
            self.isOver("refused", "target")
        self.server.isLost = True
        self._pipes[1].tell("lost")
        self.lost()

    def _happen(self, event: Event, sink: End) -> None:
        if event == "end":
            sink.close()
        elif event == "hang":
            for end in (self.client, self.server):
                end.reads(False)
            for pipe in self._pipes:
                pipe.stop()
            self._relay.keep(self)
        else:
            self.abort()

    def hasEnded(self, end: End) -> None:
        """
        An end has closed its side of the connection.
        """
        self._first = self._first or end.party

    def isOver(self, how: How, by: Party) -> None:
        """
        It is over. What happens after it does not count.
        """
        if self.ending is None:
            self.ending = PairEnd(how, by, self._relay.seconds())

    def abort(self) -> None:
        """
        Reset both connections.
        """
        self._isAborted = True
        self.isOver("reset", "relay")
        if self._connecting is not None:
            self._connecting.cancel()
        for end in (self.client, self.server):
            end.abort()

    def lost(self) -> None:
        """
        The connection to one of the ends is gone.
        """
        if self.client.isLost and self.server.isLost:
            self.isOver("closed", self._first or "relay")
            self._relay.gone(self)
