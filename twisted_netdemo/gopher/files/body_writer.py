"""
A body into a file or a pipe: each chunk is written as it comes.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_netdemo.gopher.response import Response


class BodyWriter(Protocol):
    """
    Writes, and waits while that takes its time, which keeps the server waiting; but what may turn
    out to be the server's report of an error is held back until that is known.

    @ivar done: fires when all is written. Fails with a L{FetchError} if the body is truncated, once
        what came is written, or with what C{write} raised, which ends the connection; so does
        cancelling it.
    """

    def __init__(
        self,
        response: Response,
        write: Callable[[bytes], Deferred[None] | None],
        evenErrors: bool,
    ) -> None:
        """
        @param write: may give a Deferred, which fires when it takes more.
        @param evenErrors: whether the server's report of an error is written too.
        """
        self.done: Deferred[None] = Deferred(self._cancel)
        self._response = response
        self._write = write
        self._holds = not evenErrors
        self._held: list[bytes] = []
        self._over = False
        self._waiting: Deferred[None] | None = None
        self._end: Failure | None = None  # while that is waited for

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        if self._holds:
            self._held.append(data)
            if self._response.mayBeError:
                return
            self._holds = False
            data = b"".join(self._held)
            self._held.clear()
        self._pass(data)

    def _pass(self, data: bytes) -> None:
        try:
            waiting = self._write(data)
        except Exception:
            self._fail(Failure())
            return
        if waiting is not None:
            self._waiting = waiting
            self._response.pauseProducing()
            waiting.addCallbacks(self._taken, self._fail)

    def _taken(self, result: None) -> None:
        self._waiting = None
        self._response.resumeProducing()
        if self._end is not None:
            self.connectionLost(self._end)

    def _fail(self, reason: Failure) -> None:
        if not self._over:
            self._over = True
            self._response.abort()
            self.done.errback(reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._over:
            return
        truncated = not isinstance(reason.value, ConnectionDone)
        if self._held and (truncated or self._response.serverError is None):
            self._pass(b"".join(self._held))  # what came of a truncated body is kept
            self._held.clear()
        if self._waiting is not None:
            self._end = reason
        elif not self._over:
            self._over = True
            self.done.errback(reason) if truncated else self.done.callback(None)

    def _cancel(self, done: Deferred[None]) -> None:
        self._over = True
        self._response.abort()
        if self._waiting is not None:
            self._waiting.cancel()
