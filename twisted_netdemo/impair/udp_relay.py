"""
The relay of datagrams: what clients send goes to the target, what it answers goes back, and each
datagram meets its fate on the way.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_netdemo.faults.model import DIRECTIONS, Direction, Fates, Figures, corrupt
from twisted_netdemo.faults.reached import Reached
from twisted_netdemo.faults.scheduler import Way
from twisted_netdemo.impair.ground_truth import (
    LineFile,
    Tally,
    recordLine,
    refusedLine,
    summaryLine,
)
from twisted_netdemo.impair.udp_client import Client, Connect, Parcel, Passage
from twisted_netdemo.service.addresses import Address, isBroadcast, toMany
from twisted_netdemo.service.process.rate_limited_log import Quiet
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.udp.datagram import Received
from twisted_netdemo.service.udp.port import DatagramSender

_log = Logger()


class Relay:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>} that relays what it receives.

    @ivar tallies: what has been counted, by direction.
    @ivar clients: how many clients there have been.
    @ivar refused: how many datagrams the target's system has refused, as far as it told.
    @ivar reached: which places were asked for, and how far clients got.
    @ivar truth: where each datagram's fate is written, if anywhere.
    """

    def __init__(
        self,
        figures: dict[Direction, Figures],
        seed: int,
        connect: Connect,
        reactor: Any,
        idle: float = 60.0,
        most: int = 0,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param idle: after how many seconds without a datagram a client is forgotten.
        @param most: how many clients there may be at one time, 0 for any number.
        @param isBroadcast: whether an address of this host is that of all on its network.
        """
        self.tallies: dict[Direction, Tally] = {d: Tally() for d in DIRECTIONS}
        self.clients = 0
        self.refused = 0
        self._figures = figures
        self._always = {d: figures[d].always() for d in DIRECTIONS}
        self._isClear = {d: figures[d].isClear() for d in DIRECTIONS}
        self._seed = seed
        self._connect = connect
        self._clock = monotonic(reactor)
        self._idle = idle
        self._most = most
        self.reached = Reached(())
        self.truth: LineFile | None = None
        self._present: OrderedDict[Address, Client] = OrderedDict()
        self._forgotten: deque[Client] = deque()
        self._ways = {d: Way[Parcel](figures[d], reactor, self._leave) for d in DIRECTIONS}
        self._seconds = self._ways["up"].seconds
        self._start = self._seconds()
        self._expiry: IDelayedCall | None = None
        self._failed = Quiet(reactor, self._sayFailed)
        self._refused = Quiet(reactor, self._sayRefused)
        self._toMany = toMany(isBroadcast)
        self._sentToMany = Quiet(reactor, self._saySentToMany)
        self._late = Quiet(reactor, self._sayLate)
        self._lastError = self._lastRefusal = OSError()

    # DatagramReceiver

    def started(self, port: DatagramSender) -> None:
        """
        @param port: where answers leave.
        """
        self._port = port
        self._start = self._seconds()

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        """
        Clients have sent datagrams.
        """
        toMany = self._toMany
        for data, source, told in datagrams:
            if toMany[told[0]]:
                self._sentToMany.happened()
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
            client.connection = self._connect(answered, self._connectionFailed, refused)
        except OSError as error:
            self._lastRefusal = error
            self._refused.happened()
            return None
        sends = {"up": client.connection.send, "down": answer}
        client.up, client.down = (
            Passage(
                client,
                direction,
                Fates(self._figures[direction], self._seed, direction, self.clients),
                self._ways[direction].lane(),
                sends[direction],
                self.tallies[direction],
                self._isClear[direction],
            )
            for direction in DIRECTIONS
        )
        self.clients += 1
        self._present[source] = client
        if self._expiry is None:
            self._expiry = self._clock.callLater(self._idle, self._forget)
        return client

    def _enter(self, passage: Passage, data: bytes) -> None:
        now = self._seconds()
        self._seen(passage.client, now)
        n = passage.n
        passage.n = n + 1
        if passage.isClear and self.truth is None:
            passage.tally.received += 1
            sent = passage.send(data)
            passage.left += sent
            passage.tally.count([], sent)
            return
        direction = passage.direction
        way = self._ways[direction]
        fate = self._always[direction] or passage.fates.next(n)
        if fate.corrupted and not data:
            fate = fate._replace(corrupted=False)
        passage.tally.received += 1
        parcel = Parcel(passage, data, n, fate, now)
        if fate.lost:
            self._record(parcel, fate.words, [])
        elif not way.enter(passage.lane, parcel, passage.header + len(data), fate):
            self._record(parcel, ["queue"], [])

    def _leave(self, parcel: Parcel) -> None:
        passage, data, _, fate, _ = parcel
        self._seen(passage.client, self._seconds())
        if fate.corrupted:
            data = corrupt(data, fate.where)
        sent = []
        for _ in range(fate.copies):
            if passage.send(data):
                sent.append(passage.left)
                passage.left += 1
        self._record(parcel, fate.words, sent)

    def _record(self, parcel: Parcel, fates: list[str], sent: list[int]) -> None:
        passage, data, n, fate, received = parcel
        passage.tally.count(fates, len(sent))
        if self.truth is not None:
            self.truth.write(
                recordLine(
                    received - self._start,
                    passage.direction,
                    passage.client.name,
                    n,
                    data,
                    fates,
                    fate.delay,
                    sent,
                )
            )

    def _cameLate(self, passage: Passage, data: bytes) -> None:
        n = passage.n
        passage.n = n + 1
        passage.tally.received += 1
        fate = passage.fates.next(n)
        self._record(Parcel(passage, data, n, fate, self._seconds()), ["late"], [])
        self._late.happened()

    def _targetRefused(self, client: Client, error: OSError) -> None:
        self.refused += 1
        if self.truth is not None:
            self.truth.write(refusedLine(self._seconds() - self._start, client.name))
        self._connectionFailed(error)

    def _forget(self) -> None:
        """
        Forget the clients that have been idle for long enough, close the sockets of those that were
        forgotten as long ago, and come back for the next.
        """
        self._expiry = None
        now = self._seconds()
        idle = self._idle
        while self._present:
            client = next(iter(self._present.values()))
            if (client.up.lane or client.down.lane) and client.last < now:
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
        for passage in (client.up, client.down):
            self.reached.went(passage.direction, passage.n)
        client.connection.close()

    def _seen(self, client: Client, now: float) -> None:
        client.last = now
        self._present.move_to_end(client.source)

    def _connectionFailed(self, error: OSError) -> None:
        self._lastError = error
        self._failed.happened()

    def _sayFailed(self, times: int) -> None:
        _log.warn(
            "Datagrams do not reach the target: {error} ({times} since this was last said).",
            error=self._lastError.strerror,
            times=times,
        )

    def _sayLate(self, times: int) -> None:
        _log.warn(
            "Answers came after their client had been forgotten, and reach nobody ({times} since "
            "this was last said): a longer --idle waits for them.",
            times=times,
        )

    def _sayRefused(self, times: int) -> None:
        _log.warn(
            "A new client is not relayed: {error} ({times} of such clients' datagrams).",
            error=self._lastRefusal.strerror,
            times=times,
        )

    def _saySentToMany(self, times: int) -> None:
        _log.warn(
            "Datagrams that were sent to many, as to a broadcast address, are not relayed ({times} "
            "since this was last said).",
            times=times,
        )

    def stop(self, unread: int = 0) -> None:
        """
        Relay no more, and say what there was. What is under way never leaves.

        @param unread: how many of the clients' datagrams the system threw away.
        """
        if self._expiry is not None:
            self._expiry.cancel()
        for way in self._ways.values():
            for parcel in way.close():
                self._record(parcel, parcel.fate.words, [])
        for client in (*self._present.values(), *self._forgotten):
            self._part(client)
        self._present.clear()
        self._forgotten.clear()
        self.tallies["up"].unread = unread
        for direction, tally in self.tallies.items():
            if tally.unread:
                _log.warn(
                    "{direction}: {unread} datagrams were thrown away by the system before the "
                    "relay could read them.",
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
                "The target refused {refused} datagram(s); their clients were not told.",
                refused=self.refused,
            )
        for line in self.reached.lines("client", "datagram"):
            _log.warn("{line}", line=line)
        truth = self.truth
        if truth is not None:
            truth.flush()
            truth.write(
                summaryLine(self._seed, self.clients, truth.missing, self.refused, self.tallies)
            )
            truth.close()
