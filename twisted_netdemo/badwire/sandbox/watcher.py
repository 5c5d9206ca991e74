"""
The watcher: a process that outlives badwire. Where badwire is killed, it ends all that lives in
the network; where badwire ends as it should, it goes, and what COMMAND has left goes on.

It knows who lives there from /proc: whose network namespace is its own. So nobody gets away by
having a session, a parent or a user of its own. For that, and to end them, the watcher alone keeps
two capabilities.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from twisted_netdemo.badwire.sandbox import linux

#: What the process is called (/proc/PID/comm), by which C{badwire enter} finds it.
NAME = "badwire-watch"

#: How many seconds they have after SIGTERM.
GRACE = 1.0

# how often it looks meanwhile, in seconds
_LOOK = 0.02

# what badwire says to it, and how long it waits for an answer, in seconds
_WHO, _GO = b"?", b"."
_PATIENCE = 5.0

# of an answer
_LONGEST = 1 << 17

# how much is shown of what was typed
_SHOWN = 200

# how many are named
_MOST = 10_000


class Member(NamedTuple):
    """
    A process in the network.

    @ivar command: what was typed to start it, as far as that can be told.
    """

    pid: int
    command: str


class Watcher:
    """
    The watcher as badwire sees it.

    @ivar pid: its process.
    """

    def __init__(self) -> None:
        """
        Start it. The process must have one thread, live in the network, and have its capabilities
        still.

        @raise OSError: there can be no more processes.
        """
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if not self.pid:
            _become(other)
        other.close()
        # closed by the end of the process and by nothing before it: the watcher would end us too
        self._channel = ours.detach()

    def members(self) -> list[Member]:
        """
        What else lives in the network: neither badwire and its watcher, nor what its services
        have started.

        @raise OSError: the watcher is not there any more.
        """
        os.write(self._channel, _WHO)
        answer = b""
        if select.select([self._channel], [], [], _PATIENCE)[0]:
            answer = os.read(self._channel, _LONGEST)
        if not answer:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        pids: list[int] = json.loads(answer)
        own = os.getpid()
        return [Member(pid, commandOf(pid)) for pid in pids if own not in (pid, parentOf(pid))]

    def release(self) -> None:
        """
        Let it go, and what lives in the network go on.
        """
        with contextlib.suppress(OSError):
            os.write(self._channel, _GO)
        os.close(self._channel)


def _become(channel: socket.socket) -> NoReturn:
    """
    Be the watcher.
    """
    try:
        os.setsid()  # what is sent to badwire's terminal or group is not for us
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        os.chdir("/")
        _keepOnly(channel.fileno())
        linux.keepCapabilities(1 << linux.CAP_SYS_PTRACE | 1 << linux.CAP_KILL)
        linux.setName(NAME)
        _watch(channel)
    finally:
        os._exit(1)


def _keepOnly(descriptor: int) -> None:
    """
    Close all other files: the device, the terminal, pipes that somebody reads to their end.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1, 2):
        os.dup2(nothing, each)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (0, 1, 2, descriptor):
            with contextlib.suppress(OSError):
                os.close(int(name))


def _watch(channel: socket.socket) -> NoReturn:
    network = os.stat("/proc/self/ns/net")
    while asked := _hear(channel):
        if asked == _GO:
            os._exit(0)
        pids = list(inhabitants(network))[:_MOST]
        with contextlib.suppress(OSError):  # nobody waits for the answer any more
            channel.send(json.dumps(pids).encode())
    end(network)
    os._exit(0)


def _hear(channel: socket.socket) -> bytes:
    """
    What badwire says; nothing once it has ended.
    """
    try:
        return channel.recv(1)
    except ConnectionResetError:  # it ended before it read an answer: hear what it had said
        return channel.recv(1)


def end(network: os.stat_result) -> None:
    """
    End all that lives in a network: ask first, and after L{GRACE} ask no more.
    """
    deadline = time.monotonic() + GRACE
    asked: set[int] = set()

    def ask(pid: int, process: int) -> None:
        if pid not in asked:
            asked.add(pid)
            for number in (signal.SIGTERM, signal.SIGCONT):
                signal.pidfd_send_signal(process, number)

    def kill(pid: int, process: int) -> None:
        signal.pidfd_send_signal(process, signal.SIGKILL)

    while _each(network, ask) and time.monotonic() < deadline:
        time.sleep(_LOOK)  # there is no reactor here
    while _each(network, kill):
        time.sleep(_LOOK)


def _each(network: os.stat_result, act: Callable[[int, int], None]) -> bool:
    """
    Act on each one.

    @param act: is given a process's number, and its descriptor, which stays that process's.
    @return: whether there was any on which we may act.
    """
    found = False
    for pid in inhabitants(network):
        with contextlib.suppress(OSError):  # it has ended
            process = os.pidfd_open(pid)
            try:
                if _livesIn(network, pid):
                    act(pid, process)
                    found = True
            finally:
                os.close(process)
    return found


def inhabitants(network: os.stat_result) -> Iterator[int]:
    """
    The processes that live in a network and may be looked at, but for this one.
    """
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != own and _livesIn(network, int(name)):
            yield int(name)


def _livesIn(network: os.stat_result, pid: int) -> bool:
    """
    Whether any of a process's threads lives there: the first may have ended before the others.
    """
    if _isIn(network, f"/proc/{pid}"):
        return True
    with contextlib.suppress(OSError):  # it has ended
        threads = os.listdir(f"/proc/{pid}/task")
        return any(_isIn(network, f"/proc/{pid}/task/{thread}") for thread in threads)
    return False


def _isIn(network: os.stat_result, path: str) -> bool:
    try:
        return os.path.samestat(os.stat(f"{path}/ns/net"), network)
    except OSError:  # it is not ours to look at, or has ended
        return False


def parentOf(pid: int) -> int:
    """
    A process's parent; 0 where it has ended.
    """
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        # its name, in parentheses, may hold anything
        return int(file.read().rpartition(b")")[2].split()[1])
    return 0


def commandOf(pid: int) -> str:
    """
    What was typed to start a process, fit to be shown, its beginning where it is long; its name
    where it cannot be told.
    """
    words = ""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(_SHOWN).replace(b"\0", b" ").decode("utf-8", "replace").strip()
        if not words:
            with open(f"/proc/{pid}/comm", "rb") as file:
                words = file.read().decode("utf-8", "replace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in words)
