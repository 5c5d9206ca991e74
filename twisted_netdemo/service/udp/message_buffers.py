"""
The memory that recvmmsg(2) and sendmmsg(2) work on: arrays of the C library's structures.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Iterable

from twisted_netdemo.service.udp.recvmsg import BATCH

#: Bytes of one datagram's payload, name and control messages, and of a word.
PAYLOAD = 1 << 16  # no UDP payload is longer (65,527 bytes over IPv6)
NAME = 28  # struct sockaddr_in6; struct sockaddr_in needs 16 of it
CONTROL = 128  # the control messages asked for need 120
WORD = struct.calcsize("@N")


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class _MsgHdr(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class _MMsgHdr(ctypes.Structure):
    _fields_ = [("hdr", _MsgHdr), ("len", ctypes.c_uint)]


class MessageBuffers:
    """
    An array of C{mmsghdr}, and for each a name, a control buffer and a payload buffer.

    @ivar lengths: of the payloads received, C{nameLengths}: of their names, C{controlLengths}: of
        their control messages. Plain memory is read and written several times faster than fields
        of ctypes.
    @ivar base: where the payload buffers begin; C{bases}: where each payload that is to be sent
        does, and C{sizes}: how long they are.
    @ivar filled: the control messages that are there to be sent.
    """

    stride = ctypes.sizeof(_MMsgHdr)

    def __init__(self) -> None:
        # not shared, as is the default: a forked process has its own
        mine = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.payloads = mmap.mmap(-1, BATCH * PAYLOAD, mine)
        self.names = mmap.mmap(-1, BATCH * NAME, mine)
        self.controls = mmap.mmap(-1, BATCH * CONTROL, mine)
        vectors = (_IoVec * BATCH)()
        messages = (_MMsgHdr * BATCH)()
        self.filled: list[bytes] = []
        payloads, names, controls = (
            ctypes.addressof(ctypes.c_char.from_buffer(buffer))
            for buffer in (self.payloads, self.names, self.controls)
        )
        for n in range(BATCH):
            vectors[n] = _IoVec(payloads + n * PAYLOAD, PAYLOAD)
            messages[n].hdr = _MsgHdr(
                names + n * NAME,
                NAME,
                ctypes.addressof(vectors[n]),
                1,
                controls + n * CONTROL,
                CONTROL,
                0,
            )
        self.address = ctypes.addressof(messages)
        self.bytes = memoryview(messages).cast("B")
        self.fresh = bytes(self.bytes)
        self.lengths = self.bytes.cast("I")[_MMsgHdr.len.offset // 4 :: self.stride // 4]
        # a long is as wide as size_t
        self.nameLengths = self.bytes.cast("I")[_MsgHdr.namelen.offset // 4 :: self.stride // 4]
        words = self.bytes.cast("L")
        self.controlLengths = words[_MsgHdr.controllen.offset // WORD :: self.stride // WORD]
        pairs = memoryview(vectors).cast("B").cast("L")
        self.bases, self.sizes = pairs[::2], pairs[1::2]
        self.base = payloads

    def write(self, octets: bytes, at: int, starts: Iterable[int]) -> None:
        """
        Write octets into payloads that are to be sent.

        @param at: where in each.
        @param starts: where each begins, of C{bases}.
        """
        payloads, first = self.payloads, at - self.base
        last = first + len(octets)
        for start in starts:
            payloads[start + first : start + last] = octets
