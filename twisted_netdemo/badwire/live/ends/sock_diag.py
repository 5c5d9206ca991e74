"""
The kernel's TCP sockets as sock_diag tells them: the request, and the parser of its replies.

Pure, but for L{ask} and L{isThere}. See sock_diag(7) and linux/inet_diag.h; C{struct tcp_info} is
in linux/tcp.h. Where sock_diag is refused, /proc/net/tcp tells less.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

#: How many lines of the table are read, at most.
_MOST = 256

#: TCP's states, by the kernel's numbers.
STATES = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    3: "SYN-RECEIVED",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    7: "CLOSED",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN-RECEIVED",
}
_LISTEN = 10

_TIMERS = {0: "none", 1: "retransmit", 2: "keepalive", 3: "timewait", 4: "probe"}

_SOCK_DIAG_BY_FAMILY, _NLMSG_ERROR, _NLMSG_DONE = 20, 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_NETLINK_SOCK_DIAG = 4
_INET_DIAG_INFO = 2

_HEADER = struct.Struct("=IHHII")
#: Of struct inet_diag_sockid: the ports, the addresses.
_END = struct.Struct("!HH16s16s")
_NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
#: struct inet_diag_msg: family, state, timer, retrans; the ports; the addresses; interface and
#: cookie; expires, the two queues, uid, inode.
_MESSAGE = struct.Struct("=4B2s2s16s16s12s5I")
#: struct tcp_info: rto, then unacked, then retrans, then rtt to cwnd, then the rest.
_INFO = struct.Struct("=8xI12xI8xI28xI4xII16xI")
_PACING = struct.Struct("=104xQ")
_DELIVERY = struct.Struct("=160xQ")
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}
_ENDLESS = 0x7FFFFFFF
_UNKNOWN_RATE = (1 << 64) - 1

#: The clock ticks in /proc/net/tcp, a second.
_TICKS = 100


@dataclass(frozen=True, slots=True)
class TCPSocket:
    """
    A TCP socket that does not listen.

    @ivar version: of IP, 4 or 6.
    @ivar address: its own address.
    @ivar port: its own port.
    @ivar peer: the other end's port.
    @ivar state: of L{STATES}.
    @ivar timer: C{none}, C{retransmit} (the tail loss probe too), C{keepalive}, C{timewait} or
        C{probe} (of a closed window).
    @ivar expires: in how many milliseconds the timer expires; 0 without a timer.
    @ivar received: bytes that the program has not read (Recv-Q).
    @ivar queued: bytes that the other end has not acknowledged (Send-Q).
    @ivar rto: the retransmission timeout, in milliseconds; L{None} where it is not known.
    @ivar srtt: the smoothed round-trip time, in milliseconds; L{None} where there is none yet.
    @ivar cwnd: the congestion window, in segments; L{None} where it is not known.
    @ivar ssthresh: the slow start threshold, in segments; L{None} without one.
    @ivar unacked: how many segments are not acknowledged; L{None} where it is not known.
    @ivar retrans: how many retransmitted segments are not acknowledged.
    @ivar totalRetrans: how many segments were retransmitted; L{None} where it is not known.
    @ivar pacing: the pacing rate, in bits a second; L{None} without one.
    @ivar delivery: the delivery rate, likewise.
    """

    version: int
    address: str
    port: int
    peer: int
    state: str
    timer: str
    expires: int
    received: int
    queued: int
    rto: float | None = None
    srtt: float | None = None
    cwnd: int | None = None
    ssthresh: int | None = None
    unacked: int | None = None
    retrans: int | None = None
    totalRetrans: int | None = None
    pacing: int | None = None
    delivery: int | None = None


class TCPEnd(NamedTuple):
    """
    One end of a connection.

    @ivar address: its own address, packed.
    @ivar port: its own port.
    @ivar peerAddress: the other end's address.
    @ivar peer: the other end's port.
    """

    address: bytes
    port: int
    peerAddress: bytes
    peer: int


def request(family: int, end: TCPEnd | None = None) -> bytes:
    """
    The request for the TCP socket of an end of a connection or, without one, for all of an address
    family that do not listen.
    """
    states = 0xFFFFFFFF & ~(1 << _LISTEN)
    ours = _END.pack(end.port, end.peer, end.address, end.peerAddress) if end else bytes(_END.size)
    # of any interface, without a cookie
    body = (
        struct.pack("=4BI", family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, states)
        + ours
        + struct.pack("=3I", 0, *(_NO_COOKIE if end else (0, 0)))
    )
    flags = _NLM_F_REQUEST | (0 if end else _NLM_F_DUMP)
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body


def parse(data: bytes) -> tuple[list[TCPSocket], bool]:
    """
    Parse what one call of recv(2) has returned. A message that is cut short is left out.

    @return: the sockets, and whether the dump is complete.
    @raise OSError: the kernel refused.
    """
    found: list[TCPSocket] = []
    place = 0
    while place + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, place)
        body = data[place + _HEADER.size : place + length]
        if kind == _NLMSG_DONE:
            return found, True
        if kind == _NLMSG_ERROR:
            number = -struct.unpack("=i", body[:4])[0] if len(body) >= 4 else errno.EPROTO
            raise OSError(number, os.strerror(number))
        if kind == _SOCK_DIAG_BY_FAMILY and (each := _socket(body)) is not None:
            found.append(each)
        if length < _HEADER.size:
            break
        place += (length + 3) & ~3
    return found, False


def _socket(body: bytes) -> TCPSocket | None:
    if len(body) < _MESSAGE.size:
        return None
    family, state, timer, _, port, peer, source, _, _, expires, received, queued, _, _ = (
        _MESSAGE.unpack_from(body)
    )
    if state not in STATES or state == _LISTEN:
        return None
    version, address = _address(source if family == socket.AF_INET6 else source[:4])
    info = _attribute(body[_MESSAGE.size :], _INET_DIAG_INFO)
    values: dict[str, int | float | None] = {}
    if info is not None and len(info) >= _INFO.size:
        rto, unacked, retrans, rtt, ssthresh, cwnd, total = _INFO.unpack_from(info)
        values = {
            "rto": rto / 1000,
            "unacked": unacked,
            "retrans": retrans,
            "srtt": rtt / 1000 if rtt else None,
            "ssthresh": ssthresh if ssthresh < _ENDLESS else None,
            "cwnd": cwnd,
            "totalRetrans": total,
            "pacing": _rate(info, _PACING),
            "delivery": _rate(info, _DELIVERY),
        }
    return TCPSocket(
        version=version,
        address=address,
        port=int.from_bytes(port, "big"),
        peer=int.from_bytes(peer, "big"),
        state=STATES[state],
        timer=_TIMERS.get(timer, "none"),
        expires=expires,
        received=received,
        queued=queued,
        **values,  # type: ignore[arg-type]  # each value has its field's type
    )


def _rate(info: bytes, where: struct.Struct) -> int | None:
    if len(info) < where.size:
        return None  # an older kernel
    rate: int = where.unpack_from(info)[0]
    return rate * 8 if 0 < rate < _UNKNOWN_RATE else None


def _attribute(data: bytes, wanted: int) -> bytes | None:
    """
    The value of a netlink attribute.
    """
    place = 0
    while place + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, place)
        if length < 4:
            return None
        if kind == wanted:
            return data[place + 4 : place + length]
        place += (length + 3) & ~3
    return None


def _address(packed: bytes) -> tuple[int, str]:
    """
    The IP version and the address; an IPv4 address in IPv6's clothes is an IPv4 address.
    """
    address = ip_address(packed)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, str(address)


def parseTable(text: str) -> Iterator[TCPSocket]:
    """
    Parse /proc/net/tcp or /proc/net/tcp6. A line that is none of a socket is left out.
    """
    for line in text.splitlines()[1 : _MOST + 1]:
        words = line.split()
        try:
            host, _, port = words[1].partition(":")
            state = int(words[3], 16)
            queued, _, received = words[4].partition(":")
            timer, _, when = words[5].partition(":")
            packed = bytes.fromhex(host)
            # Each four bytes are a number in the machine's order.
            quads = [packed[at : at + 4][::_STEP] for at in range(0, len(packed), 4)]
            version, address = _address(b"".join(quads))
            if state not in STATES or state == _LISTEN:
                continue
            isWhole = len(words) > 16
            ssthresh = int(words[16]) if isWhole else -1
            yield TCPSocket(
                version=version,
                address=address,
                port=int(port, 16),
                peer=int(words[2].rpartition(":")[2], 16),
                state=STATES[state],
                timer=_TIMERS.get(int(timer, 16), "none"),
                expires=int(when, 16) * 1000 // _TICKS,
                received=int(received, 16),
                queued=int(queued, 16),
                rto=int(words[12]) * 1000 / _TICKS if isWhole else None,
                cwnd=int(words[15]) if isWhole else None,
                ssthresh=ssthresh if ssthresh > 0 else None,
            )
        except (IndexError, ValueError):
            continue


_STEP = -1 if struct.pack("=H", 1) == struct.pack("<H", 1) else 1


@contextlib.contextmanager
def _netlink() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(1)
        yield netlink


def ask(ends: Iterable[TCPEnd]) -> list[TCPSocket]:
    """
    The TCP sockets of some ends, of those that have one. The kernel finds each at once; for a list
    of all it looks through the sockets of the whole machine.

    @raise OSError: the kernel refused.
    """
    found: list[TCPSocket] = []
    with _netlink() as netlink:
        for end in ends:
            netlink.send(request(_FAMILIES[len(end.address)], end))
            with contextlib.suppress(FileNotFoundError):
                found += parse(netlink.recv(1 << 16))[0]
    return found


def isThere() -> bool:
    """
    Whether the kernel answers: some sandboxes refuse this kind of netlink. Asked for one socket, a
    kernel without sock_diag says the same as one that has no such socket.
    """
    try:
        with _netlink() as netlink:
            netlink.send(request(socket.AF_INET))
            while not parse(netlink.recv(1 << 16))[1]:
                pass
    except OSError:
        return False
    return True
