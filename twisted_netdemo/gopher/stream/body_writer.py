"""
Writing a body to a file or a pipe as it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure


class PausableBody(Interface):
    """
    The response that a body is of.
    """

    @property
    def mayBeError(self) -> bool:
        """
        Whether everything that has come so far may be the server's report of an error.
        """

    @property
    def serverError(self) -> str | None:
        """
        After the end, the words of that report; else C{None}.
        """

    def pauseProducing(self) -> None:
        """
        Keep the server waiting.
        """

    def resumeProducing(self) -> None:
        """
        Take more bytes.
        """

    def abort(self) -> None:
        """
        Close the connection.
        """


class BodyWriter(Protocol):
    """
    Writes each chunk, and keeps the server waiting while a write takes its time. Unless errors are
    included, it holds back what may turn out to be the server's report of an error.

    @ivar done: fires when everything is written. Fails with a L{FetchError} if the body is
        truncated, after what came is written; or with what C{write} raised, after closing the
        connection. Cancelling it closes the connection too.
    """

    def __init__(
        self,
        body: PausableBody,
        write: Callable[[bytes], object],
        includeErrors: bool,
    ) -> None:
        """
        @param write: if it returns a L{Deferred}, that fires when it takes more.
        @param includeErrors: whether to write the server's report of an error.
        """
        self.done: Deferred[None] = Deferred(self._cancel)
        self._body = body
        self._write = write
        self._holds = not includeErrors
        self._held: list[bytes] = []
        self._isOver = False
        self._waiting: Deferred[None] | None = None
        self._end: Failure | None = None  # how the body ended, during a write

    def dataReceived(self, data: bytes) -> None:
        if self._isOver:
            return
        if self._holds:
            self._held.append(data)
            if self._body.mayBeError:
                return
            self._holds = False
            data = b"".join(self._held)
            self._held.clear()
        self._pass(data)

    def _pass(self, data: bytes) -> None:
        try:
            written = self._write(data)
        except Exception:
            self._fail(Failure())
            return
        if isinstance(written, Deferred):
            self._waiting = written
            self._body.pauseProducing()
            written.addCallbacks(self._written, self._fail)

    def _written(self, result: None) -> None:
        self._waiting = None
        self._body.resumeProducing()
        if self._end is not None:
            self.connectionLost(self._end)

    def _fail(self, reason: Failure) -> None:
        if not self._isOver:
            self._isOver = True
            self._body.abort()
            self.done.errback(reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._isOver:
            return
        isTruncated = not isinstance(reason.value, ConnectionDone)
        if self._held and (isTruncated or self._body.serverError is None):
            self._pass(b"".join(self._held))  # what came of a truncated body is kept
            self._held.clear()
        if self._waiting is not None:
            self._end = reason
        elif not self._isOver:
            self._isOver = True
            self.done.errback(reason) if isTruncated else self.done.callback(None)

    def _cancel(self, done: Deferred[None]) -> None:
        self._isOver = True
        self._body.abort()
        if self._waiting is not None:
            self._waiting.cancel()
