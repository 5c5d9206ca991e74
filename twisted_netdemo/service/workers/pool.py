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
from typing import Any

from twisted.application.reactors import getReactorTypes
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.process.control import (
    exitWith,
    onSecondSignal,
    pythonEnvironment,
    pythonModule,
    signalsHeld,
)
from twisted_netdemo.service.tcp.endpoints import Listen
from twisted_netdemo.service.tcp.service import StreamService
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


def _kind(reactor: Any) -> str:
    """
    The name under which a worker can have such a reactor too.
    """
    module = type(reactor).__module__
    names = [
        each.shortName for each in getReactorTypes() if getattr(each, "moduleName", "") == module
    ]
    return names[0] if names else "default"


def share(most: int, index: int, workers: int) -> int:
    """
    A worker's part of what is allowed in all; 0, no limit, stays 0.
    """
    return most // workers + (index < most % workers)


class WorkerPool(StreamService):
    """
    Binds the ports as L{StreamService} does, and has workers serve them.
    """

    def __init__(
        self, reactor: Any, options: ServiceOptions, places: Sequence[Listen], workers: int
    ) -> None:
        """
        @param options: whose command line the workers are given; its class's module is where they
            find its C{Options}.
        @param places: made by what L{twisted_netdemo.service.workers.sockets} has.
        """
        StreamService.__init__(self, reactor, None, places, ownsProcess=options.ownsProcess)
        self._workers = workers
        self._command = [
            *(*pythonModule("twisted_netdemo.service.workers.child"), type(options).__module__),
            *("text" if options.logsText else "every", _kind(reactor)),
        ]
        self._arguments = options.arguments
        self._folder = options.folder
        self.announces = False  # not before somebody serves there
        self._supervisor: Supervisor | None = None

    def startService(self) -> None:
        StreamService.startService(self)
        # Not before twistd has given up root, nor before the reactor waits for children.
        self._reactor.callWhenRunning(self._startAll)

    def _startAll(self) -> None:
        if not self.running:
            return
        self._supervisor = Supervisor(self._clock, self._workers, self._spawn, self._broken)
        self._supervisor.whenReady.addCallback(self._ready)
        self._supervisor.start()

    def _ready(self, _: object) -> None:
        for port in self.ports:
            self._announce(port)
        if self.ports:
            self.whenReady.callback(None)

    def listens(self) -> None:
        """
        That is not all: there has to be a worker.
        """

    def _broken(self, why: str) -> None:
        _log.critical("{why}", why=why)
        if self._ownsProcess:
            exitWith(1, self._reactor)

    def _spawn(self, child: ChildProcess) -> None:
        sockets: list[socket.socket] = []
        for port in self.ports:
            assert isinstance(port, ReusePortSockets)
            sockets.append(port.sockets[child.index])
        numbers: dict[int, Any] = {0: "w", 1: "r", 2: "r"}
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
        The workers serve those who wait and those whom they have, and end.
        """
        gone = None if self._supervisor is None else self._supervisor.stop()
        # The workers have been told; their own accept and close is the end of a socket that nobody
        # else has.
        stopped = StreamService.stopService(self)
        if self._ownsProcess:
            onSecondSignal(self._reactor, self.abort)
        return stopped.addCallback(lambda _: gone)

    def isReady(self) -> bool:
        """
        Whether there is a worker to serve those who come now.
        """
        return super().isReady() and self._supervisor is not None and self._supervisor.isReady()

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
        held = [port for port in self.ports if isinstance(port, ReusePortSockets)]
        counts = [count for port in held if (count := port.dropped()) is not None]
        return sum(counts) if counts else None

    def metrics(self) -> Deferred[list[Metric]]:
        """
        Those of all workers, and of those that were, as one.
        """
        return succeed([]) if self._supervisor is None else self._supervisor.metrics()
