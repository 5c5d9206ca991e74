"""
The event loops that a forked child has inherited: it leaves their events and timers to its parent.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: A registration in /proc/PID/fdinfo/N of an epoll: see proc(5).
_REGISTERED = re.compile(r"^tfd:\s*(\d+) events:\s*([0-9a-f]+) data:\s*([0-9a-f]+)", re.MULTILINE)

#: What the parent's reactor reads and writes: kept, since the end of a transport may act.
_parents: list[object] = []


def leaveToParent() -> None:
    """
    In a forked child, before anything else: have loops of its own.
    """
    _replaceEpolls()
    loaded = sys.modules.get("twisted.internet.reactor")
    if loaded is not None:
        _forget(loaded)  # type: ignore[arg-type]  # Twisted puts the reactor in the module's place


def _replaceEpolls() -> None:
    """
    Replace each epoll by a new one of the same descriptors. A fork shares them with its parent:
    a descriptor that it removed would be removed for both.
    """
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # such as the descriptor of this folder itself
            if os.readlink(f"/proc/self/fd/{name}") == "anon_inode:[eventpoll]":
                _replaceEpoll(int(name))


def _replaceEpoll(descriptor: int) -> None:
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
        found = _REGISTERED.findall(file.read())
    with select.epoll() as poll:
        for number, events, data in found:
            if int(data, 16) & 0xFFFF_FFFF != int(number):
                return  # a library in C keeps something of its own there
            with contextlib.suppress(OSError):  # closed here; another process has it, too
                poll.register(int(number), int(events, 16))
        os.dup2(poll.fileno(), descriptor, inheritable=False)


def _forget(reactor: ReactorBase) -> None:
    """
    Let Twisted's reactor begin without connections, ports, timers and threads.
    """
    from twisted.internet.interfaces import IReactorFDSet

    if IReactorFDSet.providedBy(reactor):
        _parents.extend(reactor.removeAll())
    for timer in reactor.getDelayedCalls():
        timer.cancel()
    if reactor.threadpoolShutdownID is not None:
        # the threads are the parent's; others start when they are needed
        reactor.removeSystemEventTrigger(reactor.threadpoolShutdownID)
        reactor.threadpool = reactor.threadpoolShutdownID = None
