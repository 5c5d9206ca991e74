"""
The Session-Sender (RFC 8762 4.2): it sends a run of test packets and, behind them, closing packets
until what became of the others is known.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.time.timer import timer
from twisted_netdemo.service.udp.datagram import Received
from twisted_netdemo.service.udp.port import DatagramSender
from twisted_netdemo.stamp.packets.base_packet import PacketError, Request, Unauthentic, parseReply
from twisted_netdemo.stamp.packets.timestamps import ntp
from twisted_netdemo.stamp.results.evaluation import measured
from twisted_netdemo.stamp.results.measurement import Measurement, Rejected, Sending
from twisted_netdemo.stamp.sender.schedule import Periodic, Poisson, Schedule
from twisted_netdemo.stamp.sender.settings import Layout, Settings
from twisted_netdemo.stamp.session.kernel_clock import ClockError
from twisted_netdemo.stamp.session.ledger import Ledger
from twisted_netdemo.stamp.session.wall_clock import WallClock

# A request that is later than this, in seconds, is counted as late.
_LATE = 0.001

# When all requests are answered, copies may still come: for so many of the longest round trips, and
# for so many seconds at least.
_ROUND_TRIPS = 10
_COPIES = 0.1

# How long a closing packet's answer is waited for before the next: so many of the longest round
# trips, within these bounds in seconds.
_PATIENCE = 3
_SOONEST, _LATEST = 0.02, 0.5

# How many closing packets there are at most: to a reflector that reports, with more for each
# stretch of requests that is open; to another; and where nothing has come back.
_OURS, _FOR_EACH, _OTHERS, _NOBODY = 50, 4, 20, 4

# A run that is to end soon waits so many seconds at most for the last replies, and is over after so
# many in all.
_REPLIES, _HASTE = 2.0, 3.0

# From a reflector that gives numbers back, so many answers to closing packets are enough.
_ENOUGH = 4


class SessionSender:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>}.

    @ivar finished: fires with the L{Measurement}.
    @ivar allSent: fires when the last request has been sent.
    @ivar ledger: the record of the run so far.
    """

    _port: DatagramSender

    def __init__(
        self,
        reactor: IReactorTime,
        target: Address,
        settings: Settings,
        now: Callable[[], int] = time.time_ns,
        clockError: ClockError | None = None,
        run: int | None = None,
    ) -> None:
        """
        @param reactor: provides a clock, and the finest timer that there is.
        @param target: the reflector's address and port.
        @param now: the time of day in nanoseconds since 1970.
        @param run: the run's number; C{None} for one by chance.
        """
        self.finished: Deferred[Measurement] = Deferred()
        self.allSent: Deferred[None] = Deferred()
        self._target = target
        self._settings = settings
        self._layout = Layout(settings.size, settings.key)
        number = random.SystemRandom().getrandbits(64) if run is None else run
        self.ledger = Ledger(number, self._layout.width)
        self._clockError = clockError or ClockError()
        self._timer = timer(reactor, self._wake)
        self._clock = WallClock(now, self._timer.seconds)
        self._schedule: Schedule = (
            Poisson(settings.interval, settings.seed)
            if settings.poisson
            else Periodic(settings.interval)
        )
        self._start = self._tick = 0.0
        self._act = self._request
        self._isOver = False
        self._closed = self._end = 0.0
        self._over = math.inf
        self._longest = 0
        self._last = b""
        self._errors: list[int] = []
        self._late = self._skipped = self._failed = 0
        self._unauthentic = self._malformed = self._stray = 0

    def started(self, port: DatagramSender) -> None:
        self._port = port
        self._start = self._timer.seconds()
        self._timer.at(self._start)

    def hasten(self) -> None:
        """
        Send no further requests, and come to an end with what there is within three seconds: two
        for replies that are under way, the rest to ask what arrived.
        """
        if self._isOver or self._over < math.inf:
            return
        now = self._timer.seconds()
        self._over = now + _HASTE
        if not self.ledger.isClosed:
            self._close()
        if self.ledger.closings:
            return
        if self._end > now + _REPLIES:
            self._end = now + _REPLIES
            self._timer.at(self._end)

    def stop(self) -> None:
        """
        Send no more, whatever is not known.
        """
        self._isOver = True
        self._timer.close()

    def _wake(self) -> None:
        if not self._isOver:
            self._act()

    # The requests.

    def _request(self) -> None:
        lateness = self._timer.seconds() - self._start - self._tick
        self._send()
        self._errors.append(round(lateness * 1e9))
        self._late += lateness > _LATE
        if self.ledger.requests >= self._settings.count:
            self._close()
            return
        now = self._timer.seconds() - self._start
        self._tick, skipped = self._schedule.following(now)
        self._skipped += skipped
        duration = self._settings.duration
        if duration is not None and self._tick >= duration:
            self._close()
            return
        self._timer.at(self._start + self._tick)

    def _send(self) -> None:
        ledger, isClosing = self.ledger, self.ledger.isClosed
        number = len(ledger.sent)
        extensions = self._layout.extensions(
            number, ledger.run, ledger.stretches.wants(), isClosing
        )
        self._clockError.look(self._timer.seconds())
        error, ssid = self._clockError.bits, self._settings.ssid
        moment = self._clock.read()
        self._last = self._layout.request(Request(number, ntp(moment), error, ssid), extensions)
        ledger.sends(moment, self._clock.step)
        isTaken = self._port.send(self._last, self._target)
        self._failed += not (isTaken or isClosing)

    # After the last request: replies may come for the length of the timeout.

    def _close(self) -> None:
        self.ledger.close()
        self._act = self._closing
        self._closed = self._timer.seconds()
        self._end = self._closed + self._settings.timeout
        self._timer.at(self._end)
        if not self.ledger.unanswered:
            self._waitForCopies()
        self.allSent.callback(None)

    def _waitForCopies(self) -> None:
        wait = max(_COPIES, _ROUND_TRIPS * self._longest / 1e9)
        self._end = min(self._end, self._timer.seconds() + wait)
        self._timer.at(self._end)

    # The closing packets.

    def _closing(self) -> None:
        ledger = self.ledger
        isTime = self._timer.seconds() >= self._over
        if isTime or self._isEnough() or ledger.closings >= self._most():
            self._finish()
            return
        # A reflector that counts gives two answers to one packet different numbers, another the
        # same: that is seen by sending one twice.
        isProbed = not ledger.reports and not ledger.isStateful
        if isProbed and ledger.closings % 2:
            ledger.again()
            self._port.send(self._last, self._target)
        else:
            self._send()
        wait = min(_LATEST, max(_SOONEST, _PATIENCE * self._longest / 1e9))
        self._timer.at(min(self._timer.seconds() + wait, self._over))

    def _isEnough(self) -> bool:
        ledger = self.ledger
        if ledger.reports:
            # the reflector has forgotten the run's first session: no report can complete any more
            return ledger.isDecided or (ledger.closingReport and ledger.report is None)
        if ledger.isStateful:
            return bool(ledger.closingReplies)
        return ledger.closingsAnswered >= _ENOUGH

    def _most(self) -> int:
        ledger = self.ledger
        if ledger.reports:
            return _OURS + _FOR_EACH * len(ledger.stretches)
        return _OTHERS if ledger.answered or ledger.closingsAnswered else _NOBODY

    def _finish(self) -> None:
        self.stop()
        self._clock.read()
        waited = None if self._over == math.inf else self._end - self._closed
        self.finished.callback(
            measured(
                self.ledger,
                self._target,
                self._settings.timeout,
                self._clockError.estimate,
                Sending(tuple(self._errors), self._late, self._skipped, self._failed, waited),
                Rejected(self._unauthentic, self._malformed, self._stray, self.ledger.excess),
                self._clock.step if self._clock.isStepped else None,
            )
        )

    # What comes.

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        now = self._clock.read()
        for data, source, (_, ttl, _), received in datagrams:
            if self._isOver:
                return
            self._replied(data, source, self._clock.arrival(received, now), ttl)

    def _replied(self, data: bytes, source: Address, arrived: int, ttl: int | None) -> None:
        if source != self._target:
            self._stray += 1
            return
        ledger = self.ledger
        try:
            reply = parseReply(data, self._settings.key)
            report = self._layout.report(data, ledger.run)
        except Unauthentic:
            self._unauthentic += 1
            return
        except PacketError:
            self._malformed += 1
            return
        if not ledger.isOurs(reply, self._settings.ssid):
            self._malformed += 1
            return
        unanswered, closings = ledger.unanswered, ledger.closingsAnswered
        ledger.replied(reply, report, arrived, ttl)
        if ledger.unanswered < unanswered:
            self._longest = max(self._longest, arrived - ledger.sent[reply.senderNumber])
        if not ledger.isClosed:
            return
        if ledger.closings:
            if ledger.closingsAnswered > closings:
                self._timer.at(self._timer.seconds())  # the next, or the end
        elif ledger.unanswered < unanswered and not ledger.unanswered:
            self._waitForCopies()
