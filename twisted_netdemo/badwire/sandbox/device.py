"""
The network device: a TUN device or, if that cannot be opened, one of a pair of virtual Ethernet
devices, whose peer is read through a packet socket.

Both are a C{system} for L{twisted.pair.tuntap.TuntapPort}. They are made before the reactor is
installed, so that a refusal of the system is reported first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct

with contextlib.suppress(ImportError):  # Windows lacks it, and never comes to use it
    import fcntl

#: The name of the device in the private network.
NAME = "wire"
_PEER = "wire-far"

_TUN = "/dev/net/tun"

#: How many packets may wait to be read.
_QUEUE = 10_000

# linux/if.h, linux/sockios.h, linux/if_tun.h
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_SIOCSIFMTU = 0x8922
_SIOCGIFHWADDR = 0x8927
_SIOCETHTOOL = 0x8946
_IFF_UP, _IFF_RUNNING, _IFF_NOARP = 0x01, 0x40, 0x80
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001

# linux/ethtool.h: checksums and segmentation that are left to hardware
_ETHTOOL_SET = {"tx": 0x17, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}

# linux/if_ether.h, linux/if_packet.h
_ETH_P_ALL = 3
_ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
_ETHERNET = 14
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23

# linux/rtnetlink.h, linux/netlink.h, linux/if_addr.h, linux/if_link.h, linux/veth.h
_RTM_NEWLINK, _RTM_NEWADDR = 16, 20
_IFA_ADDRESS, _IFA_LOCAL, _IFA_F_NODAD = 1, 2, 0x02
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
_IFLA_IFNAME, _IFLA_TXQLEN, _IFLA_LINKINFO = 3, 13, 18
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_VETH_INFO_PEER = 1


class Device:
    """
    The interface that L{twisted.pair.tuntap.TuntapPort} expects of the system, for a device that is
    open already.

    @cvar kind: C{tun} or C{veth}.
    @cvar names: the names of its network interfaces.
    """

    O_RDWR = os.O_RDWR
    O_NONBLOCK = os.O_NONBLOCK
    O_CLOEXEC = os.O_CLOEXEC

    kind: str
    names: tuple[str, ...] = (NAME,)
    _fileno: int

    def open(self, filename: bytes, flag: int, mode: int = 0o777) -> int:
        """
        The device's descriptor.
        """
        return self._fileno

    def ioctl(self, fd: int, request: int, arg: bytes) -> bytes:
        """
        Return the name that the device has: TuntapPort would set it by this call.
        """
        return struct.pack("16sH", NAME.encode(), _IFF_TUN_NO_PI)

    def read(self, fd: int, limit: int) -> bytes:
        """
        An IP packet that has left.
        """
        return os.read(fd, limit)

    def write(self, fd: int, data: bytes) -> int:
        """
        Let an IP packet arrive.
        """
        return os.write(fd, data)

    def close(self, fd: int) -> None:
        """
        Close the device.
        """
        os.close(fd)

    def dropped(self) -> int:
        """
        The number of packets that the kernel has dropped since they were not read in time.
        """
        raise NotImplementedError


class Tun(Device):
    """
    A TUN device, which is read and written by IP packets.
    """

    kind = "tun"

    def __init__(self) -> None:
        """
        @raise OSError: /dev/net/tun cannot be opened, or is no TUN device.
        """
        self._fileno = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            request = struct.pack("16sH22x", NAME.encode(), _IFF_TUN_NO_PI)
            fcntl.ioctl(self._fileno, _TUNSETIFF, request)
        except OSError:
            os.close(self._fileno)
            raise

    def dropped(self) -> int:
        return _statistics(NAME)[11]


class Veth(Device):
    """
    A pair of virtual Ethernet devices: one has the addresses, the wire reads and writes the other.
    """

    kind = "veth"
    names = (NAME, _PEER)

    def __init__(self) -> None:
        """
        @raise OSError: the devices or the packet socket cannot be made.
        """
        _makePair(NAME, _PEER)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for name in (NAME, _PEER):
                for command in _ETHTOOL_SET.values():
                    _setOffload(control, name, command, 0)
            hardware = fcntl.ioctl(control, _SIOCGIFHWADDR, _request(NAME))[18:24]
            _up(control, _PEER)
        self._headers = {
            version: hardware + bytes(6) + kind for version, kind in _ETHERTYPES.items()
        }
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        # As much as the system allows.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 26)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 26)
        self._socket.bind((_PEER, _ETH_P_ALL))
        self._socket.setblocking(False)
        self._fileno = self._socket.fileno()
        self._dropped = 0

    def read(self, fd: int, limit: int) -> bytes:
        return os.read(fd, limit + _ETHERNET)[_ETHERNET:]

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, self._headers[data[0] >> 4] + data)

    def close(self, fd: int) -> None:
        self.dropped()
        self._socket.close()

    def dropped(self) -> int:
        if self._socket.fileno() >= 0:
            # Reading the counter resets it.
            statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            self._dropped += struct.unpack("II", statistics)[1]
        return self._dropped


def openDevice() -> Device:
    """
    Open the device of this network namespace: TUN or, if it is not available, a veth pair.

    @raise OSError: neither is available.
    """
    try:
        return Tun()
    except OSError as error:
        # It may be forbidden, missing (as in most containers), without its module, or another file.
        why = error
    try:
        return Veth()
    except OSError as error:
        both = f"{_TUN}: {why.strerror}; veth: {error.strerror}"
        raise OSError(error.errno, both) from why


def configure(
    device: Device, mtu: int, near: str | None, prefix: int, near6: str | None, prefix6: int
) -> None:
    """
    Assign the addresses, and bring up the device and the loopback device.

    @param near: the IPv4 address, L{None} for none.
    @param near6: the IPv6 address, L{None} for none.
    @raise OSError: the kernel refused.
    """
    mask = socket.inet_ntoa(((0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF).to_bytes(4, "big"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _up(control, "lo")
        _setLink(NAME, _attribute(_IFLA_TXQLEN, struct.pack("I", _QUEUE)))
        for name in device.names:
            fcntl.ioctl(control, _SIOCSIFMTU, _request(name, struct.pack("i", mtu)))
        addresses = [] if near is None else [(_SIOCSIFADDR, near), (_SIOCSIFNETMASK, mask)]
        for command, address in addresses:
            packed = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, command, _request(NAME, packed))
        _up(control, NAME)
    if near6 is not None:
        _addAddress(socket.if_nametoindex(NAME), socket.inet_pton(socket.AF_INET6, near6), prefix6)


def looped() -> int:
    """
    The number of packets that the loopback device has carried.
    """
    return _statistics("lo")[1]


def _statistics(name: str) -> list[int]:
    """
    The counters of a device in this network: those of received packets, then of sent ones.
    """
    with open("/proc/net/dev", encoding="ascii") as table:
        for line in table:
            device, _, numbers = line.partition(":")
            if device.strip() == name:
                return [int(number) for number in numbers.split()]
    return [0] * 16


def _request(name: str, data: bytes = b"") -> bytes:
    """
    A struct ifreq.
    """
    return struct.pack("16s24s", name.encode(), data)


def _up(control: socket.socket, name: str) -> None:
    flags = _IFF_UP | _IFF_RUNNING | (0 if name == "lo" else _IFF_NOARP)
    fcntl.ioctl(control, _SIOCSIFFLAGS, _request(name, struct.pack("H", flags)))


def _setOffload(control: socket.socket, name: str, command: int, value: int) -> None:
    # struct ifreq points to a struct ethtool_value, which must stay in its place in memory.
    order = ctypes.create_string_buffer(struct.pack("II", command, value))
    pointer = struct.pack("P", ctypes.addressof(order))
    fcntl.ioctl(control, _SIOCETHTOOL, _request(name, pointer))


def _attribute(kind: int, data: bytes) -> bytes:
    """
    A struct rtattr, padded to 4 bytes.
    """
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def _makePair(name: str, peer: str) -> None:
    """
    Make a pair of virtual Ethernet devices, which are connected to each other.
    """
    other = bytes(16) + _attribute(_IFLA_IFNAME, peer.encode() + b"\0")
    information = _attribute(_IFLA_INFO_KIND, b"veth\0") + _attribute(
        _IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, other)
    )
    _setLink(name, _attribute(_IFLA_LINKINFO, information), _NLM_F_EXCL | _NLM_F_CREATE)


def _setLink(name: str, attributes: bytes, flags: int = 0) -> None:
    """
    Make or change a device by netlink, which can do more than ioctl(2) and needs fewer rights.
    """
    # An empty struct ifinfomsg, since the name selects the device.
    body = bytes(16) + _attribute(_IFLA_IFNAME, name.encode() + b"\0") + attributes
    _order(_RTM_NEWLINK, body, flags)


def _addAddress(index: int, packed: bytes, prefix: int) -> None:
    """
    Give a device an IPv6 address that can be used at once, without duplicate address detection.

    @param index: the device's number.
    """
    # struct ifaddrmsg
    body = struct.pack("BBBBI", socket.AF_INET6, prefix, _IFA_F_NODAD, 0, index)
    body += _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed)
    _order(_RTM_NEWADDR, body, _NLM_F_EXCL | _NLM_F_CREATE)


def _order(kind: int, body: bytes, flags: int) -> None:
    """
    Send a request by netlink, and wait until it is carried out.

    @raise OSError: the kernel refused.
    """
    flags |= _NLM_F_REQUEST | _NLM_F_ACK
    header = struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.sendto(header + body, (0, 0))
        # struct nlmsghdr, then struct nlmsgerr, which begins with the error.
        number = -struct.unpack_from("i", netlink.recv(4096), 16)[0]
    if number:
        raise OSError(number, os.strerror(number))
