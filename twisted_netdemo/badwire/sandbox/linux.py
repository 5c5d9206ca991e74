"""
System calls of Linux that Python does not offer.
"""

from __future__ import annotations

import ctypes
import os
import signal
from functools import cache

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18

MNT_DETACH = 2

CAP_KILL = 5
CAP_SETPCAP = 8
CAP_NET_BIND_SERVICE = 10
CAP_NET_ADMIN = 12
CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_SETFCAP = 31

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_SECUREBITS = 28
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
# linux/securebits.h: user 0 gains no capabilities by executing a program, for good
_NOROOT_LOCKED = 1 << 0 | 1 << 1
_CAPABILITY_VERSION_3 = 0x20080522


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(status: int, *names: str) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *names)


def unshare(flags: int) -> None:
    """
    Move this process to new namespaces: see unshare(2). C{os.unshare} is new in Python 3.12.
    """
    _checked(_libc().unshare(flags))


def setns(descriptor: int, kind: int) -> None:
    """
    Enter a namespace: see setns(2). C{os.setns} is new in Python 3.12.

    @param kind: the kind of namespace that is expected, C{CLONE_NEW...}.
    """
    _checked(_libc().setns(descriptor, kind))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """
    See mount(2).
    """
    _checked(
        _libc().mount(
            None if source is None else os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            data.encode(),
        ),
        target,
    )


def detach(target: str) -> None:
    """
    Detach a file system; files of it that are bound elsewhere stay there. See umount2(2).
    """
    _checked(_libc().umount2(os.fsencode(target), MNT_DETACH), target)


def effectiveCapabilities() -> int:
    """
    A bit for each capability that this process has.
    """
    sets = (ctypes.c_uint32 * 6)()
    _checked(_libc().capget((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), sets))
    return sets[3] << 32 | sets[0]


def keepCapabilities(kept: int = 0) -> None:
    """
    Give up all other capabilities, for this process and those that it will start: root gains none
    by executing a program. The bounding set stays, so that the capabilities of files work, such as
    those of ping(8).

    @param kept: a bit for each capability to keep.
    @raise OSError: the system refused.
    """
    libc = _libc()
    if effectiveCapabilities() >> CAP_SETPCAP & 1:
        _checked(libc.prctl(_PR_SET_SECUREBITS, _NOROOT_LOCKED, 0, 0, 0))
    _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    # The lower half of the effective, permitted and inheritable sets, then the upper half.
    _checked(libc.capset(header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)))


def endWithParent(parent: int) -> None:
    """
    Have the kernel kill this process when the thread that forked it ends. A change of capabilities
    or of the user namespace undoes that.

    @param parent: the process id of the parent, which may have ended already.
    """
    _checked(_libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def adoptOrphans() -> None:
    """
    Be the parent of all processes below this one whose own parent ends.
    """
    _checked(_libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def setName(name: str) -> None:
    """
    Set the name of this process in /proc/PID/comm.

    @param name: 15 bytes at most.
    """
    _checked(_libc().prctl(_PR_SET_NAME, name.encode(), 0, 0, 0))


def setting(path: str) -> str | None:
    """
    The value of a kernel setting under /proc/sys; L{None} if the kernel has no such setting.
    """
    try:
        with open(f"/proc/sys/{path}", "rb") as file:
            return file.read().decode("ascii", "replace").strip()
    except OSError:
        return None
