"""
A path whose every packet has the fate that a test draws for it, and other people's reflectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import Clock

from tests.stamp.path import Port
from tests.stamp.reflecting import BEGAN, ERROR
from twisted_netdemo.service.addresses import Address
from twisted_netdemo.stamp.packets.base_packet import Reply, packReply, parseRequest
from twisted_netdemo.stamp.packets.timestamps import ntp
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.sender.session_sender import SessionSender
from twisted_netdemo.stamp.sender.settings import Settings
from twisted_netdemo.stamp.session.kernel_clock import ClockError
from twisted_netdemo.testing import SteppedClock

SENDER: Address = ("192.0.2.1", 40000)
TARGET: Address = ("192.0.2.2", 862)

#: The delay of each copy of a packet, in milliseconds; none where it is lost.
Copies = Sequence[int]

_UNTOUCHED: Copies = (1,)


class Drawn:
    """
    A sender, two ways, and what is at their end.

    @ivar there: the numbers of the packets that reached the reflector, in that order.
    @ivar back: for each reply that reached the sender the reflector's number and the request's.
    @ivar step: by how many nanoseconds the clock, which both ends have, has been set forward.
    """

    def __init__(
        self,
        reflect: Callable[[bytes, int], bytes | None],
        settings: Settings,
        up: Sequence[Copies] = (),
        down: Sequence[Copies] = (),
    ) -> None:
        """
        @param reflect: what the reflector answers to a datagram, at a time of day.
        @param up: what becomes of the packets in the order of their sending; of those beyond,
            nothing befalls any. C{down}: of the replies.
        """
        self.clock: Clock = SteppedClock()
        self.step = 0
        self._reflect = reflect
        self._up, self._down = iter(up), iter(down)
        self.there: list[int] = []
        self.back: list[tuple[int, int]] = []
        self.sender = SessionSender(
            self.clock, TARGET, settings, now=self.now, clockError=ClockError(lambda: ERROR), run=7
        )
        self.sent: list[bytes] = []

    def now(self) -> int:
        """
        The time of day.
        """
        return BEGAN + self.step + round(self.clock.seconds() * 1e9)

    def _leaves(self, data: bytes) -> None:
        self.sent.append(data)
        for delay in next(self._up, _UNTOUCHED):
            self.clock.callLater(delay / 1000, self._arrives, data)

    def _arrives(self, data: bytes) -> None:
        self.there.append(int.from_bytes(data[:4], "big"))
        reply = self._reflect(data, self.now())
        if reply is not None:
            for delay in next(self._down, _UNTOUCHED):
                self.clock.callLater(delay / 1000, self._returns, reply)

    def _returns(self, reply: bytes) -> None:
        self.back.append((int.from_bytes(reply[:4], "big"), int.from_bytes(reply[24:28], "big")))
        self.receives(reply)

    def receives(self, data: bytes, source: Address = TARGET) -> None:
        """
        A datagram comes to the sender.
        """
        self.sender.datagramsReceived([(data, source, ("192.0.2.1", 60, 0), self.now())])

    def start(self) -> list[Measurement]:
        """
        Begin.

        @return: where the result will be.
        """
        results: list[Measurement] = []
        self.sender.finished.addCallback(results.append)
        port: Any = Port(SENDER[1], self._leaves)
        self.sender.started(port)
        return results

    def run(self) -> Measurement:
        """
        The measurement, when all is over.
        """
        results = self.start()
        while not results:
            following = min(call.getTime() for call in self.clock.getDelayedCalls())
            self.clock.advance(max(0.0, following - self.clock.seconds()))
        return results[0]


class Another:
    """
    Another's reflector.
    """

    def __init__(self, stateful: bool = True, length: int = 44, **changes: Any) -> None:
        """
        @param length: of its replies, in octets.
        @param changes: what its replies have otherwise.
        """
        self._stateful = stateful
        self._length = length
        self._changes = changes
        self._number = 0

    def __call__(self, data: bytes, now: int) -> bytes:
        request = parseRequest(data)
        number = self._number if self._stateful else request.number
        self._number += 1
        stamp = ntp(now)
        base = Reply(number, stamp, 1, request.ssid, stamp, request.number, request.stamp, 1, 61)
        return packReply(base._replace(**self._changes))[: self._length]
