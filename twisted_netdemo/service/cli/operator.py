"""
The operator's side of a server: signals make it reload, rotate its log and end, and it reports its
state to the service manager.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from twisted.application.service import IService, IServiceCollection, MultiService, Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.process import log_stream
from twisted_netdemo.service.process.systemd import ServiceManager
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()


@runtime_checkable
class Reloadable(Protocol):
    """
    A service that has files to read anew.
    """

    def reload(self) -> Deferred[str]:
        """
        @return: fires with a clause that says what was done, or with an empty text.
        """


class ReportsReady(Protocol):
    """
    A service that is not ready as soon as it has started.

    @ivar whenReady: fires when it serves.
    """

    whenReady: Deferred[None]


def withOperator(
    options: ServiceOptions, reactor: IServiceReactor, service: IService, server: ReportsReady
) -> IService:
    """
    A service whose process, if it has one of its own, obeys the operator's signals.

    @param service: the whole service; each part that is L{Reloadable} is reloaded.
    @param server: that in it which has to be ready.
    """
    if not options.ownsProcess:
        return service
    return _WithOperator(service, Operator(reactor, service, server, options.isDaemon))


class _WithOperator(MultiService):
    def __init__(self, service: IService, operator: IService) -> None:
        super().__init__()
        service.setServiceParent(self)
        operator.setServiceParent(self)  # begins last, and ends first


class Operator(Service):
    """
    Takes the signals that the reactor does not, and tells the service manager.
    """

    def __init__(
        self, reactor: IServiceReactor, service: IService, server: ReportsReady, isDaemon: bool
    ) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._service = service
        self._server = server
        self._isDaemon = isDaemon
        self._manager = ServiceManager()
        self._hasTerminal = False
        self._beat: IDelayedCall | None = None
        self._isReady = False
        self._reloads = 0  # that are under way

    def startService(self) -> None:
        super().startService()
        self._reactor.callWhenRunning(self._begin)
        self._hasTerminal = _hasTerminal()
        for name, act in (
            ("SIGHUP", self.hangup),
            ("SIGUSR1", self.rotate),
            ("SIGUSR2", self.nothing),
        ):
            self._handle(name, act)

    def _begin(self) -> None:
        if self.running:
            self._server.whenReady.addCallback(self._serves)

    def _handle(self, name: str, act: Callable[[], None]) -> None:
        number = getattr(signal, name, None)
        # nohup(1) has the signal ignored; for a daemon, that was about the terminal that it left.
        if number is None or (signal.getsignal(number) is signal.SIG_IGN and not self._isDaemon):
            return
        signal.signal(number, lambda *_: self._reactor.callFromThread(act))

    def _serves(self, _: object) -> None:
        if self.running:
            self._isReady = True
            self._manager.tell(f"READY=1\nMAINPID={os.getpid()}")
            if self._manager.interval is not None:
                self._lives(self._manager.interval)

    def _lives(self, interval: float) -> None:
        self._manager.tell("WATCHDOG=1")
        self._beat = self._clock.callLater(interval, self._lives, interval)

    def stopService(self) -> None:
        super().stopService()
        self._manager.tell("STOPPING=1")
        if self._beat is not None and self._beat.active():
            # A stop may take its grace period; how long is for the manager's TimeoutStopSec.
            self._beat.cancel()

    def hangup(self) -> None:
        """
        SIGHUP: the terminal has gone, or the operator wants files to be read anew.
        """
        if not self.running:
            return
        if self._hasTerminal and not _hasTerminal():
            _log.info("The terminal has gone: ending.")
            self._reactor.stop()
            return
        self._reloads += 1
        if self._isReady:
            self._manager.tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        reload = Deferred.fromCoroutine(self._reload())
        reload.addErrback(_failed)
        reload.addCallback(self._reloadEnded)

    async def _reload(self) -> None:
        opened = log_stream.reopen()
        about = "the log is opened anew" if opened else "the log is as it was"
        reopened = [] if opened is None else [about]
        reloads = [
            maybeDeferred(each.reload).addErrback(_failed) for each in _reloading(self._service)
        ]
        done = [*reopened, *await gatherResults(reloads)]
        if self.running:
            said = "; ".join(filter(None, done)) or "there is nothing that would be read anew"
            _log.info("Reloaded: {done}.", done=said)

    def _reloadEnded(self, _: object) -> None:
        """
        The manager waits for this, also after a reload that failed.
        """
        self._reloads -= 1
        if self.running and not self._reloads and self._isReady:
            self._manager.tell("READY=1")

    def rotate(self) -> None:
        """
        SIGUSR1: the log goes on in a new file.
        """
        done = log_stream.rotate()
        if done:
            _log.info("The log begins in a new file.")
        elif done is None:
            _log.info("SIGUSR1: nothing is done, since the log is no file of this process.")

    def nothing(self) -> None:
        """
        SIGUSR2 is for nothing, and ends nothing.
        """
        _log.info("SIGUSR2: nothing is done.")


def _failed(failure: Failure) -> str:
    _log.failure("A reload failed", failure=failure)
    return "a part failed, as is said above"


def _reloading(service: IService) -> list[Reloadable]:
    """
    The services in a service that can be reloaded.
    """
    if isinstance(service, Reloadable):
        return [service]
    if IServiceCollection.providedBy(service):
        return [found for each in IServiceCollection(service) for found in _reloading(each)]
    return []


def _hasTerminal() -> bool:
    """
    Whether this process has a controlling terminal, and that is still there.
    """
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
