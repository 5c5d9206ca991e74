"""
One service in several processes: the parent holds the ports' sockets and keeps the workers running,
each of which accepts or receives from a socket of its own (SO_REUSEPORT).

A worker is this package's L{worker<twisted_netdemo.service.worker>} with the same command line. The
two speak JSON lines: events of the log and figures come up, C{stop}, C{abort} and C{figures} go
down. What waits in a dead worker's queue is there for the one that takes its place, since the
parent holds the socket.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.application.reactors import getReactorTypes
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, eventFromJSON, globalLogPublisher
from twisted.python.failure import Failure

from twisted_netdemo.service.figures import Figure, fromPlain, total
from twisted_netdemo.service.held import HeldPort
from twisted_netdemo.service.listening import StreamService, Where
from twisted_netdemo.service.options import ServiceOptions
from twisted_netdemo.service.process import exitWith, onSecondSignal

_log = Logger()

# A worker that ends before it has run for so many seconds is not replaced at once, but after as
# many again.
_SOON = 1.0
# For figures, in seconds; a worker that is silent for so long is shown as it was.
_PATIENCE = 2.0
_LONGEST = 1 << 20


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


class Child(ProcessProtocol):
    """
    One worker's process.

    @ivar ready: whether it has said that it serves.
    @ivar figures: what it last told of itself.
    """

    def __init__(self, ended: Callable[[Child, str], None], began: float) -> None:
        self._ended = ended
        self.began = began
        self.ready = False
        self.figures: list[Figure] = []
        self._asked: list[Deferred[None]] = []
        self._held = b""
        self.over: Deferred[None] = Deferred()

    def tell(self, what: str) -> None:
        """
        Have it stop, abort or send its figures.
        """
        process: Any = self.transport
        with suppress(KeyError):  # it has closed that end, and is about to be gone
            process.writeToChild(0, what.encode() + b"\n")

    def ask(self, reactor: Any) -> Deferred[None]:
        """
        Fires once its figures are new, or it has been silent for too long.
        """
        answered: Deferred[None] = Deferred()
        self._asked.append(answered)
        timer = reactor.callLater(_PATIENCE, self._answered)
        answered.addCallback(lambda _: timer.active() and timer.cancel())
        self.tell("figures")
        return answered

    def _answered(self) -> None:
        asked, self._asked = self._asked, []
        for deferred in asked:
            deferred.callback(None)

    def outReceived(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        if len(self._held) > _LONGEST:
            self._held = b""
        for line in lines:
            message = json.loads(line)
            if "event" in message:
                globalLogPublisher(eventFromJSON(message["event"]))
            elif "figures" in message:
                self.figures = [fromPlain(plain) for plain in message["figures"]]
                self._answered()
            else:
                self.ready = True

    def errReceived(self, data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            _log.error("Worker {pid}: {line}", pid=getattr(self.transport, "pid", 0), line=line)

    def processEnded(self, reason: Failure) -> None:
        self._answered()
        self._ended(self, str(reason.value))
        self.over.callback(None)


class WorkerService(StreamService):
    """
    Binds the ports as L{StreamService} does, and has workers serve them.
    """

    def __init__(
        self, reactor: Any, options: ServiceOptions, places: Sequence[Where], workers: int
    ) -> None:
        """
        @param options: whose command line the workers are given; its class's module is where they
            find C{makeWorker}.
        @param places: made by what L{twisted_netdemo.service.held} has.
        """
        StreamService.__init__(self, reactor, None, places, ownsProcess=options.ownsProcess)
        self._workers = workers
        self._command = [
            *(sys.executable, "-m", "twisted_netdemo.service.worker"),
            *(type(options).__module__, "text" if options.logsText else "every"),
            _kind(reactor),
        ]
        self._arguments = options.arguments
        self._folder = options.folder
        self.children: dict[int, Child] = {}
        self._gone: list[Figure] = []
        self._later: list[Any] = []

    def startService(self) -> None:
        StreamService.startService(self)
        # Not before twistd has given up root, nor before the reactor waits for children.
        self._reactor.callWhenRunning(self._startAll)

    def _startAll(self) -> None:
        try:
            for index in range(self._workers if self.running else 0):
                self._start(index)
        except OSError as error:
            _log.critical(
                "A worker cannot be started ({python}: {error}).",
                python=sys.executable,
                error=error.strerror,
            )
            if self._ownsProcess:
                exitWith(1, self._reactor)

    def _start(self, index: int) -> None:
        child = Child(
            lambda child, why: self._ended(index, child, why), began=self._reactor.seconds()
        )
        self.children[index] = child
        sockets: list[socket.socket] = []
        for port in self.ports:
            assert isinstance(port, HeldPort)
            sockets.append(port.sockets[index])
        numbers: dict[int, Any] = {0: "w", 1: "r", 2: "r"}
        numbers.update({3 + at: each.fileno() for at, each in enumerate(sockets)})
        try:
            self._spawn(child, index, len(sockets), numbers)
        except OSError:
            del self.children[index]
            raise

    def _spawn(self, child: Child, index: int, sockets: int, numbers: dict[int, Any]) -> None:
        self._reactor.spawnProcess(
            child,
            sys.executable,
            [*self._command, str(index), str(self._workers), str(sockets), *self._arguments],
            env=None,
            path=self._folder,
            childFDs=numbers,
        )

    def _ended(self, index: int, child: Child, why: str) -> None:
        del self.children[index]
        self._gone = total([self._gone, [each for each in child.figures if each.rises]])
        if not self.running:
            return
        ran = self._reactor.seconds() - child.began
        wait = 0.0 if child.ready and ran > _SOON else _SOON
        _log.warn(
            "A worker has ended, and is replaced: {why}",
            why=why.removeprefix("A process has ended ").strip(),
        )
        self._later = [call for call in self._later if call.active()]
        self._later.append(self._reactor.callLater(wait, self._replace, index))

    def _replace(self, index: int) -> None:
        try:
            self._start(index)
        except OSError as error:
            _log.error("A worker cannot be replaced yet: {error}.", error=error.strerror)
            self._later.append(self._reactor.callLater(_SOON, self._replace, index))

    def stopService(self) -> Deferred[None]:
        """
        The workers serve those who wait and those whom they have, and end.
        """
        # The parent's copies go first: after them the workers' own accept and close is the end.
        stopped = StreamService.stopService(self)
        for call in self._later:
            if call.active():
                call.cancel()
        if self._ownsProcess:
            onSecondSignal(self._reactor, self.abort)
        return stopped.addCallback(self._stopAll)

    def _stopAll(self, _: object) -> Deferred[None]:
        children = list(self.children.values())
        for child in children:
            child.tell("stop")
            if self._hurried:
                child.tell("abort")
        return gatherResults([child.over for child in children]).addCallback(lambda _: None)

    def isReady(self) -> bool:
        """
        Whether there is a worker to serve those who come now.
        """
        return super().isReady() and any(child.ready for child in self.children.values())

    def abort(self) -> None:
        """
        Have the workers end their sessions now.
        """
        self._hurried = True
        for child in self.children.values():
            child.tell("abort")

    async def _gather(self) -> list[Figure]:
        children = list(self.children.values())
        await gatherResults([child.ask(self._reactor) for child in children])
        return total([self._gone, *(child.figures for child in children)])

    def dropped(self) -> int | None:
        """
        How many datagrams the kernel threw away, whichever worker was to read them; C{None} where
        it does not tell.
        """
        held = [port for port in self.ports if isinstance(port, HeldPort)]
        counts = [count for port in held if (count := port.dropped()) is not None]
        return sum(counts) if counts else None

    def figures(self) -> Deferred[list[Figure]]:
        """
        Those of all workers, and of those that were, as one.
        """
        return Deferred.fromCoroutine(self._gather())
