"""
The watcher of a session: one process for all wires of a helper, which outlives them. When a wire's
process has ended, however it came to that, the watcher ends all processes that are left in the
wire's network.

It stays outside of the networks. It may look at their processes and end them: it has the same user,
who owns the namespaces.
"""

from __future__ import annotations

import array
import os
import select
import signal
import socket
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import NoReturn

from twisted_netdemo.badwire.sandbox import linux, watcher

#: The name of the process (/proc/PID/comm).
NAME = "badwire-session"

#: The longest list of processes, in bytes. Of a longer one the rest is not sent.
_LONGEST = 1 << 16

#: For how long the number of a process that has ended is not given to another one, in seconds: the
#: system goes through tens of thousands first.
_NEW = 1.0


@dataclass(frozen=True)
class _Watched:
    """
    A network whose wire goes on.

    @ivar network: its descriptor. While it is open, the kernel gives the network's number, by which
        processes are found, to no other network.
    @ivar known: the processes that there were before the network.
    @ivar since: when it was made, as C{time.monotonic} has it.
    """

    network: int
    known: Container[int]
    since: float


class SessionWatcher:
    """
    The watcher as the helper and its wires see it.
    """

    def __init__(self) -> None:
        """
        Start it. This process must have a single thread.

        @raise OSError: no more processes can be started.
        """
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            if not os.fork():
                _become(other)

    def fileno(self) -> int:
        """
        A descriptor that becomes readable when the watcher has ended.
        """
        return self._socket.fileno()

    def watch(self, known: Iterable[int]) -> None:
        """
        Have this process watched, which is that of a wire and lives in its network, where there is
        no other process yet.

        @param known: some of the processes that there were before the network.
        @raise OSError: the watcher has ended.
        """
        linux.setName(watcher.NAME)  # by which 'badwire enter' finds the network
        numbers = array.array("i", known).tobytes()
        process = os.pidfd_open(os.getpid())
        network = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            socket.send_fds(self._socket, [b".", numbers[:_LONGEST]], [process, network])
        finally:
            os.close(network)
            os.close(process)


def _become(requests: socket.socket) -> NoReturn:
    """
    Turn this process into the watcher.
    """
    try:
        os.setsid()  # signals to the helper's process group are not for us
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries those that end others
        os.chdir("/")
        watcher.keepOnly(requests.fileno())
        linux.setName(NAME)
        _watch(requests)
    finally:
        os._exit(1)


def _watch(requests: socket.socket) -> NoReturn:
    watched: dict[int, _Watched] = {}
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    hasEnded = False
    while watched or not hasEnded:
        for ready, _ in poll.poll():
            if ready in watched:
                poll.unregister(ready)
                ended = watched.pop(ready)
                _wireEnded(ended)
                os.close(ended.network)
                os.close(ready)
                continue
            known, descriptors, _, _ = socket.recv_fds(requests, 1 + _LONGEST, 2)
            if not known:  # the helper and all of its wires have ended
                poll.unregister(requests)
                hasEnded = True
                continue
            process, network = descriptors
            pids = frozenset(array.array("i", known[1:]))
            watched[process] = _Watched(network, pids, time.monotonic())
            poll.register(process, select.POLLIN)
    os._exit(0)


def _wireEnded(watched: _Watched) -> None:
    """
    End what is left in a network, in a process of its own: it may take a second.
    """
    # Each look at a process costs the kernel some microseconds, and most were there before.
    isNew = time.monotonic() - watched.since < _NEW
    known = watched.known if isNew else frozenset()
    network = os.fstat(watched.network)
    if next(watcher.inhabitants(network, known), None) is None:
        return
    try:
        isOther = not os.fork()
    except OSError:  # there are too many processes
        watcher.end(network)
        return
    if isOther:
        try:
            watcher.end(network)
        finally:
            os._exit(0)
