"""
The private network, made step by step: namespaces, the device, addresses, names and kernel
settings. A step that the system forbids names the setting that forbids it, and a remedy.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from twisted_netdemo.badwire.sandbox import device, etc_files, linux
from twisted_netdemo.badwire.sandbox.forbidden import (
    Forbidden,
    UnknownSetting,
    whyMap,
    whyUnshare,
)

NEAR, FAR, PREFIX = "10.77.0.1", "10.77.0.2", 30
NEAR6, FAR6, PREFIX6 = "fd77::1", "fd77::2", 126

#: The names of each address.
NAMES = {
    NEAR: ("near.wire", "near4.wire"),
    FAR: ("far.wire", "far4.wire"),
    NEAR6: ("near.wire", "near6.wire"),
    FAR6: ("far.wire", "far6.wire"),
}

#: Settings that make runs short and the counters exact. A kernel may lack some of them.
TUNING = {
    # With timestamps the kernel refuses a late segment before it counts it as early.
    "net.ipv4.tcp_timestamps": "0",
    # Every connection begins without what earlier ones have learned.
    "net.ipv4.tcp_no_metrics_save": "1",
    # A retransmission waits a second at most, not two minutes (newer kernels).
    "net.ipv4.tcp_rto_max_ms": "1000",
    # Ports below 1024 need no capability.
    "net.ipv4.ip_unprivileged_port_start": "0",
    # Retransmissions for a connection that its program has closed end as late as for others
    # (tcp_retries2). By default they end once the wait has reached its maximum.
    "net.ipv4.tcp_orphan_retries": "15",
}


@dataclass
class Network:
    """
    The private network of this process.

    @ivar mtu: the MTU of the wire, in bytes.
    @ivar useNames: whether names are resolved by a name server across the wire.
    @ivar sysctl: the settings that were asked for, C{net.…} with their values.
    @ivar tuning: the settings that are made where the kernel has them.
    @ivar family: the only version of IP in it, 4 or 6; L{None} for both.
    @ivar isRoots: whether it was made with root's capabilities, without a user namespace.
    @ivar hasIPv6: whether this kernel has IPv6.
    @ivar kept: the capabilities to keep once the network is up, a bit for each: none, unless some
        settings could not be made.
    @ivar notes: a line for each thing that the system lacks and that is not essential.
    """

    mtu: int = 1500
    useNames: bool = False
    sysctl: Mapping[str, str] = field(default_factory=dict)
    tuning: Mapping[str, str] = field(default_factory=lambda: TUNING)
    family: Literal[4, 6] | None = None
    isRoots: bool = False
    hasIPv6: bool = True
    kept: int = 0
    notes: list[str] = field(default_factory=list)
    device: device.Device = field(init=False)

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """
        The steps in order: the purpose of each, and a callable that takes it.

        @return: each callable returns a few words on its result, or raises L{Forbidden}.
        """
        yield "Linux", self._isLinux
        yield "namespaces", self._unshare
        yield "the wire's device", self._openDevice
        yield "addresses", self._configure
        yield "private names", self._cover
        yield "the network's settings", self._tune

    def enter(self) -> None:
        """
        Take all steps. The process must have a single thread.

        @raise Forbidden: the system forbids a step. The process should end then.
        """
        for _, step in self.steps():
            step()

    @property
    def entry(self) -> str:
        """
        The command by which another terminal enters the network.
        """
        user = "" if self.isRoots else "--preserve-credentials -U "
        return f"nsenter {user}-n -m -t {os.getpid()}"

    @property
    def environment(self) -> dict[str, str]:
        """
        The environment variables that tell COMMAND the addresses.
        """
        variables = {"WIRE_NEAR": NEAR, "WIRE_FAR": FAR, "WIRE_NEAR6": NEAR6, "WIRE_FAR6": FAR6}
        return {name: address for name, address in variables.items() if self._has(address)}

    def names(self) -> dict[str, tuple[str, ...]]:
        """
        The names of each address that exists.
        """
        return {address: names for address, names in NAMES.items() if self._has(address)}

    @property
    def far(self) -> list[bytes]:
        """
        The far addresses that exist, packed.
        """
        return [ip_address(address).packed for address in (FAR, FAR6) if self._has(address)]

    @property
    def anyAddress(self) -> str:
        """
        The address on which a server for all addresses listens.
        """
        return "::" if self.family == 6 else ""

    def _has(self, address: str) -> bool:
        if ":" in address:
            return self.hasIPv6 and self.family != 4
        return self.family != 6

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
        # User 0 inside is user 0 outside: since Linux 5.12 such a map needs a capability.
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
        # Before the device is up: no duplicate address detection, no router solicitations.
        disabled = "1" if self.family == 4 else "0"
        for switch, value in (
            ("disable_ipv6", disabled),
            ("accept_dad", "0"),
            ("addr_gen_mode", "1"),
        ):
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
        if self.family == 6 and not self.hasIPv6:
            raise Forbidden("this kernel has no IPv6 (ipv6.disable=1?): try --ipv4")
        near = NEAR if self._has(NEAR) else None
        near6 = NEAR6 if self._has(NEAR6) else None
        try:
            device.configure(self.device, self.mtu, near, PREFIX, near6, PREFIX6)
            if near6 is not None:
                _waitFor(near6)
        except OSError as error:
            raise Forbidden(
                f"the wire's device cannot be given its addresses ({error.strerror})"
            ) from None
        if not self.hasIPv6 and self.family is None:
            self.notes.append("this kernel has no IPv6 (ipv6.disable=1?): far6.wire is not there")
        return " ".join(self.environment.values())

    def _cover(self) -> str:
        texts = {
            etc_files.HOSTS: etc_files.hosts(
                {} if self.useNames else self.names(), etc_files.machine(), self.family
            ),
        }
        wanted = [etc_files.HOSTS, etc_files.NSSWITCH]
        if self.useNames:
            wanted.append(etc_files.RESOLV)
            texts[etc_files.RESOLV] = etc_files.resolv(FAR if self._has(FAR) else FAR6)
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
        # Let ping(8) work without capabilities.
        gid = "0 2147483647" if self.isRoots else f"{os.getegid()} {os.getegid()}"
        readOnly = False
        for key, value in {**self.tuning, "net.ipv4.ping_group_range": gid}.items():
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
            if error is None:
                continue
            if error.errno in (errno.ENOENT, errno.EISDIR):
                raise UnknownSetting(f"--sysctl: {key}: this kernel has no such setting")
            if error.errno == errno.EINVAL:
                raise UnknownSetting(f"--sysctl: {key}: this kernel refuses {value!r}")
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
    Parse a setting of the private network: C{net.KEY=VALUE}.

    @raise ValueError: it has another form. Any other key would change the whole machine.
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
    # In one unbuffered call: these files accept nothing else.
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


def present() -> Literal[4, 6] | None:
    """
    The only version of IP that the wire in this process's network has; L{None} for both.
    """
    found: list[Literal[4, 6]] = []
    versions: tuple[tuple[Literal[4, 6], socket.AddressFamily, str], ...] = (
        (4, socket.AF_INET, NEAR),
        (6, socket.AF_INET6, NEAR6),
    )
    for version, family, address in versions:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            found.append(version)
    return found[0] if len(found) == 1 else None


def _waitFor(address: str) -> None:
    """
    Wait until an IPv6 address can be used: it is tentative for an instant, even without duplicate
    address detection.
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
