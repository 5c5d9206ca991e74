"""
A reflector in memory, and what its clients send.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.udp.datagram import Outgoing
from twisted_netdemo.stamp.packets.base_packet import OPEN, Request, packRequest
from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate, ntp
from twisted_netdemo.stamp.packets.tlvs import TLV, tlvs
from twisted_netdemo.stamp.reflector.session_reflector import SessionReflector
from twisted_netdemo.stamp.reflector.sessions import Sessions
from twisted_netdemo.stamp.session.kernel_clock import ClockError
from twisted_netdemo.testing import MemoryPort

#: When a fake clock says 0, in nanoseconds since 1970.
BEGAN = 1_790_000_000_000_000_000
SOURCE: Address = ("192.0.2.1", 40000)
ERROR = ErrorEstimate(True, False, 10, 33)


def request(number: int = 0, ssid: int = 5, key: bytes | None = None, error: int = 1) -> bytes:
    """
    A request's base.
    """
    return packRequest(Request(number, ntp(BEGAN), error, ssid), key)


class Reflecting:
    """
    A reflector on a fake clock.

    @ivar clock: it, and C{step}: by how many nanoseconds the time of day has been set forward.
    """

    def __init__(
        self, stateless: bool = False, most: int = 0, number: int = 862, **options: Any
    ) -> None:
        self.clock = Clock()
        self.step = 0
        self.sessions = None if stateless else Sessions(most)
        self.reflector = SessionReflector(
            self.clock,
            self.sessions,
            isBroadcast=lambda host: host == "192.0.2.255",
            now=self.now,
            clockError=ClockError(lambda: ERROR),
            **options,
        )
        self.port = MemoryPort(number=number)
        self.reflector.started(self.port)

    def now(self) -> int:
        """
        The fake clock's time of day.
        """
        return BEGAN + self.step + round(self.clock.seconds() * 1e9)

    def sends(
        self,
        data: bytes,
        source: Address = SOURCE,
        destination: str = "192.0.2.2",
        ttl: int = 60,
        trafficClass: int = 0,
    ) -> bytes | None:
        """
        What a datagram is answered with, if it is.
        """
        before = len(self.port.sent)
        told = (destination, ttl, trafficClass)
        self.reflector.datagramsReceived([(data, source, told, self.now())])
        replies: list[Outgoing] = self.port.sent[before:]
        assert len(replies) <= 1
        for reply, to, _ in replies:
            assert to == source
            return reply
        return None


def values(reply: bytes | None, start: int = OPEN) -> list[tuple[int, int, bytes]]:
    """
    The flags, types and values of a reply's TLVs.
    """
    assert reply is not None
    found: list[TLV] = [*tlvs(reply, start)]
    return [(each.flags, each.type, reply[each.value : each.end]) for each in found]
