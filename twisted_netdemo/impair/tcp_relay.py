"""
The relay of TCP connections: every byte arrives, in order, but late, slowly and in small pieces; or
the relay resets the connection, or lets it fall silent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IPullProducer,
    IPushProducer,
    IReactorTime,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.model import Conditions, Fates
from twisted_netdemo.faults.scheduler import Scheduler
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.impair.tcp_pipe import HEADER, HEADER6, Event, Item, Pipe, StreamFaults
from twisted_netdemo.service.addresses import plainHost
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: How many seconds a connection that has fallen silent is kept.
SILENCE = 3600.0

# The bytes under way are bounded for each connection: its source has to wait.
_UNBOUNDED = 1 << 62


class RelayTransport(ITCPTransport, IPushProducer, IConsumer):
    """
    A TCP connection whose reading can be paused.
    """


@implementer(IHalfCloseableProtocol, IPullProducer)
class End(Protocol):
    """
    One of the two ends of a relayed connection.

    @ivar isLost: whether the connection to it is gone.
    """

    transport: RelayTransport
    noisy: ClassVar[bool] = False

    def __init__(self, pair: Pair, outgoing: Pipe, incoming: Pipe) -> None:
        """
        @param outgoing: takes what this end sends.
        @param incoming: sends to this end.
        """
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
            self._outgoing.tell("lost")
        self._pair.lost()

    # IPullProducer

    def resumeProducing(self) -> None:
        self._incoming.resume()

    def stopProducing(self) -> None:
        pass


class Pair:
    """
    A relayed connection: the client's, and the one to the target that stands for it.
    """

    def __init__(self, relay: StreamRelay, place: int, header: int) -> None:
        """
        @param place: the client's number in order of appearance, from 0.
        @param header: how many bytes of headers a segment has.
        """
        self._relay = relay
        self._connecting: Deferred[IProtocol] | None = None
        self._isOver = False
        up, down = self._pipes = tuple(
            Pipe(
                relay.schedulers[direction],
                Fates(relay.conditions[direction], relay.seed, direction, place),
                relay.conditions[direction].impairments,
                relay.faults[direction],
                happen,
                header,
            )
            for direction, happen in zip(DIRECTIONS, (self._up, self._down), strict=True)
        )
        self.client = End(self, up, down)
        self.server = End(self, down, up)

    def made(self, end: End) -> None:
        """
        An end is connected. The opening takes its time to the target like all that follows.
        """
        if end is self.client and self._relay.isStopped:
            self.server.isLost = True
            end.abort()
        elif end is self.client:
            end.reads(False)
            self._pipes[0].tell("open")
        elif self._isOver:
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
        if not self._isOver:
            self._relay.notConnected(failure)
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

    def abort(self) -> None:
        """
        Reset both connections.
        """
        self._isOver = True
        if self._connecting is not None:
            self._connecting.cancel()
        for end in (self.client, self.server):
            end.abort()

    def lost(self) -> None:
        """
        The connection to one of the ends is gone.
        """
        if self.client.isLost and self.server.isLost:
            self._relay.gone(self)


class StreamRelay(Factory):
    """
    A factory for clients' connections; each gets a connection of its own to the target.

    @ivar clients: how many clients there have been.
    @ivar isStopped: whether it has stopped relaying.
    """

    noisy = False

    def __init__(
        self,
        impairments: dict[Direction, Impairments],
        faults: dict[Direction, StreamFaults],
        seed: int,
        target: IStreamClientEndpoint,
        reactor: IReactorTime,
    ) -> None:
        self.conditions = {
            d: Conditions(replace(impairments[d], queue=_UNBOUNDED)) for d in DIRECTIONS
        }
        self.faults = faults
        self.seed = seed
        self.clients = 0
        self.isStopped = False
        self._target = target
        self._clock = monotonic(reactor)
        self.schedulers = {
            d: Scheduler[Item](self.conditions[d], reactor, self._leave, _UNBOUNDED)
            for d in DIRECTIONS
        }
        # each with the call that ends its silence, once it has fallen silent
        self._pairs: dict[Pair, IDelayedCall | None] = {}
        self._refused = RateLimitedLog(reactor, self._sayRefused)
        self._reason = ""

    def buildProtocol(self, addr: object) -> End:
        # an IPv4 address may come mapped
        isIPv6 = isinstance(addr, IPv6Address) and ":" in plainHost(addr.host)
        pair = Pair(self, self.clients, HEADER6 if isIPv6 else HEADER)
        self.clients += 1
        self._pairs[pair] = None
        return pair.client

    def _leave(self, item: Item) -> None:
        pipe, what = item
        pipe.arrive(what)

    def connect(self, server: End) -> Deferred[IProtocol]:
        """
        Connect to the target.
        """
        factory = Factory.forProtocol(lambda: server)
        factory.noisy = False  # no line for each connection
        return self._target.connect(factory)

    def notConnected(self, failure: Failure) -> None:
        """
        Log that the target cannot be reached.
        """
        self._reason = failure.getErrorMessage()
        self._refused.happened()

    def _sayRefused(self, times: int) -> None:
        _log.warn(
            "Connections do not reach the target: {reason} ({times} since this was last said)",
            reason=self._reason,
            times=times,
        )

    def keep(self, pair: Pair) -> None:
        """
        Keep a connection that has fallen silent, but not for ever.
        """
        if pair in self._pairs:
            self._pairs[pair] = self._clock.callLater(SILENCE, pair.abort)

    def gone(self, pair: Pair) -> None:
        """
        Both ends of a connection are gone.
        """
        silence = self._pairs.pop(pair, None)
        if silence is not None and silence.active():
            silence.cancel()

    def stop(self) -> None:
        """
        Stop relaying. Bytes under way never arrive, so both ends of each connection are reset, and
        so is a client that connects from now on.
        """
        self.isStopped = True
        for scheduler in self.schedulers.values():
            scheduler.close()
        for pair in list(self._pairs):
            pair.abort()
