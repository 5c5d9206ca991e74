"""
Why the system forbids a private network, and how to allow it. The reason follows from the error,
the kernel's settings and the state of this process.
"""

from __future__ import annotations

import errno
import os

from twisted_netdemo.badwire.sandbox import linux

_ROOT = "or run it as root"


class Forbidden(Exception):
    """
    The system forbids a private network. The message is one line with the reason and a remedy.
    """


class UnknownSetting(Forbidden):
    """
    The kernel does not know a setting that was asked for, or not with this value.
    """


def whyUnshare(error: OSError, kind: str) -> str:
    """
    Why the namespaces could not be made.
    """
    what = f"a private network is forbidden here ({error.strerror})"
    if error.errno == errno.ENOSPC:
        for switch in (f"user.max_{kind}_namespaces", "user.max_net_namespaces"):
            if linux.setting(switch.replace(".", "/")) == "0":
                other = f", {_ROOT}" if kind == "user" else ""
                return f"{what}: {switch} is 0: sysctl -w {switch}=10000{other}"
        return f"{what}: there are too many namespaces: raise user.max_{kind}_namespaces"
    if error.errno == errno.EINVAL:
        return f"{what}: this kernel has no user namespaces (CONFIG_USER_NS), {_ROOT}"
    if linux.setting("kernel/unprivileged_userns_clone") == "0" and os.geteuid():
        switch = "kernel.unprivileged_userns_clone"
        return f"{what}: {switch} is 0: sysctl -w {switch}=1, {_ROOT}"
    if _isFiltered():
        return (
            f"{what}: a seccomp filter, as a container's: run the container with "
            "--security-opt seccomp=unconfined, or outside"
        )
    return f"{what}: in a chroot, or by a security module: run it outside of that, {_ROOT}"


def whyMap(error: OSError, lacksCapability: bool) -> str:
    """
    Why the map of users could not be written.

    @param lacksCapability: whether this process is root without CAP_SETFCAP.
    """
    what = f"a private network is forbidden here ({error.strerror}, at the user's map)"
    if linux.setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        switch = "kernel.apparmor_restrict_unprivileged_userns"
        return f"{what}: {switch} is 1: sysctl -w {switch}=0, {_ROOT}"
    if lacksCapability:
        return (
            f"{what}: root has no CAP_SETFCAP here, as within root's badwire and in some "
            "containers: run it as another user, or where root has that capability"
        )
    return f"{what}: by a security module: {_ROOT[3:]}"


def _isFiltered() -> bool:
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return any(line.split() == ["Seccomp:", "2"] for line in status)
    except OSError:
        return False
