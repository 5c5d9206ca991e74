"""
The settings of a run, and the layout of its packets. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from twisted_netdemo.stamp.packets import run_report
from twisted_netdemo.stamp.packets.base_packet import (
    AUTHENTICATED,
    OPEN,
    PacketError,
    Request,
    Unauthentic,
    packRequest,
)
from twisted_netdemo.stamp.packets.run_report import RunReport
from twisted_netdemo.stamp.packets.tlvs import (
    HEADER,
    HMAC_SIZE,
    I,
    M,
    Type,
    U,
    isCovered,
    pack,
    padding,
    signed,
    tlvs,
)

#: The octets that the bitmap of a Run Report takes: it tells of 256 requests.
_BITMAP = 32

#: The largest payload that UDP has over IPv4.
LARGEST = 65507


@dataclass(frozen=True)
class Settings:
    """
    @ivar count: how many requests.
    @ivar interval: seconds from one to the next; with C{poisson}, their mean.
    @ivar seed: determines the distances of a Poisson schedule; C{None} for random ones.
    @ivar size: octets of UDP payload, C{None} for what our own TLV needs.
    @ivar dscp: the Differentiated Services Code Point, 0 to 63.
    @ivar key: with it, packets are authenticated.
    @ivar ssid: the STAMP Session Identifier, 0 for none.
    @ivar sourcePort: 0 for any.
    @ivar timeout: how many seconds a reply may take.
    @ivar family: 4 or 6, where it shall be IPv4 or IPv6; 0 for either.
    @ivar duration: the seconds after which no more requests are sent, whatever C{count} says;
        C{None} for no such limit.
    """

    count: int = 100
    interval: float = 0.01
    poisson: bool = False
    seed: int | None = None
    size: int | None = None
    dscp: int = 0
    key: bytes | None = None
    ssid: int = 0
    sourcePort: int = 0
    timeout: float = 2.0
    family: Literal[0, 4, 6] = 0
    duration: float | None = None

    def __post_init__(self) -> None:
        """
        @raise ValueError: a value is out of its bounds; no run could end by it.
        """
        least = OPEN if self.key is None else AUTHENTICATED
        for name, value, isRight in (
            ("count", self.count, self.count >= 1),
            ("interval", self.interval, 0 < self.interval < math.inf),
            ("timeout", self.timeout, 0 < self.timeout < math.inf),
            ("size", self.size, self.size is None or least <= self.size <= LARGEST),
            ("dscp", self.dscp, 0 <= self.dscp <= 63),
            ("ssid", self.ssid, 0 <= self.ssid <= 0xFFFF),
        ):
            if not isRight:
                raise ValueError(f"{name}: {value!r} is out of bounds")


class Layout:
    """
    The parts of a run's packets.

    @ivar base: the octets of the base packet.
    @ivar width: of how many requests the Run Report tells; 0 where the packets have none.
    """

    def __init__(self, size: int | None, key: bytes | None) -> None:
        self._key = key
        self.base = OPEN if key is None else AUTHENTICATED
        fixed = HEADER.size + run_report.FIXED + (0 if key is None else HMAC_SIZE)
        room = fixed + _BITMAP if size is None else size - self.base
        octets = max(0, min(_BITMAP, room - fixed))
        if octets < run_report.LEAST - run_report.FIXED:
            octets, self._padding = 0, room
        else:
            self._padding = room - fixed - octets
            if self._padding < HEADER.size:
                octets, self._padding = octets + self._padding, 0
        self.width = 8 * octets

    def extensions(self, number: int, run: int, start: int, isClosing: bool) -> bytes:
        """
        The TLVs of a request.
        """
        found = b""
        if self.width:
            asked = run_report.question(run, start, isClosing, self.width // 8)
            found = pack(Type.RUN_REPORT, asked)
            if self._key is not None:
                found = signed(number.to_bytes(4, "big"), found, self._key)
        return found + padding(self._padding)

    def request(self, request: Request, extensions: bytes) -> bytes:
        """
        A whole request.
        """
        return packRequest(request, self._key) + extensions

    def report(self, data: bytes, run: int) -> RunReport | None:
        """
        The Run Report in a reply, or C{None}.

        @raise Unauthentic: it was not made with the key.
        @raise PacketError: the reflector says that the request's TLVs came damaged: such a request
            counts as lost (RFC 7680), and has not arrived for the reflector either.
        """
        if not self.width:
            return None
        found = [*tlvs(data, self.base)]
        if any(each.flags & I for each in found):
            raise PacketError("a request that came to the reflector damaged")
        if self._key is not None and not isCovered(data[:4], data[self.base :], self._key):
            raise Unauthentic("TLVs that were not made with this key")
        for each in found:
            if each.type == Type.RUN_REPORT and not each.flags & (U | M):
                report = run_report.parse(data[each.value : each.end])
                if report is not None and report.answered and report.run == run:
                    return report
        return None
