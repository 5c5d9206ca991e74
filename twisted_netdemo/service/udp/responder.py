"""
A UDP protocol that answers each datagram with at most one, and is of little use as a weapon: its
answers are limited, and never start an exchange without end.

A service says what the answer is, and under which name its metrics are shown::

    class Greeting(Responder):
        name = "greeting"

        def respond(self, data, source):
            return b"Hello.\\r\\n"

UDP lets anyone send in another's name. Two servers that answer each other's answers never stop
(CVE-2024-2169, CERT/CC VU#417980); the rules in L{Responder.refusal} end such a loop at its first
step, and the limits bound the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.addresses import Address, isBroadcast, reachesMany
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.networks import clientOf
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.answering_ports import NEVER_ANSWERED
from twisted_netdemo.service.udp.datagram import Outgoing, Received
from twisted_netdemo.service.udp.port import DatagramSender

__all__ = ["Address", "Responder", "TokenBuckets", "isBroadcast"]

_clientOf = lru_cache(4096)(clientOf)


class Responder:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>}. A subclass overrides
    L{respond}, and L{refusal} where it has reasons of its own not to answer.

    @cvar name: the service's, with which the names of its metrics begin: a Prometheus name.
    @cvar reasons: why a datagram is not answered: each reason, and its clause in the log.
    @ivar answered: how many answers the system has taken.
    @ivar refused: how many datagrams were not answered, by reason.
    """

    name: ClassVar[str]
    reasons: ClassVar[Mapping[str, str]] = {
        "port": "its source port is known to answer answers",
        "group": "it was sent to many",
        "source-rate": "too many from there",
        "total-rate": "too many in all",
    }

    _port: DatagramSender

    def __init__(
        self,
        clock: IReactorTime,
        perSource: TokenBuckets | None = None,
        inAll: TokenBuckets | None = None,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param clock: the reactor.
        @param perSource: limits the answers to each source (an IPv4 address or an IPv6 /64);
            C{None} does not.
        @param inAll: limits the answers to all sources together; C{None} does not.
        @param isBroadcast: whether an address of this host stands for all hosts on its network.
        """
        self.reactor = clock
        self._seconds = monotonic(clock).seconds
        self._perSource = perSource
        self._inAll = inAll
        self._toMany = reachesMany(isBroadcast)
        # Under the name of the service's own module, by which a log is filtered.
        self._log = Logger(namespace=type(self).__module__)
        self._refusalLog = RateLimitedLog(clock, self._logRefused)
        self._last: tuple[Address, str] = ("", 0), ""
        self.answered = 0
        self.refused: Counter[str] = Counter()

    def respond(self, data: bytes, source: Address) -> bytes:
        """
        The answer to a datagram, which leaves from the address that the datagram was sent to.

        @param data: the whole payload, 0 to 65,527 bytes.
        @param source: where the datagram came from, and where the answer goes.
        @raise Exception: it is logged, and the datagram is not answered.
        """
        raise NotImplementedError

    def refusal(self, data: bytes) -> str | None:
        """
        Why a datagram with this payload is not answered, one of C{reasons}; C{None} if it is.
        """
        return None

    def unsent(self, data: bytes, source: Address) -> None:
        """
        The system has not taken the answer that L{respond} returned for this datagram.
        """

    def started(self, port: DatagramSender) -> None:
        self._port = port

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        now = self._seconds()
        own, perSource, inAll = self._port.number, self._perSource, self._inAll
        reachesMany, refusal = self._toMany, self.refusal
        allowed = []
        for datagram in datagrams:
            data, source, ancillary = datagram
            host, port = source
            if port in NEVER_ANSWERED or port == own:
                self._refuse(source, "port")
            elif (reason := refusal(data)) is not None:
                self._refuse(source, reason)
            elif reachesMany[ancillary[0]]:
                self._refuse(source, "group")  # each of them would answer
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
        respond = self.respond
        answers: list[Outgoing] = []
        answered = []
        for datagram in datagrams:
            data, source, ancillary = datagram
            try:
                answers.append((respond(data, source), source, ancillary[0]))
            except Exception:  # a fault of the service; the other clients have no part in it
                self._log.failure("A datagram has no answer", source=source)
            else:
                answered.append(datagram)
        failed = self._port.sendAll(answers)
        for at in failed:
            data, source, _ = answered[at]
            self.unsent(data, source)
        self.answered += len(answers) - len(failed)

    def _refuse(self, source: Address, reason: str) -> None:
        self.refused[reason] += 1
        self._last = source, reason
        self._refusalLog.happened()

    def _logRefused(self, times: int) -> None:
        source, reason = self._last
        self._log.info(
            "Not answered: {times} datagram(s); the last, from {where}: {why}.",
            times=times,
            where=hostPort(*source),
            source=source,
            why=self.reasons[reason],
            refusal=reason,
        )

    def metrics(self) -> Iterable[Metric]:
        """
        The metrics for L{twisted_netdemo.service.exporter.prometheus}.
        """
        name = self.name
        yield Metric(f"{name}_answers", "Datagrams answered.", self.answered)
        yield Metric(
            f"{name}_refused", "Datagrams not answered, by reason.", self.refused, "reason"
        )
