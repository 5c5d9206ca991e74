"""
The Run Report, a TLV of our own (type 240, of the range for experiments): with it a sender learns
from our reflector what arrived there, so that no loss, copy or reordering is left to be guessed.
Others return it as they got it.

Its value, all numbers big-endian; the sender leaves what is the reflector's 0::

    =======  ======  ==========================================================================
     offset  octets
    =======  ======  ==========================================================================
          0       4  C{NDR1}: what type 240 means differs from one experiment to the next
          4       1  flags: 0x80 the reflector has answered, 0x40 this is a closing packet
          5       3  0
          8       8  the run's number, which the sender draws at random
         16       4  the session's, which the reflector draws
         20       4  requests that have arrived: first copies
         24       4  extra copies of them
         28       4  packets that came from too far back to tell which of both
         32       4  first copies that were reordered (RFC 4737 3.3, NextExp from 0)
         36       4  the largest extent of reordering (4.2.2)
         40       4  the largest n of n-reordering (5)
         44       4  with which request the bitmap is to begin; the sender's choice
         48       4+  the bitmap: first the most significant bit of the first octet; 1: has arrived
    =======  ======  ==========================================================================

A closing packet is none of the requests that are measured, and counts in none of these. Pure.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

_MAGIC = b"NDR1"
_ANSWERED, _CLOSING = 0x80, 0x40
_REPORT = Struct("!4sB3xQIIIIIIII")

#: The octets before the bitmap, and the least that one takes.
FIXED = _REPORT.size
LEAST = FIXED + 4


class RunReport(NamedTuple):
    """
    Such a value.

    @ivar answered: whether a reflector has filled it in.
    @ivar run: 64 bits.
    @ivar session: 32 bits.
    @ivar start: of which request the first bit is.
    @ivar bitmap: whether each from there on has arrived.
    """

    answered: bool
    closing: bool
    run: int
    session: int
    first: int
    extra: int
    outside: int
    reordered: int
    extent: int
    n: int
    start: int
    bitmap: bytes


def question(run: int, start: int, closing: bool, octets: int) -> bytes:
    """
    The value that a sender sends.

    @param octets: how many the bitmap takes.
    """
    flags = _CLOSING if closing else 0
    return _REPORT.pack(_MAGIC, flags, run, 0, 0, 0, 0, 0, 0, 0, start) + bytes(octets)


def answer(report: RunReport) -> bytes:
    """
    The value that a reflector sends.
    """
    flags = _ANSWERED | (_CLOSING if report.closing else 0)
    return _REPORT.pack(_MAGIC, flags, *report[2:11]) + report.bitmap


def parse(value: bytes) -> RunReport | None:
    """
    The report in a TLV's value; C{None} if the value is of another experiment.
    """
    if len(value) < LEAST or not value.startswith(_MAGIC):
        return None
    _, flags, *numbers = _REPORT.unpack_from(value)
    isAnswered, isClosing = bool(flags & _ANSWERED), bool(flags & _CLOSING)
    return RunReport._make((isAnswered, isClosing, *numbers, value[FIXED:]))
