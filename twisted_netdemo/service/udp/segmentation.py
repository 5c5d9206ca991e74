"""
Datagrams of one length to one client, given to the kernel as one message that it parts again as
late as it can (UDP_SEGMENT, udp(7)). Linux's own, since 4.18.

They arrive as if they had been sent one by one, at about half the cost. Up to where they are
parted, in the network device or just before it, they pass filters and queues as one.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Sequence

from twisted_netdemo.service.udp.datagram import Outgoing, Stamp
from twisted_netdemo.service.udp.recvmsg import SingleMessages

# linux/udp.h; Python does not name it.
_SOL_UDP, _UDP_SEGMENT = 17, 103

# A longer datagram might be too long for a link, and is not parted then. IPv6 promises 1280 octets
# (RFC 8200 5), of which 48 are headers.
_LONGEST = 1232

# The kernel parts a message into 64 at most, and so many of the longest are one that it takes.
_MOST = 50

# These say that a message is not parted on its way, though its parts may be sent: the link has no
# room for one, or the device makes no checksums.
_UNPARTED = frozenset((errno.EINVAL, errno.EIO))


def canSegment(udp: socket.socket) -> bool:
    """
    Whether the system parts messages.
    """
    try:
        return sys.platform == "linux" and not udp.getsockopt(_SOL_UDP, _UDP_SEGMENT)
    except OSError:
        return False


def segmentSize(datagrams: Sequence[Outgoing]) -> int:
    """
    The length that all have, if they go from one address to one other; 0 if they do not, or are too
    long.
    """
    datas, targets, origins = zip(*datagrams, strict=True)
    size, count = len(datas[0]), len(datas)
    isOnePath = targets.count(targets[0]) == origins.count(origins[0]) == count
    return size if isOnePath and {*map(len, datas)} == {size} and size <= _LONGEST else 0


def joined(datagrams: Sequence[Outgoing], size: int, stamp: Stamp) -> bytearray:
    """
    The payloads one behind the other, each with the stamp.
    """
    whole = bytearray().join([data for data, _, _ in datagrams])
    at, make, _ = stamp
    octets = make()
    for start in range(at, len(whole), size):
        whole[start : start + len(octets)] = octets
    return whole


class SegmentedMessages:
    """
    Sends on a socket what it can in messages that the kernel parts.

    @ivar works: whether it has not been seen to fail.
    """

    def __init__(self, udp: socket.socket, single: SingleMessages) -> None:
        """
        @param single: sends what cannot be sent so.
        """
        self.works = canSegment(udp)
        self._single = single
        self._sendmsg = udp.sendmsg

    def send(self, datagrams: Sequence[Outgoing], stamp: Stamp) -> dict[int, OSError] | None:
        """
        Send datagrams in order; one that cannot be sent does not stop the others.

        @param stamp: each message has it once.
        @return: for the place of each that was not sent, why; C{None} if none was, because they are
            not alike.
        """
        size = segmentSize(datagrams) if self.works else 0
        if not size:
            return None
        _, to, origin = datagrams[0]
        together = min(stamp.together, _MOST)
        parted = _SOL_UDP, _UDP_SEGMENT, struct.pack("@H", size)
        for start in range(0, len(datagrams), together):
            group = datagrams[start : start + together]
            try:
                address, controls = self._single.address(to), self._single.controls[origin]
                self._sendmsg((joined(group, size, stamp),), (*controls, parted), 0, address)
            except OSError as error:
                # Which of the rest can be sent, and why others cannot, is found out one by one.
                rest = datagrams[start:]
                failed = self._single.send(rest, stamp)
                self.works = error.errno not in _UNPARTED or len(failed) == len(rest)
                return {start + at: reason for at, reason in failed.items()}
        return {}
