"""
A service that does one thing and ends, and with it the process, whose exit status says how it went.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, TextIO, cast

from twisted.application.app import ServerOptions
from twisted.application.service import Service
from twisted.application.twist._options import TwistOptions
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, Logger, textFileLogObserver
from twisted.python.failure import Failure

from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.process.control import exitWith
from twisted_netdemo.service.process.log_stream import stream

_log = Logger()


def stderrObserver() -> ILogObserver:
    """
    twistd's C{--logger} for a log on stderr.
    """
    # Its write is all that an observer needs of a file.
    observer: ILogObserver = textFileLogObserver(cast(TextIO, stream(sys.stderr)))
    return observer


def prepareOneShot(options: ServiceOptions, needsTerminal: bool) -> None:
    """
    Set the options that the user has not: no pid file, and the log on stderr, since stdout is for
    the result.

    @param needsTerminal: whether its result is for the terminal that a daemon would leave.
    """
    parent = options.parent
    if isinstance(parent, TwistOptions):
        if parent.get("logFile") is sys.stdout:
            parent["logFile"] = sys.stderr
    elif isinstance(parent, ServerOptions):
        options.choosePidFile(None)
        if needsTerminal:
            parent["nodaemon"] = True
        logs = any(parent.get(name) for name in ("logfile", "logger", "syslog"))
        if not options.isDaemon and not logs:
            parent["logger"] = f"{__name__}.{stderrObserver.__name__}"
    options.chooseLog(str(parent.subCommand))


class _Unawaited(Thread):
    """
    A thread of the reactor that nothing waits for at the end: neither the reactor nor Python.
    """

    def __init__(self, *, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)

    def join(self, timeout: float | None = None) -> None:
        pass


class OneShot(Service):
    """
    @param work: begins the work; its result is the exit status.
    @param ownsProcess: whether the process is to end with it. It then waits for no thread, since a
        name server may never answer.
    @ivar whenDone: fires with the status; C{None} until it is started.
    """

    whenDone: Deferred[int] | None = None

    def __init__(
        self,
        reactor: Any,
        work: Callable[[], Coroutine[Deferred[object], object, int]],
        ownsProcess: bool,
        conclude: Callable[[], bool] = lambda: False,
    ) -> None:
        self._reactor = reactor
        self._work = work
        self._ownsProcess = ownsProcess
        self._conclude = conclude

    def startService(self) -> None:
        super().startService()
        if self._ownsProcess:
            self._reactor.getThreadPool().threadFactory = _Unawaited
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if not self.running:
            return
        self.whenDone = Deferred.fromCoroutine(self._work())
        self.whenDone.addErrback(self._failed).addCallback(self._done)

    def _failed(self, reason: Failure) -> int:
        if not reason.check(CancelledError):
            _log.failure("The work failed", failure=reason)
        return 1

    def _done(self, status: int) -> int:
        if self.running and self._ownsProcess:
            exitWith(status, self._reactor)
        return status

    def stopService(self) -> Deferred[int] | None:
        super().stopService()
        if self.whenDone is None or self.whenDone.called:
            return None
        if self._conclude():
            return self.whenDone
        self.whenDone.cancel()
        return None
