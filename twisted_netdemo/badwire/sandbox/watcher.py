"""
The watcher: a process that outlives badwire. If badwire is killed, the watcher ends all processes
in the network. If badwire ends normally, the watcher exits, and processes that COMMAND has left
running go on.

The watcher finds these processes in /proc, by their network namespace: another session, parent or
user does not hide them. To look at them and to end them, the watcher keeps two capabilities.
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
from collections.abc import Callable, Container, Iterator
from typing import NamedTuple, NoReturn

from twisted_netdemo.badwire.sandbox import linux

#: The name of the process (/proc/PID/comm), by which C{badwire enter} finds a network.
NAME = "badwire-watch"

#: How many seconds processes have after SIGTERM.
GRACE = 1.0

# The interval at which it looks for them meanwhile, in seconds.
_LOOK = 0.02

# What the watcher says first.
_READY = b"!"

# The requests of badwire, and how long it waits for an answer, in seconds.
_WHO, _GO = b"?", b"."
_PATIENCE = 5.0

# The length of an answer, in bytes, at most.
_LONGEST = 1 << 17

# The links to a process's folder of threads while it has one: its own two, and the thread's.
_ONE_THREAD = 3

# How many characters are shown of a command.
_SHOWN = 200

# How many processes are listed.
_MOST = 10_000


class Member(NamedTuple):
    """
    A process in the network.

    @ivar command: its command line, as far as it is known.
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
        Start it. This process must have a single thread, live in the network, and still have its
        capabilities. Returns when the watcher has no others left than it keeps.

        @raise OSError: no more processes can be started, or the watcher has ended.
        """
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if not self.pid:
            _become(other)
        other.close()
        if ours.recv(1) != _READY:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        # Only the end of this process closes it: before that, the watcher would end us too.
        self._channel = ours.detach()

    def members(self) -> list[Member]:
        """
        The processes in the network, except badwire, its watcher and the children of badwire.

        @raise OSError: the watcher has ended.
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
        Let the watcher exit, and the processes in the network go on.
        """
        with contextlib.suppress(OSError):
            os.write(self._channel, _GO)
        os.close(self._channel)


def _become(channel: socket.socket) -> NoReturn:
    """
    Turn this process into the watcher.
    """
    try:
        os.setsid()  # signals to badwire's terminal or process group are not for us
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        os.chdir("/")
        keepOnly(channel.fileno())
        linux.keepCapabilities(1 << linux.CAP_SYS_PTRACE | 1 << linux.CAP_KILL)
        linux.setName(NAME)
        channel.send(_READY)
        _watch(channel)
    finally:
        os._exit(1)


def keepOnly(descriptor: int) -> None:
    """
    Close all other files: the device, the terminal, and pipes whose readers wait for their end.
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
        with contextlib.suppress(OSError):  # badwire has ended meanwhile
            channel.send(json.dumps(pids).encode())
    end(network)
    os._exit(0)


def _hear(channel: socket.socket) -> bytes:
    """
    Wait for a request of badwire.

    @return: empty once badwire has ended.
    """
    try:
        return channel.recv(1)
    except ConnectionResetError:  # it ended before it read an answer: its last request is there
        return channel.recv(1)


def end(network: os.stat_result) -> None:
    """
    End all processes in a network: by SIGTERM, and after L{GRACE} by SIGKILL.
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
        time.sleep(_LOOK)  # no reactor runs in this process
    while _each(network, kill):
        time.sleep(_LOOK)


def _each(network: os.stat_result, act: Callable[[int, int], None]) -> bool:
    """
    Act on each process in a network.

    @param act: called with the process id and a descriptor, which never refers to another process.
    @return: whether there was any process that we may act on.
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


def processes() -> list[int]:
    """
    The processes that there are.
    """
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def inhabitants(network: os.stat_result, known: Container[int] = ()) -> Iterator[int]:
    """
    The processes in a network that this one may look at, except itself.

    @param known: processes that are not in it.
    """
    own = os.getpid()
    for pid in processes():
        if pid != own and pid not in known and _livesIn(network, pid):
            yield pid


def _livesIn(network: os.stat_result, pid: int) -> bool:
    """
    Whether any thread of a process lives in a network: the first may have ended before the others.
    """
    if _isIn(network, f"/proc/{pid}"):
        return True
    with contextlib.suppress(OSError):  # it has ended
        if os.stat(f"/proc/{pid}/task").st_nlink == _ONE_THREAD:
            return False  # the usual case: to list the threads takes four times as long
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
    The parent of a process; 0 if the process has ended.
    """
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        # The name, in parentheses, may hold any characters.
        return int(file.read().rpartition(b")")[2].split()[1])
    return 0


def commandOf(pid: int) -> str:
    """
    The printable beginning of a process's command line, or its name if there is none.
    """
    words = ""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(_SHOWN).replace(b"\0", b" ").decode("utf-8", "replace").strip()
        if not words:
            with open(f"/proc/{pid}/comm", "rb") as file:
                words = file.read().decode("utf-8", "replace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in words)
