"""
Many datagrams in one system call: recvmmsg(2) and sendmmsg(2) by ctypes. Linux's own.

One pair of buffers serves every socket of the process (8 MiB, of which the kernel gives what is
touched): a call copies all that it received out of them before it returns.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, islice, repeat
from typing import Any

from twisted_netdemo.service.addresses import Address, BoundedCache, hostText, packedHost
from twisted_netdemo.service.udp.datagram import (
    SO_TIMESTAMPNS,
    Ancillary,
    Control,
    Origin,
    Outgoing,
    Received,
    parse,
    sendFrom,
)
from twisted_netdemo.service.udp.message_buffers import CONTROL, NAME, PAYLOAD, WORD, MessageBuffers
from twisted_netdemo.service.udp.recvmsg import BATCH, BATCH_BYTES, SingleMessages

# How many cost less to send one by one.
_FEW = 3

# After a lone datagram that is small, how many are read one by one.
_LONE = 8
_SMALL = 4096

# In the address of every host whose text names an interface, and in some others.
_LINK_LOCAL = b"\xfe"

# where the payloads of a batch begin
_STARTS = range(0, BATCH * PAYLOAD, PAYLOAD)

_CMSG = struct.Struct("@Nii")
_STAMP = struct.Struct(f"@{_CMSG.size}sll")  # cmsghdr and timespec
_STAMPED = _CMSG.pack(_STAMP.size, socket.SOL_SOCKET, SO_TIMESTAMPNS or 0)


def _aligned(length: int) -> int:
    return (length + WORD - 1) & -WORD


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
    How a family's addresses lie in memory. The same few hosts come again and again, and so do the
    control messages, but for the timestamp.

    @ivar name: packs and unpacks a C{sockaddr}: its C{family}, the port, and the bytes of the host.
    @ivar hosts: from those bytes to the host's text, and C{packed}: the inverse.
    @ivar controls: from an address to the control messages that make a datagram leave from it.
    """

    name = struct.Struct(f"!2sH{NAME - 4}s")

    def __init__(self, family: int) -> None:
        self.family = struct.pack("@H", family)
        # sockaddr_in has the address next, sockaddr_in6 the flow's number before it
        start, end = (0, 4) if family == socket.AF_INET else (4, 20)

        def textOf(packed: bytes) -> str:
            text = hostText(packed[start:end], int.from_bytes(packed[end:], sys.byteorder))
            self.packed.keep(text, packed)  # most clients are answered
            return text

        def packedOf(host: str) -> bytes:
            address, scope = packedHost(host, family)
            packed = bytes(start) + address
            return packed + (struct.pack("@I", scope) if start else bytes(NAME - 8))

        def controlFor(source: Origin) -> bytes:
            return controlsOut(sendFrom(source, family))

        self.hosts = BoundedCache(textOf)
        self.packed = BoundedCache(packedOf)
        self.controls = BoundedCache(controlFor)


_FAMILIES = {int(family): _Family(family) for family in (socket.AF_INET, socket.AF_INET6)}


def _parsed(control: bytes) -> Ancillary:
    return parse(controlsIn(control))


_ancillary = BoundedCache(_parsed)


class _Calls:
    """
    The two system calls, and the memory that they work on.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self.recvmmsg: Any = library.recvmmsg
        self.sendmmsg: Any = library.sendmmsg
        self.incoming = MessageBuffers()
        self.outgoing = MessageBuffers()


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
        single = SingleMessages(udp)
        self._one, self._oneByOne = single.one, single.send
        self._inAddress = ctypes.c_void_p(self._in.address)
        self._fileno = udp.fileno
        self._most = BATCH
        # the clients of a batch, mostly the last one, and the kernel's form of their addresses
        self._sources: tuple[Address, ...] = ()
        self._names = b""
        # ancillary data that a whole batch had in common, and the kernel's form of it
        self._always: Ancillary = (None, None, None, None)
        self._controls = b""
        self._lengths: list[int] = []
        self._lone = 0
        self._stamped = bool(SO_TIMESTAMPNS and udp.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS))
        self._family = _FAMILIES[udp.family]
        # a kernel (or a sandbox) without the calls says ENOSYS or EPERM to this
        self._recvmmsg(-1, self._inAddress, 0, 0, None)
        numbers = [ctypes.get_errno()]
        self._sendmmsg(-1, self._inAddress, 0, 0)
        for number in (*numbers, ctypes.get_errno()):
            if number != errno.EBADF:
                raise OSError(number, os.strerror(number))

    def receive(self) -> Sequence[Received]:
        """
        The waiting datagrams, up to L{BATCH}.

        @raise OSError: as recvmmsg(2); nothing waiting is no error.
        """
        if self._lone:
            # It costs less for one at a time; after some it is seen whether they still are.
            try:
                datagram = self._one()
            except (BlockingIOError, InterruptedError):
                return []
            self._lone -= 1
            return [datagram]
        count = self._recvmmsg(self._fileno(), self._inAddress, self._most, 0, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(number, os.strerror(number))
        messages = self._in
        payloads, hosts = messages.payloads, self._family.hosts
        lengths = messages.lengths[:count].tolist()
        names = messages.names[: count * NAME]
        if names == self._names:
            sources = self._sources
        else:
            unpacked = _Family.name.iter_unpack(names)
            sources = tuple([(hosts[host], port) for _, port, host in unpacked])
            if _LINK_LOCAL not in names:
                self._names, self._sources = names, sources
        datas = [payloads[at : at + length] for at, length in zip(_STARTS, lengths, strict=False)]
        datagrams = list(zip(datas, sources, self._ancillary(count), strict=True))
        total = sum(lengths)
        # The next batch is mostly like the last.
        if count == 1 and total < _SMALL:
            self._lone = _LONE
        self._most = max(1, min(BATCH, count * BATCH_BYTES // (total or 1)))
        messages.bytes[: count * messages.stride] = messages.fresh[: count * messages.stride]
        return datagrams

    def _ancillary(self, count: int) -> Iterable[Ancillary]:
        """
        The ancillary data of so many datagrams.
        """
        controls = self._in.controls[: count * CONTROL]
        lengths = self._in.controlLengths[:count].tolist()
        if self._controls.startswith(controls) and self._lengths[:count] == lengths:
            return repeat(self._always, count)
        parts = [
            controls[at : at + length]
            for at, length in zip(range(0, BATCH * CONTROL, CONTROL), lengths, strict=False)
        ]
        if not self._stamped:
            ancillary = [_ancillary[part] for part in parts]
            if parts[0] in _ancillary and parts.count(parts[0]) == count:
                self._controls, self._lengths, self._always = controls, lengths, ancillary[0]
            return ancillary
        ancillary = []
        for part in parts:
            # The time differs each time, the rest comes again and again.
            if len(part) >= _STAMP.size and part.startswith(_STAMPED):
                _, seconds, nanoseconds = _STAMP.unpack_from(part)
                received = seconds * 1_000_000_000 + nanoseconds
                ancillary.append((*_ancillary[part[_STAMP.size :]][:3], received))
            else:
                ancillary.append(_parsed(part))
        return ancillary

    def send(self, datagrams: Sequence[Outgoing]) -> dict[int, OSError]:
        """
        Send datagrams in order; one that cannot be sent does not stop the others.

        @return: for the place of each that was not sent, why.
        """
        if len(datagrams) <= _FEW:
            return self._oneByOne(datagrams)
        errors: dict[int, OSError] = {}
        for start in range(0, len(datagrams), BATCH):
            failed = self._sendBatch(datagrams[start : start + BATCH])
            errors.update((start + at, error) for at, error in failed.items())
        return errors

    def _sendBatch(self, datagrams: Sequence[Outgoing]) -> dict[int, OSError]:
        messages, family, count = self._out, self._family, len(datagrams)
        datas, targets, origins = zip(*datagrams, strict=True)
        payload = b"".join(datas)
        try:
            if targets == self._sources:
                names = self._names  # all are answered
            else:
                packed, pack, head = family.packed, family.name.pack, family.family
                names = b"".join([pack(head, port, packed[host]) for host, port in targets])
            controls = list(map(family.controls.__getitem__, origins))
            messages.payloads[: len(payload)] = payload
        except (OSError, IndexError):
            # Some cannot be sent at all: which, and why, is found out one by one.
            return self._oneByOne(datagrams)
        messages.names[: len(names)] = names
        lengths = array("L", map(len, datas))
        messages.sizes[:count] = lengths
        ends = accumulate(lengths, initial=messages.base)
        messages.bases[:count] = array("L", islice(ends, count))
        # Mostly all leave from one address.
        if messages.filled[:count] != controls:
            messages.filled = controls
            for at, control in zip(range(0, BATCH * CONTROL, CONTROL), controls, strict=False):
                messages.controls[at : at + len(control)] = control
            messages.controlLengths[:count] = array("L", map(len, controls))
        errors: dict[int, OSError] = {}
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
                errors[sent] = OSError(number, os.strerror(number))
                sent += 1
        return errors
