"""
One service in several processes: the parent holds the ports' sockets and keeps the workers running,
each of which accepts or receives from a socket of its own (SO_REUSEPORT).

A worker is L{twisted_netdemo.service.workers.child} with the same command line. The two speak
lines: events of the log, metrics and signs of life come up as JSON; C{leave} (others go on with the
sockets), C{stop}, C{abort}, C{metrics} and C{alive} go down. Clients that wait in a dead worker's
queue are served by the one that takes its place, since the parent holds the socket.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

from twisted.application.reactors import getReactorTypes
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.port_group import Listen, PortGroup, announceServer
from twisted_netdemo.service.process.control import (
    StartError,
    exitWith,
    onSecondSignal,
    pythonEnvironment,
    pythonModule,
    signalsHeld,
)
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.workers.child_process import ChildProcess
from twisted_netdemo.service.workers.sockets import ReusePortSockets
from twisted_netdemo.service.workers.supervisor import Supervisor

_log = Logger()


def parseWorkers(text: str) -> int:
    """
    How many workers; C{auto} is one for each processor that this process may use.
    """
    if text == "auto":
        return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 1024:
        raise ValueError(f"{text!r} is not auto, or 1 to 1024")
    if number > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("this system has no SO_REUSEPORT to share a port with")
    return number


def _reactorName(reactor: IServiceReactor) -> str:
    """
    The name under which a worker can install a reactor of the same kind.
    """
    module = type(reactor).__module__
    names = [
        each.shortName for each in getReactorTypes() if getattr(each, "moduleName", "") == module
    ]
    return names[0] if names else "default"


def share(most: int, index: int, workers: int) -> int:
    """
    A worker's part of a limit for all of them; 0, no limit, stays 0.
    """
    return most // workers + (index < most % workers)


class WorkerPool(Service):
    """
    Opens the ports, and has workers serve them.

    @ivar whenReady: fires when a worker serves, each time that the pool is started anew.
    """

    def __init__(
        self,
        reactor: IServiceReactor,
        options: ServiceOptions,
        places: Sequence[Listen],
        workers: int,
    ) -> None:
        """
        @param options: whose command line the workers are given; the module of its class is the one
            that they load.
        @param places: open ports of L{ReusePortSockets}.
        """
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._ownsProcess = options.ownsProcess
        self._workers = workers
        self._command = [
            *(*pythonModule("twisted_netdemo.service.workers.child"), type(options).__module__),
            *("text" if options.logsText else "every", _reactorName(reactor)),
        ]
        self._arguments = options.arguments
        self._folder = options.folder
        self._group = PortGroup(places, None, self._opened, self._portFailed)
        self._supervisor: Supervisor | None = None
        self.whenReady: Deferred[None] = Deferred()

    @property
    def _sockets(self) -> list[ReusePortSockets]:
        return [port for port in self._group.ports if isinstance(port, ReusePortSockets)]

    def privilegedStartService(self) -> None:
        """
        Open the ports before twistd gives up root's rights.
        """
        super().privilegedStartService()
        self._open()

    def startService(self) -> None:
        """
        Open the ports where L{privilegedStartService} was not called, as under twist; then start
        the workers.
        """
        super().startService()
        self._open()
        # Not before twistd has given up root, nor before the reactor waits for children.
        self._reactor.callWhenRunning(self._startAll)

    def _open(self) -> None:
        if not self._group.isOpen:
            self.whenReady = Deferred()
            self._group.open()

    def _opened(self, port: IListeningPort) -> None:
        """
        Nothing is said of the port before a worker serves it.
        """

    def _portFailed(self, error: StartError) -> None:
        self._broken(str(error))

    def _startAll(self) -> None:
        if not self.running:
            return
        self._supervisor = Supervisor(self._clock, self._workers, self._spawn, self._broken)
        self._supervisor.whenReady.addCallback(self._ready)
        self._supervisor.start()

    def _ready(self, _: object) -> None:
        for port in self._group.ports:
            announceServer(port)
        if self._group.ports:
            self.whenReady.callback(None)

    def _broken(self, why: str) -> None:
        _log.critical("{why}", why=why)
        if self._ownsProcess:
            exitWith(1, self._reactor)

    def _spawn(self, child: ChildProcess) -> None:
        sockets = [port.sockets[child.index] for port in self._sockets]
        numbers: dict[int, int | str] = {0: "w", 1: "r", 2: "r"}
        numbers.update({3 + at: each.fileno() for at, each in enumerate(sockets)})
        rest = (str(child.index), str(self._workers), str(len(sockets)))
        with signalsHeld():
            self._reactor.spawnProcess(
                child,
                sys.executable,
                [*self._command, *rest, *self._arguments],
                env=pythonEnvironment(),
                path=self._folder,
                childFDs=numbers,
            )

    def reload(self) -> Deferred[str]:
        """
        Give each worker a successor, which reads all files anew.
        """
        return succeed("") if self._supervisor is None else self._supervisor.reload()

    def stopService(self) -> Deferred[None]:
        """
        The workers serve waiting and present clients, then end.
        """
        super().stopService()
        gone = succeed(None) if self._supervisor is None else self._supervisor.stop()
        # The workers have been told: each accepts the rest of its queue, and closes its sockets.
        for port in self._group.take():
            port.stopListening()
        if self._ownsProcess:
            onSecondSignal(self._reactor, self.abort)
        return gone

    def isReady(self) -> bool:
        """
        Whether a worker serves the clients that come now.
        """
        if self._supervisor is None or not self._group.isComplete:
            return False
        return self._supervisor.isReady()

    def abort(self) -> None:
        """
        Have the workers end their sessions now.
        """
        if self._supervisor is not None:
            self._supervisor.abort()

    def dropped(self) -> int | None:
        """
        How many datagrams the kernel threw away, whichever worker was to read them; C{None} where
        it does not tell.
        """
        counts = [count for port in self._sockets if (count := port.dropped()) is not None]
        return sum(counts) if counts else None

    def metrics(self) -> Deferred[list[Metric]]:
        """
        Those of all workers, and of those that were, as one.
        """
        return succeed([]) if self._supervisor is None else self._supervisor.metrics()
