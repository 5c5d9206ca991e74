"""
The Session-Reflector (RFC 8762 4.3): a test packet in, at most one out, which is as long.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.addresses import Address, BoundedCache, isBroadcast
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.admission import REASONS, Admission
from twisted_netdemo.service.udp.datagram import (
    Ancillary,
    Departure,
    Origin,
    Outgoing,
    Received,
    Stamp,
)
from twisted_netdemo.service.udp.port import DatagramSender
from twisted_netdemo.stamp.packets.base_packet import (
    AUTHENTICATED,
    OPEN,
    SSID,
    STAMP_AT,
    Reply,
    authentic,
    bareReply,
    packReply,
    parseRequest,
)
from twisted_netdemo.stamp.packets.key_file import Keys
from twisted_netdemo.stamp.packets.timestamps import ntp
from twisted_netdemo.stamp.reflector.extensions import Extensions, Seen
from twisted_netdemo.stamp.reflector.reflector_clock import ReflectorClock
from twisted_netdemo.stamp.reflector.refusal import Refusal, refusal
from twisted_netdemo.stamp.reflector.sessions import Session, Sessions
from twisted_netdemo.stamp.session.kernel_clock import ClockError

_log = Logger()

# How many replies are sent together: each waits for those before it, and has its time of sending by
# then.
_TOGETHER = 8

_WHY: dict[str, str] = {
    "short": "it is too short",
    "text": "it is text, as other servers' answers are",
    "multiplier": "the Multiplier of its Error Estimate is 0",
    "reply": "it is a reply itself",
    "authentication": "it was not made with a key of ours",
}


def _departure(told: Ancillary) -> tuple[Origin, int]:
    """
    From where and with which class the reply to a request leaves, and the TTL that it tells of.
    """
    destination, ttl, trafficClass = told
    dscp = (trafficClass or 0) & 0xFC
    return Departure(destination, dscp) if dscp else destination, ttl or 0


class SessionReflector:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>}.

    @ivar answered: how many replies the system has taken.
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
        self.sessions = sessions
        self._seconds = monotonic(clock).seconds
        self.keys = keys
        self._light = light
        rules = refusal if keys is None and not light else self._refusal
        self._admission = Admission(
            clock, _log, {**REASONS, **_WHY}, rules, perSource, inAll, isBroadcast
        )
        self._now = now
        self._clock = ReflectorClock(now, self._seconds, clockError or ClockError())
        self._departures: BoundedCache[Ancillary, tuple[Origin, int]] = BoundedCache(_departure)
        self._sent = Stamp(STAMP_AT, lambda: ntp(now()).to_bytes(8, "big"), _TOGETHER)

    @property
    def refused(self) -> Counter[str]:
        """
        How many datagrams were not answered, by reason.
        """
        return self._admission.refused

    def started(self, port: DatagramSender) -> None:
        self._port = port
        self._admission.startsOn(port.number)

    def stopped(self) -> None:
        self._admission.stopped()

    def _refusal(self, data: bytes) -> Refusal | None:
        keys = self.keys
        if keys is None:
            return refusal(data, False, self._light)
        return refusal(data, True, False) or (
            None if self._isAuthentic(keys, data) else "authentication"
        )

    def _isAuthentic(self, keys: Keys, data: bytes) -> bool:
        key = keys.of(parseRequest(data, authenticated=True).ssid)
        return key is not None and authentic(key, data)

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        now = self._seconds()
        if now >= self._clock.due:
            self._clock.look(now)
        admitted = self._admission.admitted(datagrams, now)
        if self.keys is None:
            for each in admitted:
                if len(each[0]) != OPEN:
                    break
            else:
                self._answerBare(admitted, now)
                return
        for start in range(0, len(admitted), _TOGETHER):
            self._answer(admitted[start : start + _TOGETHER], now)

    def _answerBare(self, datagrams: Sequence[Received], now: float) -> None:
        """
        The same as L{_answer} for the bare requests of 44 octets, which are most of all.
        """
        outgoing: list[Outgoing] = []
        error, sessions, departures = self._clock.bits, self.sessions, self._departures
        last: object = None
        session: Session | None = None
        for data, source, told, received in datagrams:
            try:
                ssid = data[SSID]
                if sessions is None:
                    number = int.from_bytes(data[:4], "big")
                else:
                    key = source, ssid, None
                    if session is None or key != last:
                        session, last = sessions.of(key, now), key
                    number = session.replies & 0xFFFFFFFF
                    session.replies += 1
                origin, ttl = departures[told]
                there = ntp(self._now() if received is None else received)
                reply = bareReply(number, error, ssid, there, data[:14], ttl)
                outgoing.append((reply, source, origin))
            except Exception:
                self._failed(source)
        self.answered += len(outgoing) - len(self._port.sendAll(outgoing, self._sent))

    def _answer(self, datagrams: Sequence[Received], now: float) -> None:
        outgoing: list[Outgoing] = []
        following: list[tuple[Session, int] | None] = []
        for datagram in datagrams:
            try:
                reply, follows = self._reply(datagram, now)
            except Exception:
                self._failed(datagram[1])
            else:
                outgoing.append(reply)
                following.append(follows)
        # An HMAC is over the time of sending too, which is then made before it.
        failed = self._port.sendAll(outgoing, self._sent if self.keys is None else None)
        self.answered += len(outgoing) - len(failed)
        left = ntp(self._now())
        for at, follows in enumerate(following):
            if follows is not None and at not in failed:
                session, number = follows
                session.previous = (number, left)

    def _reply(self, datagram: Received, now: float) -> tuple[Outgoing, tuple[Session, int] | None]:
        """
        @return: the reply to one request, where it is authenticated with its Timestamp; and its
            session and number, where the next reply may tell when this one left.
        """
        data, source, told, received = datagram
        destination, ttl, trafficClass = told
        keys, sessions = self.keys, self.sessions
        base = OPEN if keys is None else AUTHENTICATED
        request = parseRequest(data, keys is not None)
        key = None if keys is None else keys.of(request.ssid)
        extensions = Extensions(data, base, key) if len(data) > base else None
        session, number = None, request.number
        if sessions is not None:
            run = None if extensions is None else extensions.run
            session = sessions.of((source, request.ssid.to_bytes(2, "big"), run), now)
            number = session.replies & 0xFFFFFFFF
            session.replies += 1
        tail, follows = b"", None
        origin, _ = self._departures[told]
        if extensions is not None:
            seen = Seen(
                request.number,
                source,
                destination,
                self._port.number,
                trafficClass,
                self._clock.estimate.synchronized,
            )
            tail = extensions.answered(number, seen, session)
            if session is not None:
                follows = session, number
            if extensions.dscp is not None:
                origin = Departure(destination, extensions.dscp << 2)
        stamp = ntp(self._now() if received is None else received)
        reply = Reply(
            number,
            0 if keys is None else ntp(self._now()),
            self._clock.bits,
            request.ssid,
            stamp,
            request.number,
            request.stamp,
            request.error,
            ttl or 0,
        )
        return (packReply(reply, key) + tail, source, origin), follows

    def _failed(self, source: Address) -> None:
        _log.failure("A test packet has no reply", source=source)

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
