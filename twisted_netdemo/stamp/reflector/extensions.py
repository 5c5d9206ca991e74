"""
The TLVs of a reply, made from those of the request (RFC 8972 4).

A TLV that it knows is filled in and loses U; another is returned with U; at one that is malformed
it stops, with M. In authenticated sessions an HMAC TLV stands behind all TLVs but padding; where it
is missing or wrong, each TLV is returned as it came, with I. Pure.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from itertools import islice
from struct import Struct
from typing import NamedTuple

from twisted_netdemo.stamp.packets import run_report
from twisted_netdemo.stamp.packets.base_packet import digest
from twisted_netdemo.stamp.packets.run_report import RunReport
from twisted_netdemo.stamp.packets.tlvs import (
    HEADER,
    LEASTS,
    LENGTHS,
    TLV,
    I,
    M,
    Type,
    U,
    isCovered,
    tlvs,
)
from twisted_netdemo.stamp.reflector.sessions import Session

# How many TLVs of a request, and sub-TLVs of one, are looked at: a datagram has room for 16,000,
# which would take as long as thousands of requests. With a key there is no such bound.
_MOST = 64

_PORTS = Struct("!HH")
_THREE = Struct("!III")
_FOLLOW_UP = Struct("!IQB3x")

# RFC 8972 4.2.1: sub-TLVs of a Location TLV, from the sender and as the reflector returns them.
_DESTINATION, _DESTINATION4, _DESTINATION6 = 4, 5, 6
_SOURCE, _SOURCE4, _SOURCE6 = 7, 8, 9
_ADDRESS = 16

# RFC 8972 4.3: what a clock is kept by, and how a timestamp is taken.
_NTP, _FREE_RUNNING = 1, 5
_SOFTWARE = 2


class Seen(NamedTuple):
    """
    The circumstances of a request's arrival.

    @ivar number: its Sequence Number.
    @ivar source: the address and port that it came from.
    @ivar destination: the address that it was sent to, C{None} where the system does not tell.
    @ivar port: the reflector's.
    @ivar trafficClass: DSCP and ECN as received, or C{None}.
    @ivar synchronized: whether the reflector's clock is kept to UTC.
    """

    number: int
    source: tuple[str, int]
    destination: str | None
    port: int
    trafficClass: int | None
    synchronized: bool


class Extensions:
    """
    The TLVs of one request.

    @ivar run: the number of the run that the request says it is of, or C{None}.
    @ivar dscp: the DSCP that the reply shall have, or C{None} where it is not told.
    """

    def __init__(self, data: bytes, start: int, key: bytes | None) -> None:
        """
        @param data: the request.
        @param start: where its TLVs begin.
        @param key: that of an authenticated session.
        """
        self._data = bytearray(data[start:])
        self._key = key
        self._found = [*islice(tlvs(self._data, 0), _MOST if key is None else None)]
        self._isWhole = key is None or isCovered(data[:4], self._data, key)
        # the first Run Report, for a packet is no two
        self._asked: tuple[TLV, RunReport] | None = None
        self.run: int | None = None
        self.dscp: int | None = None
        if not self._isWhole:
            return
        for each in self._found:
            if each.type == Type.RUN_REPORT and not each.flags & M:
                report = run_report.parse(bytes(self._data[each.value : each.end]))
                if report is not None:
                    self._asked, self.run = (each, report), report.run
                break

    def answered(self, number: int, seen: Seen, session: Session | None) -> bytes:
        """
        The TLVs of the reply.

        @param number: the reply's Sequence Number.
        @param session: C{None} at a stateless reflector.
        """
        data = self._data
        if not self._isWhole:
            for each in self._found:
                data[each.start] |= I | (each.flags & M)
            return bytes(data)
        for each in self._found:
            length = each.end - each.value
            isRight = LEASTS.get(each.type, 0) <= length == LENGTHS.get(each.type, length)
            if each.flags & M or not isRight:
                data[each.start] |= M
                break
            if each.type == Type.HMAC:
                known = self._sign(number, each)
            else:
                fill = _FILL.get(each.type)
                known = fill is not None and fill(self, each, seen, session)
            data[each.start] = 0 if known else data[each.start] | U
        return bytes(data)

    def _sign(self, number: int, each: TLV) -> bool:
        if self._key is None:
            return False
        # its own flags are not covered: they are behind what is
        signed = number.to_bytes(4, "big") + self._data[: each.start]
        self._data[each.value : each.end] = digest(self._key, signed)
        return True

    def _padding(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        return True

    def _location(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        data = self._data
        _PORTS.pack_into(data, each.value, seen.port, seen.source[1])
        hosts = {
            _DESTINATION: (seen.destination, _DESTINATION4, _DESTINATION6),
            _SOURCE: (seen.source[0], _SOURCE4, _SOURCE6),
        }
        for sub in islice(tlvs(data, each.value + _PORTS.size, each.end), _MOST):
            host, type4, type6 = hosts.get(sub.type, (None, 0, 0))
            if sub.flags & M or (host and sub.end - sub.value != _ADDRESS):
                data[sub.start] |= M
                break
            if host is None:
                data[sub.start] |= U
                continue
            isSix = ":" in host
            HEADER.pack_into(data, sub.start, 0, type6 if isSix else type4, _ADDRESS)
            data[sub.value : sub.end] = packed(host).ljust(_ADDRESS, b"\0")
        return True

    def _timestamps(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        kept = _NTP if seen.synchronized else _FREE_RUNNING
        self._data[each.value : each.end] = bytes((kept, _SOFTWARE, kept, _SOFTWARE))
        return True

    def _class(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        came = seen.trafficClass
        if came is None:
            return False
        self.dscp = self._data[each.value] >> 2
        # DSCP1, DSCP2, ECN, and RP, which says whether the reply has another DSCP than DSCP1
        bits = self.dscp << 10 | (came >> 2) << 4 | (came & 3) << 2
        self._data[each.value : each.value + 2] = bits.to_bytes(2, "big")
        return True

    def _direct(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        if session is None:
            return False
        data = self._data
        sent = int.from_bytes(data[each.value : each.value + 4], "big")
        there = session.replies & 0xFFFFFFFF  # each request that came has a reply
        _THREE.pack_into(data, each.value, sent, there, there)
        return True

    def _followUp(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        previous = (0, 0) if session is None else session.previous
        _FOLLOW_UP.pack_into(self._data, each.value, *previous, _SOFTWARE)
        return True

    def _report(self, each: TLV, seen: Seen, session: Session | None) -> bool:
        arrivals = None if session is None else session.arrivals
        if self._asked is None or arrivals is None or session is None or each is not self._asked[0]:
            return False
        asked = self._asked[1]
        if not asked.closing:
            arrivals.add(seen.number)
        self._data[each.value : each.end] = run_report.answer(
            RunReport(
                True,
                asked.closing,
                asked.run,
                session.name,
                arrivals.first,
                arrivals.extra,
                arrivals.outside,
                arrivals.reordered,
                arrivals.extent,
                arrivals.n,
                asked.start,
                arrivals.bitmap(asked.start, len(asked.bitmap)),
            )
        )
        return True


_Fill = Callable[[Extensions, TLV, Seen, Session | None], bool]

_FILL: dict[int, _Fill] = {
    Type.EXTRA_PADDING: Extensions._padding,
    Type.LOCATION: Extensions._location,
    Type.TIMESTAMP_INFORMATION: Extensions._timestamps,
    Type.CLASS_OF_SERVICE: Extensions._class,
    Type.DIRECT_MEASUREMENT: Extensions._direct,
    Type.FOLLOW_UP_TELEMETRY: Extensions._followUp,
    Type.RUN_REPORT: Extensions._report,
}


def packed(host: str) -> bytes:
    """
    The octets of an address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host.partition("%")[0])
