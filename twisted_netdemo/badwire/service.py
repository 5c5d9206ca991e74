"""
The bad wire as a service: the network, the services in it, COMMAND, and the end of the run.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.application.service import MultiService, Service
from twisted.internet import defer
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from twisted_netdemo.badwire.console import describe
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.model.events import Listener
from twisted_netdemo.badwire.model.kernel_counters import (
    CounterRow,
    PacketCounts,
    compare,
    kernelCounts,
    readCounters,
)
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.outputs import RunOutputs
from twisted_netdemo.badwire.reporting_clock import ReportingClock
from twisted_netdemo.badwire.sandbox import device
from twisted_netdemo.badwire.sandbox.command_process import CommandProcess, takeTerminal
from twisted_netdemo.badwire.sandbox.network import Network
from twisted_netdemo.badwire.sandbox.watcher import Member, Watcher
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.badwire.summary import Summary
from twisted_netdemo.service.process.control import onSecondSignal
from twisted_netdemo.service.time.clock import monotonic

if TYPE_CHECKING:
    from twisted_netdemo.badwire.sandbox.wire_port import WirePort

_log = Logger()

# how long a drain waits between two looks, in seconds: at first, and at most
_FIRST_LOOK, _LATER_LOOK = 0.001, 0.01

# TCP's states, as /proc/net/tcp has them
_TIME_WAIT, _LISTEN = "06", "0A"

#: Makes the wire, given its clock, the far addresses and the listeners.
MakeWire = Callable[[IReactorTime, Sequence[bytes], Sequence[Listener]], Wire]


class BadWire(MultiService):
    """
    The wire and the services beside it. A run ends with COMMAND or, without one, when it is
    stopped. It ends at once, with a line, if anything in it fails.

    @ivar network: the private network.
    @ivar wire: the wire, once the service has started.
    @ivar status: COMMAND's exit status, once it has ended.
    @ivar conclusion: the summary at the end, once the outputs are written.
    @ivar clock: a clock whose calls end the run if they raise an exception.
    @ivar listeners: the objects that receive the events; others can be added before the start.
    """

    wire: Wire
    status: int | None = None
    conclusion: Summary | None = None

    def __init__(
        self,
        network: Network,
        watcher: Watcher | None,
        makeWire: MakeWire,
        seed: int,
        outputs: RunOutputs,
        say: Callable[[str], None],
        reactor: IWireReactor,
        drain: float = 3.0,
    ) -> None:
        """
        @param watcher: ends the processes in the network if badwire is killed; L{None} where
            another process ends them, whenever badwire ends.
        @param makeWire: called at the start of the service.
        @param seed: the seed of the wire.
        @param outputs: receives each event, and writes the outputs once at the end.
        @param say: called with each line for people.
        @param reactor: the reactor.
        @param drain: how long to wait for the network and the services after COMMAND's end, at
            most, in seconds.
        """
        super().__init__()
        self.clock = ReportingClock(monotonic(reactor), self._failed)
        self.network = network
        self._watcher = watcher
        self._makeWire = makeWire
        self._seed = seed
        self._counts = PacketCounts()
        self._outputs = outputs
        self.listeners: list[Listener] = [self._counts, *outputs.listeners]
        self._say = say
        self._reactor = reactor
        self._drain = drain
        self._until = 0.0
        self._port: WirePort | None = None
        self._command: CommandProcess | None = None
        self._ended: Callable[[int], None] | None = None
        self._isOver = self._hasFailed = False
        self._hasCommand = False

    def runs(self, arguments: Sequence[str], ended: Callable[[int], None]) -> None:
        """
        Set COMMAND, with which the run ends.

        @param arguments: COMMAND and its arguments. If they are empty, the run goes on until it is
            stopped or fails.
        @param ended: called with the exit status when the outputs are written, unless the service
            was stopped before; and once more if something fails after that.
        """

        def over(status: int) -> None:
            self.clock.call(self._commandEnded, status)

        if arguments:
            self._command = CommandProcess(arguments, over)
        self._hasCommand = bool(arguments)
        self._ended = ended

    def awaits(self, ended: Callable[[int], None]) -> Callable[[int], None]:
        """
        Let another process start COMMAND in the network. The run ends with COMMAND.

        @param ended: as for L{runs}.
        @return: a function to call with COMMAND's exit status at its end.
        """
        self._hasCommand = True
        self._ended = ended

        def over(status: int) -> None:
            self.clock.call(self._commandEnded, status)

        return over

    def discard(self) -> None:
        """
        The run ends before it has begun: leave no files.
        """
        self._outputs.discard()

    def startService(self) -> None:
        """
        Start the wire, then the services beside it.
        """
        # Not at the top: the module needs fcntl, which Windows lacks.
        from twisted_netdemo.badwire.sandbox.wire_port import WirePort

        self.wire = self._makeWire(self.clock, self.network.far, self.listeners)
        self._port = WirePort(self.wire, self.network.device, self._reactor, self._failed)
        self._port.startListening()
        try:
            super().startService()
        except Exception:
            self.discard()
            raise
        if self._command is None and not self._hasCommand:
            _log.info(
                "the network is up: 'badwire enter --run {pid}' enters it, or {entry}",
                pid=os.getpid(),
                entry=self.network.entry,
            )
        elif self._command is not None:
            self._reactor.callWhenRunning(self.clock.call, self._startCommand, self._command)

    def _startCommand(self, command: CommandProcess) -> None:
        if self._isOver:
            return  # something failed before the reactor ran
        # The reactor's handlers would stop the reactor.
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._interrupted)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._terminated)
        try:
            command.start(self._reactor, self.network.environment)
        except OSError as error:
            raise OSError(error.errno, f"{sys.executable}: {error.strerror}") from error

    def _interrupted(self, number: int, frame: object) -> None:
        """
        Ctrl-C reaches COMMAND as well, and COMMAND decides; after its end the drain is cut short.
        """
        if self._command is None:
            self._reactor.callFromThread(self.stopDraining)

    def _terminated(self, number: int, frame: object) -> None:
        if self._command is None:
            self._reactor.callFromThread(self.stopDraining)
        else:
            self._command.signal(number)

    def _commandEnded(self, status: int) -> None:
        self.status = status
        self._command = None
        takeTerminal()
        self._until = self.clock.seconds() + self._drain
        self._lookAfter(_FIRST_LOOK)

    def stopDraining(self) -> None:
        """
        Wait no longer for the network after COMMAND's end.
        """
        self._until = 0.0

    def _lookAfter(self, wait: float) -> None:
        """
        Look, once the reactor has read the device, which may hold an answer to the last packet.
        """
        self.clock.callLater(wait, self._look, self._counts.total, wait)

    def _look(self, before: int, waited: float) -> None:
        """
        Wait until the wire is idle and no connection is left.

        @param before: how many packets had left and arrived at the last look.
        @param waited: how long ago that was, in seconds.
        """
        packets = self._counts.total
        isQuiet = self.wire.isIdle and packets == before and not _connections()
        if isQuiet or self.clock.seconds() >= self._until:
            self._over()
        else:
            self._lookAfter(min(2 * waited, _LATER_LOOK))

    def _failed(self, error: Exception) -> None:
        """
        End the run because of an exception. Later exceptions follow from the first, and are only
        logged.
        """
        _log.failure("it failed", Failure(error), LogLevel.debug)
        if self._hasFailed:
            return
        self._hasFailed = True
        self._say(f"badwire: {describe(error)}")
        if not self._isOver:
            self._over()
        elif self._ended is not None:
            self._ended(FAILED)

    def _over(self) -> None:
        """
        End the run: write its outputs.
        """
        self._isOver = True
        isWhole = self._outputs.show(self._conclude, self.status)
        hasFailed = self._hasFailed or not isWhole
        status = FAILED if hasFailed else self.status or 0
        if hasFailed and self.status is not None:
            self._say(f"badwire: COMMAND's own exit status was {self.status}")
        if self._ended is not None and (self._hasCommand or status):
            self._ended(status)

    def _conclude(self) -> Summary:
        self.conclusion = self.summary()
        return self.conclusion

    def summary(self) -> Summary:
        """
        The summary of the run so far.
        """
        wire = self.wire
        kernel = readCounters()
        return Summary(
            seed=self._seed,
            seconds=wire.seconds,
            table=self._counts.table(),
            rows=self.compare(kernel),
            counters=kernel,
            kernelCounts=kernelCounts(kernel),
            looped=device.looped(),
            dropped=self.network.device.dropped(),
            unread=wire.unread,
            malformed=wire.malformed,
            elsewhere=wire.elsewhere,
            refused=wire.refused,
            left=self._left(),
        )

    def compare(self, kernel: Mapping[str, int]) -> list[CounterRow]:
        """
        What the log has counted so far, beside the kernel's counters.
        """
        return compare(self._counts, self.wire.receivers.early, kernel)

    def _left(self) -> Sequence[Member] | None:
        """
        The processes that go on after the run. COMMAND itself does not. None does if another
        process ends them, or if badwire is the first process of a container.
        """
        if self._command is not None or self._watcher is None or os.getpid() == 1:
            return ()
        try:
            return self._watcher.members()
        except OSError:
            return None

    def stopService(self) -> defer.Deferred[None]:
        """
        Stop the services beside the wire, then the wire.
        """
        if not self._isOver:
            self._over()
        if self._command is not None:
            self._command.signal(signal.SIGTERM)
        Service.stopService(self)
        stops = [defer.maybeDeferred(service.stopService) for service in reversed(list(self))]
        for stop in stops:
            stop.addErrback(self._stopFailed)

        def close(result: object) -> defer.Deferred[None]:
            if self._command is None and self._watcher is not None:
                self._watcher.release()
            port, self._port = self._port, None
            closed = None if port is None else port.stopListening()
            return defer.succeed(None) if closed is None else closed

        return self._inTime(defer.gatherResults(stops)).addBoth(close).addErrback(self._stopFailed)

    def _stopFailed(self, reason: Failure) -> None:
        self.clock.call(reason.raiseException)

    def _inTime(self, stopped: defer.Deferred[list[None]]) -> defer.Deferred[None]:
        """
        Limit the time that services have to stop: after COMMAND's end to the rest of the drain;
        without COMMAND until a second signal.
        """
        either: defer.Deferred[None] = defer.Deferred()

        def over(result: object = None) -> None:
            if not either.called:
                either.callback(None)

        if not self._hasCommand:
            onSecondSignal(self._reactor, over)
        else:
            left = max(0.0, self._until - self.clock.seconds())
            limit = self.clock.callLater(left, over)

            def inTime(result: None) -> None:
                if limit.active():
                    limit.cancel()

            either.addCallback(inTime)
        stopped.addBoth(over)
        return either


def _connections() -> int:
    """
    The number of TCP sockets that are neither listening nor in TIME-WAIT.
    """
    if not _hasSockets():
        return 0
    count = 0
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as table:
            next(table)
            count += sum(line.split()[3] not in (_TIME_WAIT, _LISTEN) for line in table)
    return count


def _hasSockets() -> bool:
    """
    Whether the network has any TCP socket, in TIME-WAIT too, by the kernel's counts. For a list of
    them the kernel looks through those of all networks, which takes some milliseconds.
    """
    counts = ""
    for path in ("/proc/net/sockstat", "/proc/net/sockstat6"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            counts += file.read()
    # The former counts those in TIME-WAIT of both versions of IP.
    numbers = re.findall(r"^TCP6?: inuse (\d+)(?:.* tw (\d+))?", counts, re.MULTILINE)
    return not numbers or any(int(each or 0) for pair in numbers for each in pair)
