"""
Which datagrams a server answers that anyone may write to, and how many.

UDP lets anyone send in another's name. Two servers that answer each other's answers never stop
(CVE-2024-2169, CERT/CC VU#417980); the rules here end such a loop at its first step, and the limits
bound the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.addresses import Address, BoundedCache, isBroadcast, reachesMany
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.networks import clientOf
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.answering_ports import NEVER_ANSWERED
from twisted_netdemo.service.udp.datagram import Received

#: Why a datagram is not answered: each reason, and its clause in the log. A service has reasons of
#: its own besides.
REASONS: Mapping[str, str] = {
    "port": "its source port is known to answer answers",
    "group": "it was sent to many",
    "source-rate": "too many from there",
    "total-rate": "too many in all",
}


class Admission:
    """
    @ivar refused: how many datagrams were not admitted, by reason.
    """

    def __init__(
        self,
        clock: IReactorTime,
        log: Logger,
        reasons: Mapping[str, str],
        refusal: Callable[[bytes], str | None],
        perSource: TokenBuckets | None = None,
        inAll: TokenBuckets | None = None,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param log: gets a line on those that are not admitted, once a minute at most.
        @param reasons: as L{REASONS} has them.
        @param refusal: why a datagram with this payload is not answered, one of the reasons;
            C{None} if it is. What raises an exception is not answered.
        @param perSource: limits the answers to each source (an IPv4 address or an IPv6 /64);
            C{None} does not.
        @param inAll: limits the answers to all sources together; C{None} does not.
        @param isBroadcast: whether an address of this host stands for all hosts on its network.
        """
        self.refused: Counter[str] = Counter()
        self._log = log
        self._reasons = reasons
        self._refusal = refusal
        self._perSource = perSource
        self._inAll = inAll
        self._toMany = reachesMany(isBroadcast)
        self._quiet = RateLimitedLog(clock, self._say)
        self._last: tuple[Address, str] = ("", 0), ""
        self._never: frozenset[int] = NEVER_ANSWERED
        # By hosts, not ports: a client may take another port each time.
        self._clients: BoundedCache[str, Hashable] = BoundedCache(clientOf)

    def startsOn(self, port: int) -> None:
        """
        The server's own port is known: what comes from the same number may be another such server.
        """
        self._never = NEVER_ANSWERED | {port}

    def stopped(self) -> None:
        """
        The server's port has closed: the log gets its last count.
        """
        self._quiet.stop()

    def admitted(self, datagrams: Sequence[Received], now: float) -> Sequence[Received]:
        """
        Those of a batch that are to be answered, in order; the others are counted.

        @param now: in seconds of the monotonic clock.
        """
        never, clients = self._never, self._clients
        reachesMany, refusal = self._toMany, self._refusal
        admitted: list[Received] = []
        asking: list[Hashable] = []
        for datagram in datagrams:
            data, source, told, _ = datagram
            host, port = source
            if port in never:
                self._refuse(source, "port")
            elif reachesMany[told[0]]:
                self._refuse(source, "group")  # each of them would answer
            else:
                try:
                    reason = refusal(data)
                except Exception:  # a fault of the service; the other clients have no part in it
                    self._log.failure("A datagram has no answer", source=source)
                    continue
                if reason is None:
                    admitted.append(datagram)
                    asking.append(clients[host])
                else:
                    self._refuse(source, reason)
        if admitted and self._perSource is not None:
            admitted = self._within(self._perSource, admitted, asking, now)
        wanted = len(admitted)
        # Asked last: a source that is over its own limit takes nothing from the others.
        if wanted and self._inAll is not None:
            taken = self._inAll.take(None, now, wanted)
            if taken < wanted:
                for _, source, _, _ in admitted[taken:]:
                    self._refuse(source, "total-rate")
                del admitted[taken:]
        return admitted

    def _within(
        self, limit: TokenBuckets, datagrams: list[Received], asking: list[Hashable], now: float
    ) -> list[Received]:
        """
        Those within each client's limit.
        """
        wanted, first = len(asking), asking[0]
        if wanted == 1 or asking.count(first) == wanted:
            taken = limit.take(first, now, wanted)
            for _, source, _, _ in datagrams[taken:]:
                self._refuse(source, "source-rate")
            return datagrams[:taken]
        within = []
        for datagram, client in zip(datagrams, asking, strict=True):
            if limit.take(client, now):
                within.append(datagram)
            else:
                self._refuse(datagram[1], "source-rate")
        return within

    def _refuse(self, source: Address, reason: str) -> None:
        self.refused[reason] += 1
        self._last = source, reason
        self._quiet.happened()

    def _say(self, times: int) -> None:
        source, reason = self._last
        self._log.info(
            "Not answered: {times} datagram(s); the last, from {where}: {why}.",
            times=times,
            where=hostPort(*source),
            source=source,
            why=self._reasons[reason],
            refusal=reason,
        )
