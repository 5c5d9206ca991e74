"""
The relay of datagrams: it passes the clients' datagrams to the target and the target's answers
back, and each datagram meets its fate on the way.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS
from twisted_netdemo.faults.model import Conditions, Fate, Fates
from twisted_netdemo.faults.reached import Reached
from twisted_netdemo.faults.scheduler import Scheduler
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.impair.changes import (
    CUT,
    HEALED,
    Changes,
    Where,
    changedImpairments,
    directionsOf,
    settledChanges,
)
from twisted_netdemo.impair.ground_truth import Truth, conclude
from twisted_netdemo.impair.truth_lines import (
    DirectionTally,
    changedLine,
    recordLine,
    refusedLine,
    summaryLine,
)
from twisted_netdemo.impair.udp_client import Client, Connect, DirectionState, InFlight
from twisted_netdemo.impair.udp_warnings import RelayWarnings
from twisted_netdemo.service.addresses import Address, isBroadcast, reachesMany
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.udp.datagram import Received
from twisted_netdemo.service.udp.port import DatagramSender

_log = Logger()


class Relay:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>} that relays what it receives.

    @ivar conditions: how bad each direction is; L{change} changes them.
    @ivar tallies: the counts of each direction.
    @ivar clients: how many clients there have been.
    @ivar refused: how many datagrams the target's system has refused, as far as it reported.
    @ivar reached: which positions were asked for, and how far clients got.
    @ivar truth: takes a line with each datagram's fate, if wanted.
    """

    def __init__(
        self,
        impairments: dict[Direction, Impairments],
        seed: int,
        connect: Connect,
        reactor: IReactorTime,
        idle: float = 60.0,
        most: int = 0,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param idle: a client without a datagram for so many seconds is forgotten.
        @param most: how many clients there may be at one time, 0 for any number.
        @param isBroadcast: whether an address is the broadcast address of a network of this host.
        """
        self.tallies: dict[Direction, DirectionTally] = {d: DirectionTally() for d in DIRECTIONS}
        self.clients = 0
        self.refused = 0
        self.conditions = {d: Conditions(impairments[d]) for d in DIRECTIONS}
        self._seed = seed
        self._connect = connect
        self._clock = monotonic(reactor)
        self._idle = idle
        self._most = most
        self._isCut = False
        self.reached = Reached(())
        self.truth: Truth | None = None
        self._present: OrderedDict[Address, Client] = OrderedDict()
        self._forgotten: deque[Client] = deque()
        self._schedulers = {
            d: Scheduler[InFlight](self.conditions[d], reactor, self._leave) for d in DIRECTIONS
        }
        self._seconds = self._schedulers["up"].seconds
        self._start = self._seconds()
        self._expiry: IDelayedCall | None = None
        self._toMany = reachesMany(isBroadcast)
        self._warnings = RelayWarnings(reactor)

    # DatagramReceiver

    def started(self, port: DatagramSender) -> None:
        """
        @param port: the socket that answers leave by.
        """
        self._port = port
        self._start = self._seconds()

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        """
        Relay the datagrams that clients have sent.
        """
        reachesMany = self._toMany
        for data, source, told, _ in datagrams:
            if reachesMany[told[0]]:
                self._warnings.sentToMany()
                continue
            client = self._present.get(source) or self._meet(source)
            if client is not None:
                client.destination = told[0]
                self._enter(client.up, data)

    def _meet(self, source: Address) -> Client | None:
        client = Client(source)

        def answered(data: bytes) -> None:
            if client.isForgotten:
                self._cameLate(client.down, data)
            else:
                self._enter(client.down, data)

        def refused(error: OSError) -> None:
            self._targetRefused(client, error)

        def answer(data: bytes) -> bool:
            return self._port.send(data, source, client.destination)

        try:
            if 0 < self._most <= len(self._present) + len(self._forgotten):
                raise OSError(None, f"there are {self._most}, and may be no more")
            client.connection = self._connect(answered, self._warnings.failed, refused)
        except OSError as error:
            self._warnings.clientRefused(error)
            return None
        sends = {"up": client.connection.send, "down": answer}
        client.up, client.down = (
            DirectionState(
                client,
                direction,
                self.conditions[direction],
                Fates(self.conditions[direction], self._seed, direction, self.clients),
                self._schedulers[direction].flow(),
                sends[direction],
                self.tallies[direction],
            )
            for direction in DIRECTIONS
        )
        self.clients += 1
        self._present[source] = client
        if self._expiry is None:
            self._expiry = self._clock.callLater(self._idle, self._forget)
        return client

    def _enter(self, state: DirectionState, data: bytes) -> None:
        now = self._seconds()
        self._seen(state.client, now)
        n = state.n
        state.n = n + 1
        conditions = state.conditions
        if conditions.isClear and self.truth is None and not self._isCut:
            state.tally.received += 1
            sent = state.send(data)
            state.left += sent
            state.tally.count((), sent)
            return
        fate = conditions.always or self._fate(state, n)
        state.tally.received += 1
        datagram = InFlight(state, data, n, fate, now)
        if self._isCut:
            self._record(datagram, ("blackout",), [])
        elif fate.outcome.isLost:
            self._record(datagram, fate.outcome.words, [])
        elif not self._schedulers[state.direction].enter(
            state.flow, datagram, state.header + len(data), fate
        ):
            self._record(datagram, ("queue",), [])

    def _fate(self, state: DirectionState, n: int) -> Fate:
        if state.fates.position != n:
            state.fates.skip(n)  # there was nothing to ask for
        return state.fates.next(n)

    def _leave(self, datagram: InFlight) -> None:
        state, data, _, fate, _ = datagram
        self._seen(state.client, self._seconds())
        outcome, details = fate.outcome, None
        if outcome.damages:
            outcome, data, details = fate.damage(data)
        sent = []
        for _ in range(outcome.copies):
            if state.send(data):
                sent.append(state.left)
                state.left += 1
        self._record(datagram, outcome.words, sent, details)

    def _record(
        self,
        datagram: InFlight,
        words: Sequence[str],
        sent: list[int],
        details: Mapping[str, int] | None = None,
    ) -> None:
        state, data, n, fate, received = datagram
        state.tally.count(words, len(sent))
        if self.truth is not None:
            self.truth.write(
                recordLine(
                    received - self._start,
                    state.direction,
                    state.client.name,
                    n,
                    data,
                    words,
                    fate.delay,
                    sent,
                    details,
                )
            )

    def _cameLate(self, state: DirectionState, data: bytes) -> None:
        n = state.n
        state.n = n + 1
        state.tally.received += 1
        fate = self._fate(state, n)
        self._record(InFlight(state, data, n, fate, self._seconds()), ("late",), [])
        self._warnings.late()

    def _targetRefused(self, client: Client, error: OSError) -> None:
        self.refused += 1
        if self.truth is not None:
            self.truth.write(refusedLine(self._seconds() - self._start, client.name))
        self._warnings.failed(error)

    def _forget(self) -> None:
        """
        Forget the clients that have been idle for long enough, close the sockets of those that were
        forgotten as long ago, and schedule the next call.
        """
        self._expiry = None
        now = self._seconds()
        idle = self._idle
        while self._present:
            client = next(iter(self._present.values()))
            if (client.up.flow or client.down.flow) and client.last < now:
                self._seen(client, now)  # something of it is still under way
                continue
            if client.last + idle > now:
                break
            del self._present[client.source]
            client.isForgotten = True
            client.last += idle
            self._forgotten.append(client)
        while self._forgotten and self._forgotten[0].last + idle <= now:
            self._part(self._forgotten.popleft())
        waiting = [*islice(self._present.values(), 1), *islice(self._forgotten, 1)]
        if waiting:
            left = min(client.last for client in waiting) + idle - now
            self._expiry = self._clock.callLater(left, self._forget)

    def _part(self, client: Client) -> None:
        self.tallies["down"].unread += client.connection.dropped() or 0
        for state in (client.up, client.down):
            self.reached.went(state.direction, state.n)
        client.connection.close()

    def _seen(self, client: Client, now: float) -> None:
        client.last = now
        self._present.move_to_end(client.source)

    def change(self, changes: Changes) -> None:
        """
        Set some figures, from the next datagram on. The others stay as they are. A client's
        datagrams go on being counted, so that its next one has the fate that it would have had if
        the figures had always been these (but for losses in runs).

        @raise FigureError: a figure is wrong, or does not go together with those in force. Then
            nothing is changed.
        """
        told = settledChanges(changes, DATAGRAM_FAULTS)
        changed = changedImpairments(self.conditions, told, DATAGRAM_FAULTS)
        for direction, impairments in changed.items():
            self.conditions[direction].change(impairments)
        for where, figures in told.items():
            self._tellChange(where, figures)

    def cut(self) -> None:
        """
        Lose each datagram that comes, in either direction, until L{heal}. Those that are under way
        still arrive.
        """
        self._setCut(True)

    def heal(self) -> None:
        """
        End what L{cut} began.
        """
        self._setCut(False)

    def _setCut(self, isCut: bool) -> None:
        if isCut != self._isCut:
            self._isCut = isCut
            self._tellChange("both", CUT if isCut else HEALED)

    def _tellChange(self, where: Where, figures: Mapping[str, str]) -> None:
        if self.truth is not None:
            t = self._seconds() - self._start
            n = sum(self.tallies[direction].received for direction in directionsOf(where))
            self.truth.write(changedLine(t, n, where, figures))

    def stop(self, unread: int = 0) -> None:
        """
        Stop relaying, and log the counts. Datagrams that are under way never leave.

        @param unread: how many of the clients' datagrams the system dropped.
        """
        if self._expiry is not None:
            self._expiry.cancel()
        for scheduler in self._schedulers.values():
            for datagram in scheduler.close():
                outcome, _, details = datagram.fate.damage(datagram.data)
                self._record(datagram, outcome.words, [], details)
        for client in (*self._present.values(), *self._forgotten):
            self._part(client)
        self._present.clear()
        self._forgotten.clear()
        self._warnings.stop()
        self.tallies["up"].unread = unread
        for direction, tally in self.tallies.items():
            if tally.unread:
                _log.warn(
                    "{direction}: the system dropped {unread} datagrams before the relay could "
                    "read them.",
                    direction=direction.capitalize(),
                    unread=tally.unread,
                )
            _log.info(
                "{direction}: {received} datagrams in, {lost} lost, {out} out.",
                direction=direction.capitalize(),
                received=tally.received,
                lost=tally.lost,
                out=tally.out,
            )
        if self.refused:
            _log.warn(
                "The target refused {refused} datagram(s); the relay does not tell their clients.",
                refused=self.refused,
            )
        for line in self.reached.lines("client", "datagram"):
            _log.warn("{line}", line=line)
        conclude(self.truth, self.summary)

    def summary(self, missing: int) -> bytes:
        """
        The truth's last line, as it would be now.

        @param missing: how many lines are missing before it.
        """
        return summaryLine(self._seed, self.clients, missing, self.refused, self.tallies)
