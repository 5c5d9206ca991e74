"""
A worker's process: C{python -P -m twisted_netdemo.service.workers.child MODULE ...}, as
L{twisted_netdemo.service.workers.pool} starts it.

Its sockets are numbers 3 and up. It ends well on C{stop}, on C{leave}, and when its parent is gone.
On SIGTERM it asks the parent for a successor, and serves until it is told to leave; a second one
ends it now.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from string import Formatter
from typing import TYPE_CHECKING, Protocol

from twisted.application.reactors import installReactor
from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred, maybeDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, eventAsJSON, globalLogBeginner
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python import usage
from zope.interface import implementer, provider

from twisted_netdemo.service.observe.metrics import MetricsReader, toPlain
from twisted_netdemo.service.process.control import TO_ALL, hearSignals
from twisted_netdemo.service.reactors import IServiceReactor, installedReactor
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.workers.sockets import InheritedSockets

if TYPE_CHECKING:
    from twisted.internet.stdio import StandardIO

_log = Logger("twisted_netdemo.service.workers.child")  # as a program it is __main__

# As much of the log waits for a parent that does not read, in characters.
_WAITING = 1 << 20
# How long its last words may take, in seconds.
_PATIENCE = 5.0


class Servable(Protocol):
    """
    The service that a worker runs:
    L{StreamService<twisted_netdemo.service.tcp.service.StreamService>} or
    L{UDPService<twisted_netdemo.service.udp.service.UDPService>}.
    """

    announces: bool

    def startService(self) -> None:
        """
        Serve.
        """

    def claimPorts(self) -> None:
        """
        No other process goes on with its sockets.
        """

    def handOver(self) -> Deferred[None]:
        """
        Take no more clients, since other workers go on with the sockets; fires when the last
        session has ended.
        """

    def stopService(self) -> object:
        """
        Take no more clients, and serve the present ones; a Deferred where that takes time.
        """

    def abort(self) -> None:
        """
        Do not wait for the sessions.
        """


class WorkerOptions(Protocol):
    """
    The C{Options} in a service's module, as its workers use it.
    """

    inherited: InheritedSockets | None

    def parseOptions(self, options: Sequence[str]) -> None:
        """
        Parse the command line.

        @raise UsageError: it is wrong.
        """

    def makeServer(
        self, reactor: IServiceReactor, index: int, workers: int
    ) -> tuple[Servable, MetricsReader]:
        """
        One worker's service, and its metrics.
        """


@implementer(IPushProducer)
class ParentConnection(LineOnlyReceiver):
    """
    The connection to the parent. While the parent does not read, events of the log wait, up to a
    bound; further ones are left out and counted.
    """

    delimiter = b"\n"
    transport: StandardIO

    def __init__(self, reactor: IServiceReactor, service: Servable, metrics: MetricsReader) -> None:
        self._reactor = reactor
        self._service = service
        self._metrics = metrics
        self._stopping = self._leaving = self._hasAsked = False
        self._closed: Deferred[None] = Deferred()
        self._isBehind = False
        self._missing = 0
        self._waiting = 0

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)

    # IPushProducer: of events

    def pauseProducing(self) -> None:
        self._isBehind = True

    def resumeProducing(self) -> None:
        self._isBehind = False
        self._waiting = 0
        missing, self._missing = self._missing, 0
        if missing:
            _log.warn("{missing} event(s) of a worker are missing here.", missing=missing)

    def stopProducing(self) -> None:
        self._isBehind = True

    def sayEvent(self, event: LogEvent) -> None:
        text = eventAsJSON(_formatted(event))
        if self._isBehind:
            if self._waiting + len(text) > _WAITING:
                self._missing += 1
                return
            self._waiting += len(text)
        self.say(event=text)

    def say(self, **message: object) -> None:
        self.sendLine(json.dumps(message).encode())

    def lineReceived(self, line: bytes) -> None:
        if line == b"alive":
            self.say(alive=True)
        elif line == b"leave":
            self._leave()
        elif line == b"stop":
            self._service.claimPorts()
            self.stop()
        elif line == b"abort":
            self.abort()
        elif line == b"metrics":
            self.sendMetrics()

    def sendMetrics(self) -> None:
        self.say(metrics=[toPlain(metric) for metric in self._metrics()])

    def connectionLost(self, reason: object = None) -> None:
        if not self._stopping:
            self._service.claimPorts()
        self.stop()
        self._closed.callback(None)

    def terminated(self) -> None:
        """
        A signal that is not the parent's wants it to end.
        """
        if self._hasAsked:
            self.abort()
        else:
            self._hasAsked = True
            self.say(leaving=True)

    def _leave(self) -> None:
        if not (self._leaving or self._stopping):
            self._leaving = True
            self._service.handOver().addCallback(lambda _: self.stop())
            self.say(left=True)  # it takes no more, from here on

    def abort(self) -> None:
        """
        End now.
        """
        self._service.abort()
        self.stop()

    def stop(self) -> None:
        """
        Serve the present clients, then end. A second call changes nothing.
        """
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()

    async def end(self) -> None:
        """
        End the service, and wait until the parent has its last messages.
        """
        await maybeDeferred(self._service.stopService)
        self.sendMetrics()
        self.transport.loseConnection()
        with suppress(TimeoutError):  # the pipe may break at this moment, unreported
            await self._closed.addTimeout(_PATIENCE, monotonic(self._reactor))


def _formatted(event: LogEvent) -> LogEvent:
    """
    An event with those fields of its text formatted that the text gives a format to, as in
    C{{seconds:.3f}}: L{eventAsJSON} forgets the format, unless the field is there already.
    """
    text = event.get("log_format")
    fields = {
        f"{name}!s:{spec}": format(event[name], spec)
        for _, name, spec, _ in Formatter().parse(text or "")
        if spec and name in event
    }
    return {**event, "log_flattened": fields} if fields else event


def main(arguments: list[str]) -> None:
    module, events, reactorName, *rest = arguments
    index, workers, sockets = map(int, rest[:3])
    if reactorName != "default":
        installReactor(reactorName)
    from twisted.internet.stdio import StandardIO

    reactor = installedReactor()
    options: WorkerOptions = import_module(module).Options()
    options.inherited = InheritedSockets(range(3, 3 + sockets))
    try:
        options.parseOptions(rest[3:])
    except usage.UsageError as error:  # a file may have changed since the parent read it
        sys.exit(str(error))
    service, metrics = options.makeServer(reactor, index, workers)

    parent = ParentConnection(reactor, service, metrics)
    serves = False

    @provider(ILogObserver)
    def passOn(event: LogEvent) -> None:
        # The parent logs the start, once for all workers.
        if not serves and event.get("log_level", LogLevel.info) < LogLevel.warn:
            return
        if events == "every" or event.get("log_format") is not None:
            parent.sayEvent(event)

    for name in TO_ALL:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(parent.terminated))
    hearSignals()

    def start() -> None:
        nonlocal serves
        StandardIO(parent)
        globalLogBeginner.beginLoggingTo([passOn], redirectStandardIO=False)
        service.announces = False
        service.startService()
        serves = True
        parent.say(ready=os.getpid())

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(parent.end()))
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(sys.argv[1:])
