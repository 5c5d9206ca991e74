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
from itertools import accumulate, repeat
from typing import Any

from twisted_netdemo.service.addresses import Address, BoundedCache, hostText, packedHost
from twisted_netdemo.service.udp.datagram import (
    SO_TIMESTAMPNS,
    Ancillary,
    Control,
    Origin,
    Outgoing,
    Received,
    Stamp,
    parse,
    sendFrom,
)
from twisted_netdemo.service.udp.message_buffers import CONTROL, NAME, PAYLOAD, WORD, MessageBuffers
from twisted_netdemo.service.udp.recvmsg import BATCH, BATCH_BYTES, SingleMessages
from twisted_netdemo.service.udp.segmentation import SegmentedMessages

# How many cost less to send one by one.
_FEW = 3

# In the address of every host whose text names an interface, and in some others.
_LINK_LOCAL = b"\xfe"

# where the payloads of a batch begin
_STARTS = range(0, BATCH * PAYLOAD, PAYLOAD)

# datagrams of up to so many bytes are read by whole batches
_SMALL = BATCH_BYTES // BATCH

_SECOND = 1_000_000_000
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


def _parsed(control: bytes) -> tuple[Ancillary, int | None]:
    return parse(controlsIn(control))


_ancillary: BoundedCache[bytes, Ancillary] = BoundedCache(lambda control: _parsed(control)[0])


@cache
def _stamped(length: int) -> struct.Struct:
    """
    The layout of a control buffer with so many bytes in use: the head of the timestamp, the
    timestamp, and the other control messages.
    """
    rest = length - _STAMP.size
    return struct.Struct(f"{_STAMP.format}{rest}s{CONTROL - length}x")


class _Calls:
    """
    The two system calls, and the memory that they work on.
    """

    def __init__(self) -> None:
        # The calls never wait, so other threads wait for them: to let these run costs more.
        library = ctypes.PyDLL(None, use_errno=True)
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
        self._oneByOne = single.send
        self._segmented = SegmentedMessages(udp, single).send
        self._inAddress = ctypes.c_void_p(self._in.address)
        self._fileno = udp.fileno
        self._most = BATCH
        # the clients of a batch, mostly the last one, and the kernel's form of their addresses
        self._sources: tuple[Address, ...] = ()
        self._names = b""
        # ancillary data that a whole batch had in common, and the kernel's form of it
        self._always: Ancillary = (None, None, None)
        self._controls = b""
        self._lengths: list[int] = []
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
        count = self._recvmmsg(self._fileno(), self._inAddress, self._most, 0, None)
        if count == 1:
            return (self._one(),)
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return ()
            raise OSError(number, os.strerror(number))
        messages = self._in
        payloads = messages.payloads
        lengths = messages.lengths[:count].tolist()
        sources = self._sourcesOf(messages.names[: count * NAME])
        datas = [payloads[at : at + length] for at, length in zip(_STARTS, lengths, strict=False)]
        datagrams = list(zip(datas, sources, *self._told(count), strict=True))
        # The next batch is mostly like the last.
        self._most = max(1, min(BATCH, count * BATCH_BYTES // (sum(lengths) or 1)))
        messages.bytes[: count * messages.stride] = messages.fresh[: count * messages.stride]
        return datagrams

    def _one(self) -> Received:
        """
        The only datagram, at half the cost of a batch of one.
        """
        messages = self._in
        length = messages.lengths[0]
        name = messages.names[:NAME]
        (source,) = self._sources if name == self._names else self._sourcesOf(name)
        used = messages.controlLengths[0]
        control = messages.controls[:used]
        told: Ancillary
        received: int | None
        if control.startswith(_STAMPED):
            _, seconds, nanoseconds = _STAMP.unpack_from(control)
            told, received = _ancillary[control[_STAMP.size :]], seconds * _SECOND + nanoseconds
        elif self._stamped:
            told, received = _parsed(control)
        else:
            told, received = _ancillary[control], None
        self._most = BATCH if length <= _SMALL else max(1, BATCH_BYTES // length)
        # what the kernel has written over
        messages.nameLengths[0], messages.controlLengths[0] = NAME, CONTROL
        return messages.payloads[:length], source, told, received

    def _sourcesOf(self, names: bytes) -> tuple[Address, ...]:
        if names == self._names:
            return self._sources
        hosts, unpacked = self._family.hosts, _Family.name.iter_unpack(names)
        sources = tuple([(hosts[host], port) for _, port, host in unpacked])
        if _LINK_LOCAL not in names:
            self._names, self._sources = names, sources
        return sources

    def _told(self, count: int) -> tuple[Iterable[Ancillary], Iterable[int | None]]:
        """
        The ancillary data of so many datagrams, and when each was received.
        """
        controls = self._in.controls[: count * CONTROL]
        lengths = self._in.controlLengths[:count].tolist()
        first = lengths[0]
        if self._stamped and first >= _STAMP.size and lengths.count(first) == count:
            # The time differs each time, the rest comes again and again.
            heads, *time, rests = zip(*_stamped(first).iter_unpack(controls), strict=True)
            if heads.count(_STAMPED) == count:
                times = [s * _SECOND + ns for s, ns in zip(*time, strict=True)]
                if rests.count(rests[0]) == count:
                    return repeat(_ancillary[rests[0]], count), times
                return [_ancillary[rest] for rest in rests], times
        if self._controls.startswith(controls) and self._lengths[:count] == lengths:
            return repeat(self._always, count), repeat(None, count)
        parts = [
            controls[at : at + length]
            for at, length in zip(range(0, BATCH * CONTROL, CONTROL), lengths, strict=False)
        ]
        if self._stamped:
            each = [_parsed(part) for part in parts]
            return [told for told, _ in each], [received for _, received in each]
        told = [_ancillary[part] for part in parts]
        if parts[0] in _ancillary and parts.count(parts[0]) == count:
            self._controls, self._lengths, self._always = controls, lengths, told[0]
        return told, repeat(None, count)

    def send(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> dict[int, OSError]:
        """
        Send datagrams in order; one that cannot be sent does not stop the others.

        @return: for the place of each that was not sent, why.
        """
        if stamp is not None and len(datagrams) > 1:
            segmented = self._segmented(datagrams, stamp)
            if segmented is not None:
                return segmented
        if len(datagrams) <= _FEW:
            return self._oneByOne(datagrams, stamp)
        if len(datagrams) <= BATCH:
            return self._sendBatch(datagrams, stamp)
        errors: dict[int, OSError] = {}
        for start in range(0, len(datagrams), BATCH):
            failed = self._sendBatch(datagrams[start : start + BATCH], stamp)
            errors.update((start + at, error) for at, error in failed.items())
        return errors

    def _sendBatch(self, datagrams: Sequence[Outgoing], stamp: Stamp | None) -> dict[int, OSError]:
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
            return self._oneByOne(datagrams, stamp)
        messages.names[: len(names)] = names
        lengths = array("L", map(len, datas))
        messages.sizes[:count] = lengths
        starts = array("L", accumulate(lengths[:-1], initial=messages.base))
        messages.bases[:count] = starts
        # Mostly all leave from one address.
        if messages.filled[:count] != controls:
            messages.filled = controls
            for at, control in zip(range(0, BATCH * CONTROL, CONTROL), controls, strict=False):
                messages.controls[at : at + len(control)] = control
            messages.controlLengths[:count] = array("L", map(len, controls))
        errors: dict[int, OSError] = {}
        sent, fileno = 0, self._fileno()
        while sent < count:
            together = count - sent
            if stamp is not None:
                together = min(together, stamp.together)
                messages.write(stamp.octets(), stamp.at, starts[sent : sent + together])
            address = ctypes.c_void_p(messages.address + sent * messages.stride)
            done = self._sendmmsg(fileno, address, together, 0)
            if done > 0:
                sent += done
                continue
            # It stops at the first that fails, and tells why only where it sent none before it.
            number = ctypes.get_errno()
            if number != errno.EINTR:
                errors[sent] = OSError(number, os.strerror(number))
                sent += 1
        return errors
