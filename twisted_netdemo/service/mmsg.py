"""
Many datagrams in one system call: recvmmsg(2) and sendmmsg(2) by ctypes. Linux's own.

One pair of buffers serves every socket of the process (4 MiB, of which the kernel gives what is
touched): a call copies all that it received out of them before it returns.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from twisted_netdemo.service.addresses import Memory, hostText, packedHost
from twisted_netdemo.service.datagram import (
    SO_TIMESTAMPNS,
    Control,
    Datagram,
    Outgoing,
    Told,
    sendFrom,
    understand,
)
from twisted_netdemo.service.msg import BATCH, BATCH_BYTES, SingleMessages

_PAYLOAD = 1 << 16  # no UDP payload is longer (65,527 bytes over IPv6)
_NAME = 28  # struct sockaddr_in6; struct sockaddr_in needs 16 of it
_CONTROL = 256  # the control messages asked for need 120

_CMSG = struct.Struct("@Nii")
_WORD = struct.calcsize("@N")
_STAMP = struct.Struct("@Niill")  # cmsghdr and timespec


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


def _aligned(length: int) -> int:
    return (length + _WORD - 1) & -_WORD


def controlsIn(buffer: bytes) -> Iterator[Control]:
    """
    The control messages in a C{msg_control} buffer, as cmsg(3) lays them out.
    """
    at = 0
    while at + _CMSG.size <= len(buffer):
        length, level, kind = _CMSG.unpack_from(buffer, at)
        if length < _CMSG.size:
            return
        yield level, kind, buffer[at + _CMSG.size : at + length]
        at += _aligned(length)


def controlsOut(controls: Sequence[Control]) -> bytes:
    """
    The inverse of L{controlsIn}.
    """
    return b"".join(
        _CMSG.pack(_CMSG.size + len(data), level, kind) + data.ljust(_aligned(len(data)), b"\0")
        for level, kind, data in controls
    )


class _Family:
    """
    How a family's addresses lie in memory. The same few of them come again and again, and so do
    the control messages, but for the timestamp.

    @ivar name: unpacks from a C{sockaddr} the port and the bytes of the host.
    @ivar hosts: from those bytes to the host's text.
    @ivar names: from the text to what stands before and after the port in a C{sockaddr}.
    @ivar controls: from an address to the control messages that make a datagram leave from it.
    """

    def __init__(self, family: int, name: str) -> None:
        self.name = struct.Struct(name)
        size = 4 if family == socket.AF_INET else 16

        def hostOf(name: bytes) -> str:
            return hostText(name[:size], int.from_bytes(name[size:], sys.byteorder))

        def nameOf(host: str) -> tuple[bytes, bytes]:
            packed, scope = packedHost(host, family)
            head = struct.pack("@H", family)
            if family == socket.AF_INET:
                return head, packed.ljust(_NAME - 4, b"\0")
            return head, bytes(4) + packed + struct.pack("@I", scope)

        def controlFor(source: str | None) -> bytes:
            return controlsOut(sendFrom(source, family))

        self.hosts = Memory(hostOf)
        self.names = Memory(nameOf)
        self.controls = Memory(controlFor)


_FAMILIES = {
    int(socket.AF_INET): _Family(socket.AF_INET, "!2xH4s"),
    int(socket.AF_INET6): _Family(socket.AF_INET6, "!2xH4x20s"),
}


def _understood(control: bytes) -> Told:
    return understand(controlsIn(control))


_told = Memory(_understood)


class _Messages:
    """
    An array of C{mmsghdr}, and for each a name, a control buffer and a payload buffer.

    @ivar uints: the array as unsigned ints, and C{sizes} as C{size_t}: plain memory is read and
        written several times faster than fields of ctypes.
    """

    stride = ctypes.sizeof(_MMsgHdr)
    uint = stride // 4
    size = stride // _WORD
    length = _MMsgHdr.len.offset // 4
    controlLength = _MsgHdr.controllen.offset // _WORD

    def __init__(self) -> None:
        # not shared, as is the default: a forked process has its own
        mine = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.payloads = mmap.mmap(-1, BATCH * _PAYLOAD, mine)
        self.names = mmap.mmap(-1, BATCH * _NAME, mine)
        self.controls = mmap.mmap(-1, BATCH * _CONTROL, mine)
        vectors = (_IoVec * BATCH)()
        messages = (_MMsgHdr * BATCH)()
        payloads, names, controls = (
            ctypes.addressof(ctypes.c_char.from_buffer(buffer))
            for buffer in (self.payloads, self.names, self.controls)
        )
        for n in range(BATCH):
            vectors[n] = _IoVec(payloads + n * _PAYLOAD, _PAYLOAD)
            messages[n].hdr = _MsgHdr(
                names + n * _NAME,
                _NAME,
                ctypes.addressof(vectors[n]),
                1,
                controls + n * _CONTROL,
                _CONTROL,
                0,
            )
        self.address = ctypes.addressof(messages)
        self.bytes = memoryview(messages).cast("B")
        self.fresh = bytes(self.bytes)
        self.uints = self.bytes.cast("I")
        self.sizes = self.bytes.cast("L")  # a long is as wide as size_t
        self.vectors = memoryview(vectors).cast("B").cast("L")


class _Calls:
    """
    The two system calls, and the memory that they work on.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self.recvmmsg: Any = library.recvmmsg
        self.sendmmsg: Any = library.sendmmsg
        self.incoming = _Messages()
        self.outgoing = _Messages()


@cache
def _calls() -> _Calls:
    return _Calls()


class MultipleMessages:
    """
    recvmmsg and sendmmsg on a non-blocking UDP socket.
    """

    def __init__(self, udp: socket.socket) -> None:
        """
        @raise OSError: the system lacks the calls.
        """
        if sys.platform != "linux":
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        calls = _calls()
        self._in, self._out = calls.incoming, calls.outgoing
        self._recvmmsg, self._sendmmsg = calls.recvmmsg, calls.sendmmsg
        self._single = SingleMessages(udp)
        self._inAddress = ctypes.c_void_p(self._in.address)
        self._fileno = udp.fileno
        self._most = BATCH
        self._family = _FAMILIES[udp.family]
        # a kernel (or a sandbox) without the calls says ENOSYS or EPERM to this
        self._recvmmsg(-1, self._inAddress, 0, 0, None)
        numbers = [ctypes.get_errno()]
        self._sendmmsg(-1, self._inAddress, 0, 0)
        for number in (*numbers, ctypes.get_errno()):
            if number != errno.EBADF:
                raise OSError(number, os.strerror(number))

    def receive(self) -> list[Datagram]:
        """
        What waits, up to L{BATCH} datagrams.

        @raise OSError: as recvmmsg(2); nothing waiting is no error.
        """
        count = self._recvmmsg(self._fileno(), self._inAddress, self._most, 0, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(number, os.strerror(number))
        messages, family = self._in, self._family
        payloads, names, controls = messages.payloads, messages.names, messages.controls
        uints, length = messages.uints, messages.length
        sizes, controlLength = messages.sizes, messages.controlLength
        hosts, new = family.hosts, tuple.__new__
        payload = name = control = total = 0
        datagrams = []
        for _ in range(count):
            port, host = family.name.unpack_from(names, name)
            end = control + sizes[controlLength]
            size, level, kind, seconds, nanoseconds = _STAMP.unpack_from(controls, control)
            if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET and size == _STAMP.size:
                destination, ttl, trafficClass, _ = _told[controls[control + _STAMP.size : end]]
                received = seconds * 1_000_000_000 + nanoseconds
            else:
                destination, ttl, trafficClass, received = _told[controls[control:end]]
            size = uints[length]
            total += size
            data = payloads[payload : payload + size]
            source = hosts[host], port
            told = data, source, destination, ttl, trafficClass, received
            datagrams.append(new(Datagram, told))  # as Datagram(*told), at half its cost
            payload += _PAYLOAD
            name += _NAME
            control += _CONTROL
            length += messages.uint
            controlLength += messages.size
        # What comes next is mostly like what came last.
        self._most = max(1, min(BATCH, count * BATCH_BYTES // (total or 1)))
        messages.bytes[: count * messages.stride] = messages.fresh[: count * messages.stride]
        return datagrams

    def send(self, datagrams: Sequence[Outgoing]) -> list[OSError]:
        """
        Send datagrams in order; one that cannot be sent does not stop the others.

        @return: for each that was not sent, why.
        """
        if len(datagrams) == 1:
            return self._single.send(datagrams)  # costs less
        errors: list[OSError] = []
        for start in range(0, len(datagrams), BATCH):
            self._sendBatch(datagrams[start : start + BATCH], errors)
        return errors

    def _sendBatch(self, datagrams: Sequence[Outgoing], errors: list[OSError]) -> None:
        messages, family = self._out, self._family
        payloads, names, controls = messages.payloads, messages.names, messages.controls
        count = 0
        for data, (host, port), source in datagrams:
            length = len(data)
            try:
                head, tail = family.names[host]
                control = family.controls[source]
                if length > _PAYLOAD:
                    raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            except OSError as error:
                errors.append(error)
                continue
            at = count * _PAYLOAD
            payloads[at : at + length] = data
            at = count * _NAME
            names[at : at + _NAME] = head + port.to_bytes(2, "big") + tail
            at = count * _CONTROL
            controls[at : at + len(control)] = control
            messages.vectors[2 * count + 1] = length
            messages.sizes[count * messages.size + messages.controlLength] = len(control)
            count += 1
        sent = 0
        while sent < count:
            address = ctypes.c_void_p(messages.address + sent * messages.stride)
            done = self._sendmmsg(self._fileno(), address, count - sent, 0)
            if done > 0:
                sent += done
                continue
            # It stops at the first that fails, and tells why only where it sent none before it.
            number = ctypes.get_errno()
            if number != errno.EINTR:
                errors.append(OSError(number, os.strerror(number)))
                sent += 1
