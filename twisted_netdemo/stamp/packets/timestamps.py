"""
Timestamps and Error Estimates as they stand in packets.

A time is a number of nanoseconds since 1970, UTC, as C{time.time_ns} has it. In a packet it is one
of 64 bits: of NTP (RFC 8762 4.2.1), 32 of seconds since 1900 and 32 of a second's fraction; or of
PTPv2, truncated (RFC 8186 2.1), the low 32 of seconds since 1970, TAI, and 32 of nanoseconds. Both
begin anew, in 2036 and 2106, so a time is read as the one that is nearest to another.

Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_SECOND = 1_000_000_000

# From 1900 to 1970, 17 of the years leap (RFC 868).
_NTP_EPOCH = 2_208_988_800

#: How many seconds TAI is ahead of UTC, since 2017. No leap second has been announced since.
TAI_AHEAD = 37

_WRAP = 1 << 32
_NTP_ORIGIN = _NTP_EPOCH << 32


def ntp(time: int) -> int:
    """
    A time as NTP has it.

    @param time: in nanoseconds since 1970.
    @return: 64 bits. L{fromNTP} gives the same nanosecond back.
    """
    # a nanosecond is more than four units, so that what is cut off loses none
    return (time << 32) // _SECOND + _NTP_ORIGIN & 0xFFFFFFFFFFFFFFFF


def fromNTP(stamp: int, near: int) -> int:
    """
    The time that an NTP timestamp stands for.

    @param near: a time that is less than 68 years off, in nanoseconds since 1970.
    """
    seconds, fraction = divmod(stamp, _WRAP)
    return _nearest(seconds - _NTP_EPOCH, near) * _SECOND + (fraction * _SECOND + (1 << 31) >> 32)


def ptp(time: int) -> int:
    """
    A time as PTPv2 has it, truncated.
    """
    seconds, rest = divmod(time, _SECOND)
    return (seconds + TAI_AHEAD & 0xFFFFFFFF) << 32 | rest


def fromPTP(stamp: int, near: int) -> int:
    """
    The time that a truncated PTPv2 timestamp stands for.

    @param near: as in L{fromNTP}.
    """
    seconds, rest = divmod(stamp, _WRAP)
    return _nearest(seconds - TAI_AHEAD, near) * _SECOND + rest


def _nearest(seconds: int, near: int) -> int:
    """
    Of the seconds that are equal to these in 32 bits, those nearest to a time.
    """
    middle = near // _SECOND
    return middle + (seconds - middle + _WRAP // 2) % _WRAP - _WRAP // 2


@dataclass(frozen=True)
class ErrorEstimate:
    """
    The accuracy of a clock (RFC 4656 4.1.2), and the format of its timestamps (RFC 8186 2.3).

    @ivar synchronized: whether something outside keeps the clock to UTC.
    @ivar isPTP: whether the timestamps beside it are PTP's, not NTP's.
    @ivar scale: 0 to 63.
    @ivar multiplier: 1 to 255. In 0, which RFC 4656 forbids, nothing is known.
    """

    synchronized: bool
    isPTP: bool
    scale: int
    multiplier: int

    @property
    def seconds(self) -> float:
        """
        The largest error of the clock.
        """
        return math.ldexp(self.multiplier, self.scale - 32)

    @classmethod
    def of(cls, seconds: float, synchronized: bool, isPTP: bool = False) -> ErrorEstimate:
        """
        The least one that does not promise more than this.
        """
        units = max(1, math.ceil(math.ldexp(seconds, 32)))
        scale = max(0, units.bit_length() - 8)
        multiplier = -(-units >> scale)
        if multiplier > 255:
            scale, multiplier = scale + 1, 128
        if scale > 63:
            scale, multiplier = 63, 255
        return cls(synchronized, isPTP, scale, multiplier)

    @classmethod
    def fromWire(cls, bits: int) -> ErrorEstimate:
        """
        @param bits: the 16 of the field.
        """
        return cls(bool(bits & 0x8000), bool(bits & 0x4000), bits >> 8 & 0x3F, bits & 0xFF)

    def toWire(self) -> int:
        """
        The 16 bits of the field.
        """
        return self.synchronized << 15 | self.isPTP << 14 | self.scale << 8 | self.multiplier

    def time(self, stamp: int, near: int) -> int:
        """
        The time that one of this clock's timestamps stands for, as L{fromNTP} has it.
        """
        return fromPTP(stamp, near) if self.isPTP else fromNTP(stamp, near)
