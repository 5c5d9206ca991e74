"""
The bytes of a body as they come, at the reader's pace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator

from twisted.internet.interfaces import IAddress, IProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.gopher.body import Body, Verdict
from twisted_netdemo.gopher.stream.body_reader import BodyTransport, ChunkReader


@implementer(IPushProducer)
class BodyStream:
    """
    Holds the bytes that have come until a reader takes them, and the server back meanwhile.

    @ivar local: the client's address and port.
    @ivar remote: the server's address and port.
    @ivar verdict: after the end, how far the body can be relied on; C{None} before.
    @ivar seconds: after the end, how long the fetch took, from the call of C{fetch}.
    """

    verdict: Verdict | None = None
    seconds: float = 0.0
    _consumer: IProtocol | None = None
    _isPaused = False
    _isPumping = False
    _end: Failure | None = None
    _isOver = False

    def __init__(
        self, body: Body, connection: IPushProducer, local: IAddress, remote: IAddress
    ) -> None:
        self.local = local
        self.remote = remote
        self._body = body
        self._connection = connection
        self._buffer: deque[bytes] = deque()

    @property
    def size(self) -> int:
        """
        How many bytes have come so far.
        """
        return self._body.size

    @property
    def mayBeError(self) -> bool:
        """
        Whether everything that has come so far may be the server's report of an error.
        """
        return self._body.mayBeError

    @property
    def isError(self) -> bool:
        """
        Whether it certainly is an error, since a Gopher+ server says so first.
        """
        return self._body.isError

    # The connection's side.

    @property
    def hasReader(self) -> bool:
        """
        Whether a reader takes the body, or has taken it.
        """
        return self._consumer is not None or self._isOver

    def received(self, data: bytes) -> None:
        """
        The connection calls this with each chunk.
        """
        self._buffer.append(data)
        self._pump()

    def finished(self, verdict: Verdict, reason: Failure, seconds: float) -> None:
        """
        The connection calls this once, after the last chunk.

        @param reason: for the reader's C{connectionLost}.
        """
        self.verdict = verdict
        self.seconds = seconds
        self._end = reason
        self._pump()

    def _pump(self) -> None:
        consumer = self._consumer
        if consumer is None or self._isPumping:
            return
        self._isPumping = True
        try:
            while self._buffer and not self._isPaused:
                consumer.dataReceived(self._buffer.popleft())
        finally:
            self._isPumping = False
        if self._end is not None and not self._buffer and not self._isOver:
            self._isOver = True
            self._consumer = None  # leaves no reference cycle
            consumer.connectionLost(self._end)

    # The reader's side.

    def pauseProducing(self) -> None:
        """
        Keep the server waiting. This time does not count as idle.
        """
        self._isPaused = True
        self._connection.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Take more bytes.
        """
        self._isPaused = False
        self._pump()
        if not self._isPaused:
            self._connection.resumeProducing()

    def stopProducing(self) -> None:
        """
        Close the connection. Bytes that have not been delivered are dropped.
        """
        self._buffer.clear()
        self._isPaused = False
        self._connection.stopProducing()
        self._pump()  # if the body had ended, the reader was not told yet

    abort = stopProducing

    def deliverBody(self, protocol: IProtocol) -> None:
        """
        Give the bytes, as they come, to a protocol.

        Its C{transport} is an L{IPushProducer}, which can keep the server waiting. At the end its
        C{connectionLost} is called: with L{ConnectionDone} for a body that is whole or suspect,
        else with a L{FetchError<twisted_netdemo.gopher.errors.FetchError>}.

        @raise RuntimeError: another reader takes the body.
        """
        if self.hasReader:
            raise RuntimeError("the body has been given to another reader")
        self._consumer = protocol
        protocol.makeConnection(BodyTransport(self, self.local, self.remote))
        self._pump()
        if not self._isPaused:
            self._connection.resumeProducing()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """
        The bytes as they come. Leaving the loop early closes the connection.

        @raise FetchError: after the last chunk, if the body is truncated.
        """
        reader = ChunkReader(self)
        self.deliverBody(reader)
        try:
            while (chunk := await reader.next()) is not None:
                yield chunk
        finally:
            self.abort()
