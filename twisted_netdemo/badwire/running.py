"""
The bad wire in operation: network, services and COMMAND, and what is shown when it is over.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet import defer
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.badwire import device, helper
from twisted_netdemo.badwire.counters import Counts, compare, readCounters
from twisted_netdemo.badwire.events import Listener
from twisted_netdemo.badwire.network import FAR, FAR6, Network
from twisted_netdemo.badwire.summary import Summary
from twisted_netdemo.badwire.wire import Wire

if TYPE_CHECKING:
    from twisted.pair.tuntap import TuntapPort

_log = Logger()

#: The exit status where badwire itself failed.
FAILED = 125

#: The largest packet that IP has.
_LARGEST = 65536

# how often a drain looks, in seconds
_LOOK = 0.01

# TCP's states, as /proc/net/tcp has them
_TIME_WAIT, _LISTEN = "06", "0A"

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


class Command(ProcessProtocol):
    """
    COMMAND, which has the terminal, its own signals and no capabilities.
    """

    def __init__(self, arguments: Sequence[str], over: Callable[[int], None]) -> None:
        """
        @param over: called with the exit status, 128 + N for a signal.
        """
        self._arguments = list(arguments)
        self._over = over
        # what badwire's starter ignores, COMMAND ignores (nohup, a job in the background)
        self._ignored = [
            number
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
            if signal.getsignal(number) is signal.SIG_IGN
        ]

    def start(self, reactor: Any, environment: Mapping[str, str]) -> None:
        """
        @param reactor: what provides C{IReactorProcess}.
        """
        outside = {
            name: value for name, value in os.environ.items() if name.lower() not in _PROXIES
        }
        ignored = ",".join(str(int(number)) for number in self._ignored)
        python = [sys.executable, "-I", "-S", helper.__file__]
        reactor.spawnProcess(
            self,
            sys.executable,
            [*python, str(os.getpid()), ignored, *self._arguments],
            env={**outside, **environment},
            childFDs={0: 0, 1: 1, 2: 2},
        )

    def signal(self, number: int) -> None:
        """
        Pass a signal on.
        """
        if self.transport is not None and self.transport.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.transport.pid, number)

    def processEnded(self, reason: Failure) -> None:
        """
        COMMAND is over.
        """
        ended = reason.value
        if isinstance(ended, ProcessTerminated) and ended.signal is not None:
            status = 128 + ended.signal
        elif isinstance(ended, ProcessTerminated) and ended.exitCode is not None:
            status = ended.exitCode
        else:
            status = 0
        self._over(status)


class BadWire(MultiService):
    """
    The wire and what runs beside it. It ends with COMMAND, or where there is none when stopped.

    @ivar wire: the wire, from the start on.
    @ivar status: COMMAND's exit status.
    """

    wire: Wire
    status = 0

    def __init__(
        self,
        network: Network,
        makeWire: Callable[[Sequence[bytes], Sequence[Listener]], Wire],
        seed: int,
        listeners: Sequence[Listener],
        conclude: Callable[[Summary, int], int],
        reactor: Any,
        drain: float = 3.0,
    ) -> None:
        """
        @param makeWire: called when the network is to be up, with far addresses and listeners.
        @param seed: the wire's.
        @param listeners: who is told of each event.
        @param conclude: called once when it is over, with COMMAND's exit status; gives badwire's.
        @param reactor: the reactor.
        @param drain: how long to wait for the network after COMMAND's end, at most.
        """
        super().__init__()
        self._network = network
        self._makeWire = makeWire
        self._seed = seed
        self._counts = Counts()
        self._listeners = listeners
        self._conclude = conclude
        self._reactor = reactor
        self._drain = drain
        self._port: TuntapPort | None = None
        self._command: Command | None = None
        self._ended: Callable[[int], None] | None = None
        self._isOver = False

    def runs(self, arguments: Sequence[str], ended: Callable[[int], None]) -> None:
        """
        COMMAND is to run, and all is over with it.

        @param ended: called with the exit status when all has been shown.
        """
        self._command = Command(arguments, self._commandEnded)
        self._ended = ended

    def startService(self) -> None:
        """
        Let the wire carry, then start what stands beside it.
        """
        # where there is no fcntl there is no such module, and no private network to come here
        from twisted.pair.tuntap import TuntapPort

        far = [socket.inet_aton(FAR)]
        if self._network.hasIPv6:
            far.append(socket.inet_pton(socket.AF_INET6, FAR6))
        self.wire = self._makeWire(far, [self._counts, *self._listeners])
        self._port = TuntapPort(
            device.NAME.encode(), self.wire, _LARGEST, self._reactor, self._network.device
        )
        self._port.startListening()
        super().startService()
        if self._command is None:
            _log.info("the network is up: {entry}", entry=self._network.entry)
        else:
            self._reactor.callWhenRunning(self._startCommand, self._command)

    def _startCommand(self, command: Command) -> None:
        # the reactor's handlers would stop it
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._interrupted)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._terminated)
        try:
            command.start(self._reactor, self._network.environment)
        except OSError as error:
            _log.error("{python}: {error}", python=sys.executable, error=error.strerror)
            self._over(FAILED)

    def _interrupted(self, number: int, frame: object) -> None:
        """
        The terminal tells COMMAND too.
        """
        if self._command is None:
            self._reactor.callFromThread(self._stopDraining)

    def _terminated(self, number: int, frame: object) -> None:
        if self._command is None:
            self._reactor.callFromThread(self._stopDraining)
        else:
            self._command.signal(number)

    def _commandEnded(self, status: int) -> None:
        self.status = status
        self._command = None
        _takeTerminal()
        self._until = self._reactor.seconds() + self._drain
        self._look(-1)

    def _stopDraining(self) -> None:
        self._until = 0.0

    def _look(self, before: int) -> None:
        """
        Wait until nothing is on the wire and no connection is left.

        @param before: how many packets there had been when we looked last.
        """
        packets = sum(self._counts.packets.values())
        isQuiet = self.wire.isIdle and packets == before and not _connections()
        if isQuiet or self._reactor.seconds() >= self._until:
            self._over(self.status)
        else:
            self._reactor.callLater(_LOOK, self._look, packets)

    def _over(self, status: int) -> None:
        status = self._show(status)
        if self._ended is not None:
            self._ended(status)

    def _show(self, status: int) -> int:
        self._isOver = True
        return self._conclude(self.summary(), status)

    def summary(self) -> Summary:
        """
        What it comes to so far.
        """
        wire = self.wire
        return Summary(
            seed=self._seed,
            seconds=wire.seconds,
            table=self._counts.table(),
            rows=compare(self._counts, wire.receivers.early, readCounters()),
            looped=device.looped(),
            dropped=self._network.device.dropped(),
            unread=wire.unread,
            refused=wire.refused,
        )

    def stopService(self) -> defer.Deferred[None]:
        """
        Stop what stands beside the wire, then the wire.
        """
        if not self._isOver:
            self._show(0)
        if self._command is not None:
            self._command.signal(signal.SIGTERM)
        stopped: defer.Deferred[None] = defer.maybeDeferred(super().stopService)

        def close(result: object) -> Any:
            port, self._port = self._port, None
            return None if port is None else port.stopListening()

        return stopped.addBoth(close)


def _connections() -> int:
    """
    How many TCP connections there are that are neither listening nor in TIME-WAIT.
    """
    count = 0
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as table:
            next(table)
            count += sum(line.split()[3] not in (_TIME_WAIT, _LISTEN) for line in table)
    return count


def _takeTerminal() -> None:
    """
    A shell that was killed leaves the terminal to nobody.
    """
    with contextlib.suppress(OSError):
        if os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
            os.tcsetpgrp(0, os.getpgrp())
