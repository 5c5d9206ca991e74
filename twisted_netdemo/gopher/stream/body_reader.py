"""
The reader's side of a response: its transport, and chunks on request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IPushProducer, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITransport, IPushProducer)
class BodyTransport:
    """
    The transport of a reader's protocol, by which it can keep the server waiting.
    """

    disconnecting = False

    def __init__(self, response: IPushProducer, local: IAddress, remote: IAddress) -> None:
        self._response = response
        self._local = local
        self._remote = remote

    def pauseProducing(self) -> None:
        self._response.pauseProducing()

    def resumeProducing(self) -> None:
        self._response.resumeProducing()

    def stopProducing(self) -> None:
        self._response.stopProducing()

    def loseConnection(self) -> None:
        self._response.stopProducing()

    def getHost(self) -> IAddress:
        return self._local

    def getPeer(self) -> IAddress:
        return self._remote

    def write(self, data: bytes) -> None:
        raise NotImplementedError("the request has been sent")

    def writeSequence(self, data: Iterable[bytes]) -> None:
        raise NotImplementedError("the request has been sent")


class ChunkReader(Protocol):
    """
    Turns pushed chunks into chunks on request, and holds one at most.
    """

    def __init__(self, response: IPushProducer) -> None:
        self._response = response
        self._chunks: deque[bytes] = deque()
        self._waiting: Deferred[bytes | None] | None = None
        self._end: Failure | None = None
        self._paused = False

    def dataReceived(self, data: bytes) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(data)
        else:
            self._chunks.append(data)
        if self._isUnwanted() and not self._paused:
            self._paused = True
            self._response.pauseProducing()

    def _isUnwanted(self) -> bool:
        # asked anew: the reader of the last chunk may be waiting for the next already
        return self._waiting is None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end = reason
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            if reason.check(ConnectionDone):
                waiting.callback(None)
            else:
                waiting.errback(reason)

    def next(self) -> Deferred[bytes | None]:
        """
        The next chunk, or C{None} at the end.
        """
        if not self._chunks and self._paused and self._end is None:
            self._paused = False
            self._response.resumeProducing()
        if self._chunks:
            return succeed(self._chunks.popleft())
        if self._end is not None:
            return succeed(None) if self._end.check(ConnectionDone) else fail(self._end)
        self._waiting = Deferred(self._cancel)
        return self._waiting

    def _cancel(self, deferred: Deferred[bytes | None]) -> None:
        self._waiting = None
        self._response.stopProducing()
