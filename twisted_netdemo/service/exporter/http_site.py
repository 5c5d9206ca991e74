"""
HTTP for monitoring a service: a few pages, with bounds on what a client can use up. A connection
has one answer, a few bytes to ask for it and a few seconds; there are few at a time, and the oldest
gives way to a new one, so that nobody keeps the next one out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_netdemo.service.time.deadlines import Deadlines

_log = Logger()

#: How many connections there may be at one time; so many more to each page that takes a query,
#: since such answers take their time.
MOST = 8
MOST_QUERIES = 256
#: How many bytes a connection may bring, its headers and a body that nobody reads.
LONGEST = 16384
#: How long a connection may take, in seconds, until its answer has been read.
SECONDS = 10.0

_TOO_LONG = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """
    @ivar kind: its Content-Type.
    """

    body: bytes
    kind: str = "text/plain; charset=utf-8"
    status: int = 200


#: Makes an answer for what an Accept header says.
Page = Callable[[str], Awaitable[Answer]]

#: So does this one, for what the query says too: names and their first values.
Query = Callable[[str, Mapping[str, str]], Awaitable[Answer]]


class _Channel(HTTPChannel):
    """
    One connection.
    """

    site: BoundedSite
    transport: ITCPTransport
    _left = LONGEST

    def connectionMade(self) -> None:
        super().connectionMade()
        self.site.entered(self)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """
        It closes after its answer.
        """
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        return False

    def dataReceived(self, data: bytes) -> None:
        if self._left < 0:
            return
        self._left -= len(data)
        if self._left >= 0:
            super().dataReceived(data)
            return
        if not any(request.startedWriting for request in self.requests):
            self.transport.write(_TOO_LONG)
        self.loseConnection()

    def loseConnection(self) -> None:
        """
        There is an answer, and no more to hear.
        """
        self._left = -1
        super().loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.left(self)
        super().connectionLost(reason)


class BoundedSite(Site):
    """
    The factory.
    """

    noisy = False
    protocol: Any = _Channel

    def __init__(
        self,
        pages: Mapping[str, Page],
        clock: IReactorTime,
        queries: Mapping[str, Query] | None = None,
    ) -> None:
        """
        @param pages: by their names, without a slash.
        @param queries: those that are asked with a query.
        """
        queries = queries or {}
        names = ", ".join(f"/{name}" for name in (*pages, *queries))
        self._most = MOST + MOST_QUERIES * len(queries)

        async def other(_: str) -> Answer:
            return Answer(f"What is here: {names}.\n".encode(), status=404)

        root = _Root(other)
        for name, page in pages.items():
            root.putChild(name.encode(), _Leaf(page))
        for name, query in queries.items():
            root.putChild(name.encode(), _Asked(query))
        super().__init__(root, timeout=None)
        self._deadlines = Deadlines(clock, SECONDS, self._close)
        self._channels: dict[_Channel, None] = {}
        self._open: set[_Channel] = set()  # and those that are about to close

    def log(self, request: object) -> None:
        """
        Requests are not logged.
        """

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        Those that have given way are closed when the reactor turns; until then more are refused.
        """
        return super().buildProtocol(addr) if len(self._open) < 2 * self._most else None

    def entered(self, channel: _Channel) -> None:
        """
        There is a new connection.
        """
        self._open.add(channel)
        if len(self._channels) >= self._most:
            self._close(next(iter(self._channels)))
        self._channels[channel] = None
        self._deadlines.begin(channel)

    def left(self, channel: _Channel) -> None:
        """
        A connection is gone.
        """
        self._open.discard(channel)
        self._channels.pop(channel, None)
        self._deadlines.cancel(channel)
        if not self._channels and not self.numPorts:
            self._deadlines.stop()

    def _close(self, channel: _Channel) -> None:
        self._channels.pop(channel, None)
        channel.transport.abortConnection()

    def stopFactory(self) -> None:
        """
        The port is closed; connections that are being answered are closed too.
        """
        super().stopFactory()
        for channel in list(self._channels):
            self._close(channel)
        self._deadlines.stop()


async def _notAllowed(_: str) -> Answer:
    return Answer(b"GET and HEAD are what there is.\n", status=405)


class _Leaf(Resource):
    isLeaf = True

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def _for(self, request: Request) -> Page:
        return self._page

    def render(self, request: Request) -> int:
        """
        Of HEAD too: what the request then writes it drops.
        """
        page = self._for(request) if request.method in (b"GET", b"HEAD") else _notAllowed
        isGone = False
        # as text where any bytes are a letter each
        accept = (request.getHeader(b"accept") or b"").decode("latin-1")

        async def answer() -> None:
            try:
                made = await page(accept)
            except Exception:
                if isGone:
                    return  # nobody waits for it
                _log.failure("{path} has no answer", path=request.path.decode("latin-1"))
                made = Answer(b"Internal error; see the log.\n", status=500)
            if isGone:
                return
            request.setResponseCode(made.status)
            request.setHeader("content-type", made.kind)
            request.setHeader("content-length", str(len(made.body)))
            if made.status == 405:
                request.setHeader("allow", "GET, HEAD")
            request.write(made.body)
            request.finish()

        def gone(_: object) -> None:
            nonlocal isGone
            isGone = True
            answering.cancel()

        lost = request.notifyFinish()
        answering = Deferred.fromCoroutine(answer())
        lost.addErrback(gone)
        return NOT_DONE_YET


class _Asked(_Leaf):
    """
    A page that is asked with a query.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        super().__init__(_notAllowed)

    def _for(self, request: Request) -> Page:
        said = {
            name.decode("utf-8", "replace"): values[0].decode("utf-8", "replace")
            for name, values in request.args.items()
        }
        return lambda accept: self._query(accept, said)


class _Root(_Leaf):
    """
    The page of every path that has no other.
    """

    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> IResource:
        return self
