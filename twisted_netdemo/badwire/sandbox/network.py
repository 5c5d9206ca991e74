"""
The private network, made step by step: namespaces, the device, addresses, names, the kernel's
settings. A step that the system forbids says which switch forbids it, and what to do.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from twisted_netdemo.badwire.sandbox import device, etc_files, linux
from twisted_netdemo.badwire.sandbox.forbidden import Forbidden, whyMap, whyUnshare

NEAR, FAR, PREFIX = "10.77.0.1", "10.77.0.2", 30
NEAR6, FAR6, PREFIX6 = "fd77::1", "fd77::2", 126

#: Which names each address has.
NAMES = {
    NEAR: ("near.wire", "near4.wire"),
    FAR: ("far.wire", "far4.wire"),
    NEAR6: ("near.wire", "near6.wire"),
    FAR6: ("far.wire", "far6.wire"),
}

#: What makes demonstrations short and the counters exact, as far as the kernel has it.
TUNING = {
    # a late segment is refused for its timestamp before it is counted as early
    "net.ipv4.tcp_timestamps": "0",
    # each connection begins alike
    "net.ipv4.tcp_no_metrics_save": "1",
    # a repeat waits a second at most, not two minutes (newer kernels)
    "net.ipv4.tcp_rto_max_ms": "1000",
    # a port below 1024 asks for no capability here
    "net.ipv4.ip_unprivileged_port_start": "0",
    # a connection whose program has closed it is repeated for as often as another one
    # (tcp_retries2): by default not once more when the wait has reached its longest
    "net.ipv4.tcp_orphan_retries": "15",
}


@dataclass
class Network:
    """
    What this process is to live in.

    @ivar mtu: of the wire, in bytes.
    @ivar useNames: whether names are asked for across the wire.
    @ivar sysctl: settings asked for, C{net.…} with its value.
    @ivar isRoots: whether root's capabilities outside made it, so that no user namespace is left
        to be entered with it.
    @ivar hasIPv6: whether this kernel has it.
    @ivar kept: the capabilities that are needed once the network is up, a bit for each: none,
        unless its settings could not be made.
    @ivar notes: what could not be had, but can be done without; a line each.
    """

    mtu: int = 1500
    useNames: bool = False
    sysctl: Mapping[str, str] = field(default_factory=dict)
    isRoots: bool = False
    hasIPv6: bool = True
    kept: int = 0
    notes: list[str] = field(default_factory=list)
    device: device.Device = field(init=False)

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """
        What is to be done, in order: what a step is for, and what does it.

        @return: each callable returns a word on what it found, or raises L{Forbidden}.
        """
        yield "Linux", self._isLinux
        yield "namespaces", self._unshare
        yield "the wire's device", self._openDevice
        yield "addresses", self._configure
        yield "private names", self._cover
        yield "the network's settings", self._tune

    def enter(self) -> None:
        """
        Do all of it. The process must have one thread.

        @raise Forbidden: the system does not let us; the process is to end then.
        """
        for _, step in self.steps():
            step()

    @property
    def entry(self) -> str:
        """
        The command by which another terminal enters.
        """
        user = "" if self.isRoots else "--preserve-credentials -U "
        return f"nsenter {user}-n -m -t {os.getpid()}"

    @property
    def environment(self) -> dict[str, str]:
        """
        What COMMAND finds the addresses by.
        """
        addresses = {"WIRE_NEAR": NEAR, "WIRE_FAR": FAR}
        if self.hasIPv6:
            addresses |= {"WIRE_NEAR6": NEAR6, "WIRE_FAR6": FAR6}
        return addresses

    def names(self) -> dict[str, tuple[str, ...]]:
        """
        The names of each address that there is.
        """
        return {
            address: names for address, names in NAMES.items() if self.hasIPv6 or ":" not in address
        }

    def _isLinux(self) -> str:
        if not sys.platform.startswith("linux"):
            raise Forbidden(
                f"badwire runs on Linux alone, whose network it makes; not {sys.platform}"
            )
        return os.uname().release

    def _unshare(self) -> str:
        needed = (linux.CAP_SYS_ADMIN, linux.CAP_NET_ADMIN, linux.CAP_SETPCAP)
        has = linux.effectiveCapabilities()
        if all(has >> capability & 1 for capability in needed):
            try:
                linux.unshare(linux.CLONE_NEWNET | linux.CLONE_NEWNS)
            except OSError as error:
                if error.errno != errno.EPERM:
                    raise Forbidden(whyUnshare(error, "net")) from None
            else:
                self.isRoots = True
                return "as root"
        uid, gid = os.geteuid(), os.getegid()
        # user 0 within is user 0 outside, and to make such a one asks for a capability (Linux 5.12)
        lacksCapability = uid == 0 and not has >> linux.CAP_SETFCAP & 1
        try:
            linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNET | linux.CLONE_NEWNS)
        except OSError as error:
            raise Forbidden(whyUnshare(error, "user")) from None
        try:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{uid} {uid} 1\n")
            _write("/proc/self/gid_map", f"{gid} {gid} 1\n")
        except OSError as error:
            raise Forbidden(whyMap(error, lacksCapability)) from None
        return "by a user namespace"

    def _openDevice(self) -> str:
        # before it comes up: no detection of duplicates, no solicitations
        for switch, value in (("disable_ipv6", "0"), ("accept_dad", "0"), ("addr_gen_mode", "1")):
            for which in ("default", "all"):
                self._set(f"net.ipv6.conf.{which}.{switch}", value)
        try:
            self.device = device.openDevice()
        except OSError as error:
            raise Forbidden(
                "neither a TUN device nor a pair of virtual Ethernet devices can be had "
                f"({error.strerror}): load the kernel's module tun (modprobe tun) or veth, and let "
                "users open /dev/net/tun (chmod 666)"
            ) from None
        return self.device.kind

    def _configure(self) -> str:
        self.hasIPv6 = hasIPv6()
        try:
            device.configure(
                self.device, self.mtu, NEAR, PREFIX, NEAR6 if self.hasIPv6 else None, PREFIX6
            )
            if self.hasIPv6:
                _waitFor(NEAR6)
        except OSError as error:
            raise Forbidden(
                f"the wire's device cannot be given its addresses ({error.strerror})"
            ) from None
        if not self.hasIPv6:
            self.notes.append("this kernel has no IPv6 (ipv6.disable=1?): far6.wire is not there")
        return " ".join(self.environment.values())

    def _cover(self) -> str:
        texts = {
            etc_files.HOSTS: etc_files.hosts(
                {} if self.useNames else self.names(), etc_files.machine()
            ),
        }
        wanted = [etc_files.HOSTS, etc_files.NSSWITCH]
        if self.useNames:
            wanted.append(etc_files.RESOLV)
            texts[etc_files.RESOLV] = etc_files.resolv(FAR)
        lacking = etc_files.lacking(wanted)
        if lacking:
            raise Forbidden("; ".join(lacking))
        try:
            with open(etc_files.NSSWITCH, encoding="utf-8", errors="replace") as file:
                texts[etc_files.NSSWITCH] = etc_files.nsswitch(
                    file.read(), "files dns" if self.useNames else "files"
                )
            etc_files.cover(texts)
        except OSError as error:
            raise Forbidden(
                f"{error.filename or 'a private file'} cannot be covered by a private one "
                f"({error.strerror})"
            ) from None
        return ", ".join(wanted)

    def _tune(self) -> str:
        # ping(8) without capabilities
        gid = "0 2147483647" if self.isRoots else f"{os.getegid()} {os.getegid()}"
        readOnly = False
        for key, value in {**TUNING, "net.ipv4.ping_group_range": gid}.items():
            error = self._set(key, value)
            readOnly |= error is not None and error.errno == errno.EROFS
        if linux.setting("net/ipv4/ip_unprivileged_port_start") != "0":
            self.kept = 1 << linux.CAP_NET_BIND_SERVICE
        if readOnly:
            self.notes.append(
                "/proc/sys is read-only here: the network has the machine's settings, so that "
                "repeats take longer and the count of early segments may differ"
            )
        for key, value in self.sysctl.items():
            error = self._set(key, value)
            if error is not None:
                raise Forbidden(f"--sysctl {key}={value}: {error.strerror}")
        return "read-only, untuned" if readOnly else "tuned"

    def _set(self, key: str, value: str) -> OSError | None:
        try:
            _write("/proc/sys/" + key.replace(".", "/"), value)
        except OSError as error:
            return error
        return None


def sysctl(text: str) -> tuple[str, str]:
    """
    A setting of the private network: C{net.KEY=VALUE}.

    @raise ValueError: it is none. Any other key would reach the whole machine.
    """
    key, equals, value = text.partition("=")
    parts = key.strip().replace("/", ".").split(".")
    isPlain = all(
        part and part.isascii() and part.replace("-", "").replace("_", "").isalnum()
        for part in parts
    )
    if not equals or len(parts) < 2 or parts[0] != "net" or not isPlain or not value.isprintable():
        raise ValueError(f"{text!r} is not net.KEY=VALUE, as in net.ipv4.tcp_syn_retries=2")
    return ".".join(parts), value.strip()


def _write(path: str, text: str) -> None:
    # in one call, unbuffered: these files take nothing else
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def hasIPv6() -> bool:
    """
    Whether this kernel has IPv6.
    """
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def _waitFor(address: str) -> None:
    """
    Wait until an address can be used: one of IPv6 is tentative for an instant, even where nobody
    looks for duplicates.
    """
    for _ in range(500):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
                return
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
        time.sleep(0.002)  # there is no reactor yet
    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
