"""
The relay of TCP connections: every byte arrives, in order, but late, slowly and in small pieces; or
the relay resets the connection, or lets it fall silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.impair.changes import (
    CUT,
    HEALED,
    Changes,
    Where,
    byDirection,
    changedImpairments,
    settledChanges,
)
from twisted_netdemo.impair.ground_truth import Truth, conclude
from twisted_netdemo.impair.stream_faults import StreamFaults, splitFigures
from twisted_netdemo.impair.tcp_pair import End, Pair
from twisted_netdemo.impair.tcp_pipe import HEADER, HEADER6, Way
from twisted_netdemo.impair.truth_lines import (
    ByteTally,
    Party,
    changedLine,
    connectionLine,
    refusedLine,
    summaryLine,
)
from twisted_netdemo.service.addresses import plainHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: How many seconds a connection that has fallen silent is kept.
SILENCE = 3600.0


class StreamRelay(Factory):
    """
    A factory for clients' connections; each gets a connection of its own to the target.

    @ivar ways: the two directions, and how bad each is.
    @ivar clients: how many clients there have been.
    @ivar ends: how many connections were C{closed}, C{reset} and C{refused}.
    @ivar isStopped: whether it has stopped relaying.
    @ivar truth: takes a line with each thing that happens to a connection, if wanted.
    """

    noisy = False

    def __init__(
        self,
        impairments: Mapping[Direction, Impairments],
        faults: Mapping[Direction, StreamFaults],
        seed: int,
        target: IStreamClientEndpoint,
        reactor: IReactorTime,
    ) -> None:
        self.ways = {d: Way(impairments[d], faults[d], reactor) for d in DIRECTIONS}
        self.clients = 0
        self.ends: Counter[str] = Counter()
        self.isStopped = False
        self.truth: Truth | None = None
        self._seed = seed
        self._target = target
        self._clock = monotonic(reactor)
        self.seconds = self.ways["up"].scheduler.seconds
        self._start = self.seconds()
        # each with the call that ends its silence, once it has fallen silent
        self._pairs: dict[Pair, IDelayedCall | None] = {}
        self._refused = RateLimitedLog(reactor, self._sayRefused)
        self._reason = ""

    def buildProtocol(self, addr: object) -> End:
        assert isinstance(addr, (IPv4Address, IPv6Address))
        host = plainHost(addr.host)  # an IPv4 address may come mapped
        header = HEADER6 if ":" in host else HEADER
        pair = Pair(self, self.ways, self._seed, self.clients, hostPort(host, addr.port), header)
        self.clients += 1
        self._pairs[pair] = None
        return pair.client

    def opened(self, pair: Pair) -> None:
        """
        A client has connected.
        """
        self._tell("opened", self.seconds(), pair)

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
            self._tell("hung", self.seconds(), pair, pair.tallies)
            self._pairs[pair] = self._clock.callLater(SILENCE, pair.abort)

    def gone(self, pair: Pair) -> None:
        """
        Both ends of a connection are gone.
        """
        silence = self._pairs.pop(pair, None)
        if silence is not None and silence.active():
            silence.cancel()
        if not self.isStopped:
            self._tellEnding(pair)

    def _tell(
        self,
        what: str,
        when: float,
        pair: Pair,
        tallies: Mapping[Direction, ByteTally] | None = None,
        by: Party | None = None,
    ) -> None:
        if self.truth is not None:
            t = when - self._start
            self.truth.write(connectionLine(what, t, pair.n, pair.name, tallies, by))

    def _tellEnding(self, pair: Pair) -> None:
        ending = pair.ending
        assert ending is not None
        self.ends[ending.how] += 1
        if ending.how != "refused":
            self._tell(ending.how, ending.when, pair, pair.tallies, ending.by)
        elif self.truth is not None:
            self.truth.write(refusedLine(ending.when - self._start, pair.name))

    def change(self, changes: Changes) -> None:
        """
        Set some figures, also for the connections that are open. The others stay as they are. Bytes
        under way keep their times. A connection counts the bytes of a new C{reset-after} or
        C{hang-after} from now on.

        @raise FigureError: a figure is wrong, or does not go together with those in force. Then
            nothing is changed.
        """
        split = {where: splitFigures(figures) for where, figures in changes.items()}
        lines = settledChanges({where: line for where, (line, _) in split.items()}, ())
        streams = {where: stream for where, (_, stream) in split.items()}
        impairments = changedImpairments(
            {direction: way.conditions for direction, way in self.ways.items()}, lines, ()
        )
        faults = {
            direction: self.ways[direction].faults.withFigures(figures)
            for direction, figures in byDirection(streams).items()
        }
        for direction, way in self.ways.items():
            way.conditions.change(impairments[direction])
            way.faults = faults[direction]
        for pair in self._pairs:
            pair.adapt()
        for where in changes:
            self._tellChange(where, {**lines[where], **streams[where]})

    def cut(self) -> None:
        """
        Let nothing arrive, neither bytes nor the openings and ends of connections, until L{heal}:
        silence. Both ends stay connected to the relay, and may send until there is no more room.
        """
        self._setCut(True)

    def heal(self) -> None:
        """
        End what L{cut} began: what has waited arrives, and all connections go on.
        """
        self._setCut(False)

    def _setCut(self, isCut: bool) -> None:
        if isCut == self.ways["up"].isCut:
            return
        for way in self.ways.values():
            way.isCut = isCut
        self._tellChange("both", CUT if isCut else HEALED)
        if not isCut:
            for pair in list(self._pairs):
                pair.heal()

    def _tellChange(self, where: Where, figures: Mapping[str, str]) -> None:
        if self.truth is not None:
            t = self.seconds() - self._start
            self.truth.write(changedLine(t, self.clients, where, figures))

    def reset(self) -> None:
        """
        Reset all connections, at both of their ends.
        """
        for pair in list(self._pairs):
            pair.abort()

    def stop(self) -> None:
        """
        Stop relaying. Bytes under way never arrive, so both ends of each connection are reset, and
        so is a client that connects from now on.
        """
        self.isStopped = True
        for way in self.ways.values():
            way.scheduler.close()
        for pair in list(self._pairs):
            pair.abort()
            self._tellEnding(pair)
        self._refused.stop()
        truth, self.truth = self.truth, None
        conclude(truth, self.summary)

    def summary(self, missing: int) -> bytes:
        """
        The truth's last line, as it would be now.

        @param missing: how many lines are missing before it.
        """
        return summaryLine(
            self._seed,
            self.clients,
            missing,
            self.ends["refused"],
            {d: way.tally for d, way in self.ways.items()},
            {how: self.ends[how] for how in ("closed", "reset")},
        )
