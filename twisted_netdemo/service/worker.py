"""
A worker's process: C{python -m twisted_netdemo.service.worker MODULE ...}, as
L{twisted_netdemo.service.workers} starts it.

Its sockets are numbers 3 and up. It ends well on C{stop}, on SIGTERM, and when its parent is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

from twisted.application.reactors import installReactor
from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred, maybeDeferred
from twisted.logger import ILogObserver, LogEvent, eventAsJSON, globalLogBeginner
from twisted.protocols.basic import LineOnlyReceiver
from zope.interface import provider

from twisted_netdemo.service.figures import toPlain
from twisted_netdemo.service.metrics import Figures
from twisted_netdemo.service.port import Adopting

# How long its last words may take, in seconds.
_PATIENCE = 5.0


class Served(Protocol):
    """
    What a worker runs: L{StreamService<twisted_netdemo.service.listening.StreamService>} or
    L{UDPService<twisted_netdemo.service.udp.UDPService>}.
    """

    announces: bool

    def startService(self) -> None:
        """
        Serve.
        """

    def stopService(self) -> object:
        """
        Take no more, and serve those who are there; a Deferred where that takes time.
        """

    def abort(self) -> None:
        """
        Do not wait for them.
        """


class Tap(Protocol):
    """
    What a service's module has for its workers.
    """

    Options: Any

    def makeWorker(
        self, options: Any, reactor: Any, index: int, workers: int
    ) -> tuple[Served, Figures]:
        """
        The service as one of its workers runs it, and what it counts.
        """


class Parent(LineOnlyReceiver):
    """
    The way to the parent and from it.
    """

    delimiter = b"\n"

    def __init__(self, reactor: Any, service: Served, figures: Figures) -> None:
        self._reactor = reactor
        self._service = service
        self._figures = figures
        self._stopping = False
        self._closed: Deferred[None] = Deferred()

    def say(self, **message: object) -> None:
        self.sendLine(json.dumps(message).encode())

    def lineReceived(self, line: bytes) -> None:
        if line == b"stop":
            self.stop()
        elif line == b"abort":
            self._service.abort()
        elif line == b"figures":
            self.sayFigures()

    def sayFigures(self) -> None:
        self.say(figures=[toPlain(figure) for figure in self._figures()])

    def connectionLost(self, reason: object = None) -> None:
        self.stop()
        self._closed.callback(None)

    def stop(self) -> None:
        """
        Serve those who are there, and end; being told twice is no reason to hurry.
        """
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()

    async def end(self) -> None:
        """
        End the service, and wait until all that there is to say of it has been said.
        """
        await maybeDeferred(self._service.stopService)
        self.sayFigures()
        transport: Any = self.transport
        transport.loseConnection()
        with suppress(TimeoutError):  # a pipe that broke in this moment says so to nobody
            await self._closed.addTimeout(_PATIENCE, self._reactor)


def main(arguments: list[str]) -> None:
    module, events, reactorName, *rest = arguments
    index, workers, sockets = map(int, rest[:3])
    if reactorName != "default":
        installReactor(reactorName)
    from twisted.internet import reactor as installed
    from twisted.internet.stdio import StandardIO

    reactor: Any = installed
    tap: Any = import_module(module)
    options = tap.Options()
    options.opened = Adopting(reactor, range(3, 3 + sockets))
    options.parseOptions(rest[3:])
    service, figures = tap.makeWorker(options, reactor, index, workers)

    parent = Parent(reactor, service, figures)

    @provider(ILogObserver)
    def passOn(event: LogEvent) -> None:
        if events == "every" or event.get("log_format") is not None:
            parent.say(event=eventAsJSON(event))

    # The terminal's Ctrl-C is the parent's to hear.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(parent.stop))

    def start() -> None:
        StandardIO(parent)
        globalLogBeginner.beginLoggingTo([passOn], redirectStandardIO=False)
        service.announces = False
        service.startService()
        parent.say(ready=os.getpid())

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(parent.end()))
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(sys.argv[1:])
