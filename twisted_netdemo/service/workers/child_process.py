"""
The parent's side of a worker: its process gets orders, sends its metrics, and is killed when it no
longer answers.
"""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, eventFromJSON, globalLogPublisher
from twisted.python.failure import Failure

from twisted_netdemo.service.observe.metrics import Metric, fromPlain

_log = Logger()

#: How often a worker is asked for a sign of life, in seconds, and how many such questions in
#: succession may stay without one. They are counted: a machine may stand still.
BEAT = 2.5
MISSES = 4
# For metrics, in seconds; a worker that is silent for so long is shown as it was.
_PATIENCE = 2.0
# Of a line from a worker, in bytes; and how much of one that is no message is logged.
_LONGEST = 1 << 20
_SHOWN = 1000


class ChildObserver(Protocol):
    """
    The object that started a child, and hears of its state.
    """

    def childReady(self, child: ChildProcess) -> None:
        """
        The child serves.
        """

    def childLeaves(self, child: ChildProcess) -> None:
        """
        A signal told it to end; it serves until the parent tells it to leave.
        """

    def childLeft(self, child: ChildProcess) -> None:
        """
        The child was told to leave, and takes no more clients.
        """

    def childEnded(self, child: ChildProcess, why: str) -> None:
        """
        The child's process has ended.
        """


def _how(error: BaseException | None) -> str:
    """
    How a process ended, in two or three words.
    """
    if not isinstance(error, ProcessTerminated):
        return "exit status 0"
    if error.signal is None:
        return f"exit status {error.exitCode}"
    return f"signal {error.signal} ({signal.strsignal(error.signal)})"


class ChildProcess(ProcessProtocol):
    """
    One worker's process.

    @ivar index: which of the workers it is.
    @ivar pid: its process id.
    @ivar began: when, in the clock's seconds.
    @ivar ready: whether it has said that it serves.
    @ivar leaves: whether it has said that it was told to end.
    @ivar metrics: the last ones that it sent.
    @ivar over: fires when it is gone.
    """

    transport: IProcessTransport
    _timer: IDelayedCall

    def __init__(
        self, clock: IReactorTime, index: int, supervisor: ChildObserver, patience: float
    ) -> None:
        """
        @param patience: how many seconds it has until it serves.
        """
        self._clock = clock
        self.index = index
        self.pid = 0
        self._supervisor = supervisor
        self._patience = patience
        self.began: float = clock.seconds()
        self.ready = False
        self.leaves = False
        self.metrics: list[Metric] = []
        self._asked: list[Deferred[None]] = []
        self._missed = 0  # beats in succession
        self._isAsked = self._isLate = False
        self._held = b""
        self._isTooLong = False  # the line that has begun
        self._errors = b""
        self.over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.pid = self.transport.pid  # which it forgets when it is gone
        self._timer = self._clock.callLater(self._patience, self._late)

    def _late(self) -> None:
        self._errors = b"it was not ready within %d seconds" % self._patience
        self.kill()

    def _beat(self) -> None:
        self._missed += self._isAsked
        if self._missed == MISSES:
            _log.error(
                "Worker {pid} has not answered for {seconds:g} seconds: it is killed.",
                pid=self.pid,
                seconds=BEAT * MISSES,
            )
            self.kill()
            return
        self._isAsked = True
        self.tell("alive")
        self._timer = self._clock.callLater(BEAT, self._beat)

    @property
    def isSilent(self) -> bool:
        """
        Whether an answer is overdue.
        """
        return self._isLate or self._missed > 0

    def tell(self, order: str) -> None:
        """
        Order it to leave, stop or abort, or to send its metrics or a sign of life.
        """
        with suppress(KeyError):  # it has closed that end, and is about to be gone
            self.transport.writeToChild(0, order.encode() + b"\n")

    def kill(self) -> None:
        """
        Kill the process.
        """
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def ask(self) -> Deferred[None]:
        """
        Fires once its metrics are new, or it has been silent for too long.
        """
        if self.isSilent:
            return succeed(None)
        answered: Deferred[None] = Deferred()
        self._asked.append(answered)
        timer = self._clock.callLater(_PATIENCE, self._unanswered)

        def isAnswered(_: object) -> None:
            if timer.active():
                timer.cancel()

        answered.addCallback(isAnswered)
        self.tell("metrics")
        return answered

    def _unanswered(self) -> None:
        self._isLate = True
        self._answered()

    def _answered(self) -> None:
        asked, self._asked = self._asked, []
        for deferred in asked:
            deferred.callback(None)

    def outReceived(self, data: bytes) -> None:
        self._missed = 0
        self._isAsked = self._isLate = False
        *lines, self._held = (self._held + data).split(b"\n")
        if lines and self._isTooLong:
            self._isTooLong = False
            del lines[0]
        for line in lines:
            self._lineReceived(line)
        if len(self._held) > _LONGEST:
            self._held = b""
            if not self._isTooLong:
                self._complain([b"a line longer than %d bytes is left out" % _LONGEST])
            self._isTooLong = True

    def _lineReceived(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):  # a library that prints
            self._complain([line[:_SHOWN]])
        elif "event" in message:
            globalLogPublisher(eventFromJSON(message["event"]))
        elif "metrics" in message:
            self.metrics = [fromPlain(plain) for plain in message["metrics"]]
            self._answered()
        elif "leaving" in message:
            self.leaves = True
            self._supervisor.childLeaves(self)
        elif "left" in message:
            self._supervisor.childLeft(self)
        elif "ready" in message:
            self.ready = True
            if self._timer.active():
                self._timer.cancel()
                self._beat()
            self._supervisor.childReady(self)

    def errReceived(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-_LONGEST:]
        if self.ready:
            *lines, self._errors = self._errors.split(b"\n")
            self._complain(lines)

    def _complain(self, lines: list[bytes]) -> None:
        for line in lines:
            said = line.decode(errors="replace")
            _log.error("Worker {pid}: {line}", pid=self.pid, line=said)

    def processEnded(self, reason: Failure) -> None:
        if self._timer.active():
            self._timer.cancel()
        self._answered()
        why = _how(reason.value)
        lines = self._errors.splitlines()
        if lines and not self.ready:
            why = lines.pop().decode(errors="replace")  # the end of a traceback
        self._complain(lines)
        self._supervisor.childEnded(self, why)
        self.over.callback(None)
