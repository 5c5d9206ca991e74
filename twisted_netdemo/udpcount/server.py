"""
The udpcount server: a datagram in, at most one out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.messages import Unit
from twisted_netdemo.service.addresses import Address, isBroadcast, toMany
from twisted_netdemo.service.observe.metrics import Figure
from twisted_netdemo.service.process.rate_limited_log import Quiet
from twisted_netdemo.service.tcp.connection_limits import clientOf
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.token_buckets import Buckets
from twisted_netdemo.service.udp.datagram import Outgoing, Received
from twisted_netdemo.service.udp.port import DatagramSender
from twisted_netdemo.udpcount import wire

_log = Logger()

_clientOf = lru_cache(4096)(clientOf)

_WHY = {
    "port": "its source port is known to answer answers",
    "answer": "it is an answer itself",
    "group": "it was sent to many",
    "source-rate": "too many from there",
    "total-rate": "too many in all",
}


class UDPCount:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>}.

    @ivar answered: how many answers the system has taken, and C{characters} what was counted in
        the datagrams that they are for.
    @ivar refused: how many were not, by reason: port, answer, group (L{wire.refusal}),
        source-rate, total-rate.
    """

    _port: DatagramSender

    def __init__(
        self,
        clock: IReactorTime,
        unit: Unit = "characters",
        perSource: Buckets | None = None,
        inAll: Buckets | None = None,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param clock: the reactor.
        @param perSource: limits the answers to each source; C{None} does not.
        @param inAll: limits the answers to all of them.
        @param isBroadcast: whether an address of this host is that of all on its network.
        """
        self._seconds = monotonic(clock).seconds
        self._unit: Unit = unit
        self._perSource = perSource
        self._inAll = inAll
        self._toMany = toMany(isBroadcast)
        self._quiet = Quiet(clock, self._say)
        self._last: tuple[Address, str] = ("", 0), ""
        self.answered = 0
        self.characters = 0
        self.refused: Counter[str] = Counter()

    def started(self, port: DatagramSender) -> None:
        self._port = port

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        now = self._seconds()
        own, perSource, inAll = self._port.number, self._perSource, self._inAll
        toMany = self._toMany
        allowed = []
        for datagram in datagrams:
            data, source, told = datagram
            host, port = source
            refusal = wire.refusal(data, port, own, toMany[told[0]])
            if refusal is not None:
                self._refuse(source, refusal)
            elif perSource is not None and not perSource.take(_clientOf(host), now):
                self._refuse(source, "source-rate")
            else:
                allowed.append(datagram)
        wanted = len(allowed)
        # Asked last: a source that is over its own limit takes nothing from the others.
        if wanted and inAll is not None and (taken := inAll.take(None, now, wanted)) < wanted:
            for _, source, _ in allowed[taken:]:
                self._refuse(source, "total-rate")
            del allowed[taken:]
        if allowed:
            self._answer(allowed)

    def _answer(self, datagrams: Sequence[Received]) -> None:
        unit = self._unit
        answers: list[Outgoing] = []
        characters = 0
        for data, source, told in datagrams:
            words, counted = wire.respond(data, source, unit)
            answers.append((words, source, told[0]))
            characters += counted
        failed = self._port.sendAll(answers)
        for at in failed:
            data, source, _ = datagrams[at]
            characters -= wire.respond(data, source, unit)[1]
        self.answered += len(answers) - len(failed)
        self.characters += characters

    def _refuse(self, source: Address, refusal: str) -> None:
        self.refused[refusal] += 1
        self._last = source, refusal
        self._quiet.happened()

    def _say(self, times: int) -> None:
        source, refusal = self._last
        _log.info(
            "Not answered: {times} datagram(s); the last, from {source}: {why}.",
            times=times,
            source=source,
            why=_WHY[refusal],
            refusal=refusal,
        )

    def figures(self) -> Iterable[Figure]:
        """
        For L{twisted_netdemo.service.observe.prometheus}.
        """
        yield Figure("udpcount_answers", "Datagrams answered.", self.answered)
        yield Figure("udpcount_characters", "Characters counted.", self.characters)
        yield Figure(
            "udpcount_refused", "Datagrams not answered, by reason.", self.refused, "reason"
        )
