"""
The Session-Reflector (RFC 8762 4.3): a test packet in, at most one out, which is as long.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.addresses import Address, isBroadcast, reachesMany
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.networks import clientOf
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.datagram import Departure, Outgoing, Received
from twisted_netdemo.service.udp.port import DatagramSender
from twisted_netdemo.stamp.packets.base_packet import (
    AUTHENTICATED,
    OPEN,
    Reply,
    authentic,
    packReply,
    parseRequest,
    readRequest,
    writeReply,
)
from twisted_netdemo.stamp.packets.key_file import Keys
from twisted_netdemo.stamp.packets.timestamps import ntp
from twisted_netdemo.stamp.reflector.extensions import Extensions, Seen
from twisted_netdemo.stamp.reflector.refusal import Refusal, refusal
from twisted_netdemo.stamp.reflector.sessions import Session, Sessions
from twisted_netdemo.stamp.session.kernel_clock import ClockError

_log = Logger()

_clientOf = lru_cache(4096)(clientOf)

# How many replies are made and sent together: each waits for those after it, and has its time of
# sending by then.
_TOGETHER = 8

_WHY: dict[Refusal, str] = {
    "port": "its source port is known to answer replies",
    "group": "it was sent to many",
    "short": "it is too short",
    "text": "it is text, as other servers' answers are",
    "multiplier": "the Multiplier of its Error Estimate is 0",
    "reply": "it is a reply itself",
    "authentication": "it was not made with a key of ours",
    "source-rate": "too many from there",
    "total-rate": "too many in all",
}


class SessionReflector:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>}.

    @ivar answered: how many replies the system has taken.
    @ivar refused: how many datagrams were not answered, by reason (L{Refusal}).
    @ivar sessions: the sessions; C{None} where it is stateless.
    @ivar keys: with them, only authenticated packets are answered.
    """

    _port: DatagramSender

    def __init__(
        self,
        clock: IReactorTime,
        sessions: Sessions | None,
        keys: Keys | None = None,
        light: bool = False,
        perSource: TokenBuckets | None = None,
        inAll: TokenBuckets | None = None,
        isBroadcast: Callable[[str], bool] = isBroadcast,
        now: Callable[[], int] = time.time_ns,
        clockError: ClockError | None = None,
    ) -> None:
        """
        @param clock: the reactor.
        @param keys: with them, only authenticated packets are answered.
        @param light: whether requests of under 44 octets are answered, by 44.
        @param perSource: limits the replies to each source; C{None} does not.
        @param inAll: limits the replies to all of them.
        @param isBroadcast: whether an address of this host is that of all on its network.
        @param now: the time of day in nanoseconds since 1970.
        """
        self.answered = 0
        self.refused: Counter[str] = Counter()
        self.sessions = sessions
        self._seconds = monotonic(clock).seconds
        self.keys = keys
        self._light = light
        self._perSource = perSource
        self._inAll = inAll
        self._toMany = reachesMany(isBroadcast)
        self._now = now
        self._clockError = clockError or ClockError()
        self._quiet = RateLimitedLog(clock, self._say)
        self._last: tuple[Address, Refusal] = ("", 0), "short"

    def started(self, port: DatagramSender) -> None:
        self._port = port

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        came = self._now()
        now = self._seconds()
        self._clockError.look(now)
        allowed = self._allowed(datagrams, now)
        for start in range(0, len(allowed), _TOGETHER):
            together = allowed[start : start + _TOGETHER]
            if self.keys is None and all(len(data) == OPEN for data, _, _ in together):
                self._answerBare(together, came, now)
            else:
                self._answer(together, came, now)

    def _allowed(self, datagrams: Sequence[Received], now: float) -> list[Received]:
        """
        Those that are to be answered; the others are counted.
        """
        own, perSource, inAll, keys = self._port.number, self._perSource, self._inAll, self.keys
        reachesMany, light, authenticated = self._toMany, self._light, keys is not None
        allowed = []
        for datagram in datagrams:
            data, source, told = datagram
            host, port = source
            why = refusal(data, port, own, reachesMany[told[0]], authenticated, light)
            if why is not None:
                self._refuse(source, why)
            elif keys is not None and not self._isAuthentic(keys, data):
                self._refuse(source, "authentication")
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
        return allowed

    def _isAuthentic(self, keys: Keys, data: bytes) -> bool:
        key = keys.of(parseRequest(data, authenticated=True).ssid)
        return key is not None and authentic(key, data)

    def _answerBare(self, datagrams: Sequence[Received], came: int, now: float) -> None:
        """
        The same as L{_answer} for the bare requests of 44 octets, which are most of all.
        """
        outgoing: list[Outgoing] = []
        moment, own, sessions = self._now, self._clockError.bits, self.sessions
        for data, source, (destination, ttl, trafficClass, received) in datagrams:
            request, stamp, error, ssid = readRequest(data)
            if sessions is None:
                number = request
            else:
                session = sessions.of((*source, ssid, None), now)
                session.requests += 1
                number = session.replies & 0xFFFFFFFF
                session.replies += 1
            there = ntp(came if received is None else received)
            dscp = (trafficClass or 0) & 0xFC
            origin = Departure(destination, dscp) if dscp else destination
            reply = writeReply(
                number, ntp(moment()), own, ssid, there, request, stamp, error, ttl or 0
            )
            outgoing.append((reply, source, origin))
        self.answered += len(outgoing) - len(self._port.sendAll(outgoing))

    def _answer(self, datagrams: Sequence[Received], came: int, now: float) -> None:
        """
        @param came: a time of arrival for those of which the kernel tells none.
        """
        outgoing: list[Outgoing] = []
        following: list[tuple[Session, int]] = []
        moment, error = self._now, self._clockError.bits
        keys, sessions = self.keys, self.sessions
        base = OPEN if keys is None else AUTHENTICATED
        for data, source, (destination, ttl, trafficClass, received) in datagrams:
            request = parseRequest(data, keys is not None)
            key = None if keys is None else keys.of(request.ssid)
            extensions = Extensions(data, base, key) if len(data) > base else None
            session, number = None, request.number
            if sessions is not None:
                run = None if extensions is None else extensions.run
                session = sessions.of((*source, request.ssid, run), now)
                number = session.replies & 0xFFFFFFFF
                session.requests += 1
                session.replies += 1
            tail = b""
            if extensions is not None:
                seen = Seen(
                    request.number,
                    source,
                    destination,
                    self._port.number,
                    trafficClass,
                    self._clockError.estimate.synchronized,
                )
                tail = extensions.answered(number, seen, session)
                if session is not None:
                    following.append((session, number))
            stamp = ntp(came if received is None else received)
            reply = Reply(
                number,
                ntp(moment()),
                error,
                request.ssid,
                stamp,
                request.number,
                request.stamp,
                request.error,
                ttl or 0,
            )
            dscp = (trafficClass or 0) >> 2
            if extensions is not None and extensions.dscp is not None:
                dscp = extensions.dscp
            origin = Departure(destination, dscp << 2) if dscp else destination
            outgoing.append((packReply(reply, key) + tail, source, origin))
        failed = self._port.sendAll(outgoing)
        self.answered += len(outgoing) - len(failed)
        if following:
            left = ntp(moment())
            for session, number in following:
                session.previous = (number, left)

    def _refuse(self, source: Address, why: Refusal) -> None:
        self.refused[why] += 1
        self._last = source, why
        self._quiet.happened()

    def _say(self, times: int) -> None:
        source, why = self._last
        _log.info(
            "Not answered: {times} datagram(s); the last, from {where}: {why}.",
            times=times,
            where=hostPort(*source),
            source=source,
            why=_WHY[why],
            refusal=why,
        )

    def metrics(self) -> Iterable[Metric]:
        """
        For L{twisted_netdemo.service.exporter.prometheus}.
        """
        yield Metric("stampreflector_replies", "Test packets answered.", self.answered)
        yield Metric(
            "stampreflector_refused", "Datagrams not answered, by reason.", self.refused, "reason"
        )
        if self.sessions is not None:
            self.sessions.forget(self._seconds())
            yield Metric(
                "stampreflector_sessions",
                "Sessions that are kept.",
                len(self.sessions),
                rises=False,
            )
            yield Metric(
                "stampreflector_sessions_evicted",
                "Sessions that had to go before they were idle for long.",
                self.sessions.evicted,
            )
