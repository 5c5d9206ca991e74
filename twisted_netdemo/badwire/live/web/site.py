"""
The page's HTTP server. The module L{security<twisted_netdemo.badwire.live.web.security>} says what
is let in; a body is refused before it is held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from socket import SO_SNDBUF, SOL_SOCKET, socket
from typing import Any, cast

from twisted.internet.interfaces import (
    IAddress,
    IReactorTime,
    ISystemHandle,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, HTTPFactory, Request

from twisted_netdemo.badwire.live.ends.live_interfaces import IFlowTransport
from twisted_netdemo.badwire.live.web.feed import Feed, LivePage
from twisted_netdemo.badwire.live.web.long_reply import LongReply
from twisted_netdemo.badwire.live.web.security import BODY, HEADERS, Gate, HTTPRefusal, parseBody

_log = Logger()

#: How many connections there may be at a time.
CONNECTIONS = 128

#: How long a connection may say nothing between requests, in seconds.
_IDLE = 60

#: The kernel's buffer for a stream, in bytes (it takes twice as many): without a bound it takes
#: megabytes before it holds a writer back.
_BUFFER = 1 << 16

#: How many bytes and seconds of a refused request are still read: a reset would destroy the reply.
_DROPPED, _DROPPING = 1 << 21, 5

_JSON = "application/json"


@dataclass(frozen=True)
class LiveAnswer:
    """
    A reply with status 200.

    @ivar body: all of it, or its parts, each made when the connection takes it; an empty part is
        work that has brought nothing to send yet.
    @ivar kind: its Content-Type.
    @ivar name: the file name under which a browser saves it; empty for one that it shows.
    @ivar zipped: the body in gzip, for a browser that takes it so; empty where there is none.
    """

    body: bytes | Iterator[bytes]
    kind: str = _JSON
    name: str = ""
    zipped: bytes = b""


#: Answers a GET.
Get = Callable[[], LiveAnswer]

#: Does what a POST asks for, given its JSON object.
Post = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


class LiveChannel(HTTPChannel):
    """
    A connection.
    """

    factory: LiveSite
    transport: IFlowTransport
    _dropped: int | None = None

    @property
    def isRefused(self) -> bool:
        """
        Whether it has had its last reply.
        """
        return self._dropped is not None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)

    def refuse(self, refusal: HTTPRefusal) -> None:
        """
        Reply to a request that is not read to its end, and close.
        """
        if self._dropped is not None:
            return
        self._dropped = 0
        for request in self.requests:
            request.requestHeaders.removeHeader(b"expect")  # else '100 Continue' follows
        body = refusal.body()
        phrase = HTTPStatus(refusal.status).phrase.encode()
        lines = [
            b"HTTP/1.1 %d %s" % (refusal.status, phrase),
            *(b"%s: %s" % header for header in HEADERS),
            b"Content-Type: " + _JSON.encode(),
            b"Content-Length: %d" % len(body),
            b"Connection: close",
        ]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        self.setTimeout(_DROPPING)

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's own name for it. Its reply would lack the headers that every reply has.
        self.refuse(HTTPRefusal(400, "the request is malformed"))

    def dataReceived(self, data: bytes) -> None:
        if self._dropped is None:
            super().dataReceived(data)
            return
        self._dropped += len(data)
        if self._dropped > _DROPPED:
            self.transport.abortConnection()

    def lineReceived(self, line: bytes) -> None:
        if not self.isRefused:
            super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:
        if not self.isRefused:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        The line of a header has no end.
        """
        self.refuse(HTTPRefusal(400, "a header is too long"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.channels.discard(self)
        super().connectionLost(reason)


class LiveRequest(Request):
    """
    A request.

    @ivar kinds: the values of its Content-Type headers.
    """

    channel: LiveChannel
    kinds: Sequence[bytes] = ()
    _length = 0

    def gotLength(self, length: int | None) -> None:
        """
        The headers are there: refuse a body that is too long before any of it is held.
        """
        if length is not None and length > BODY:
            self.channel.refuse(_tooLong())
        # Twisted would parse forms, and fail for a type that cannot be parsed.
        self.kinds = self.values(b"content-type")
        self.requestHeaders.removeHeader(b"content-type")
        super().gotLength(0)  # in memory: Twisted would take a file for a long one

    def handleContentChunk(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > BODY:
            self.channel.refuse(_tooLong())
        else:
            super().handleContentChunk(data)

    def process(self) -> None:
        """
        Answer.
        """
        if self.channel.isRefused:
            return
        site = self.channel.factory
        for name, value in HEADERS:
            self.setHeader(name, value)
        try:
            answer = site.answer(self)
        except HTTPRefusal as refusal:
            self.setResponseCode(refusal.status)
            if refusal.status == 405:
                self.setHeader(b"Allow", refusal.more.pop("allow").encode())
            answer = LiveAnswer(refusal.body())
        except Exception:
            _log.failure("{path} has no answer", path=self.path.partition(b"/")[2])
            self.setResponseCode(500)
            answer = LiveAnswer(HTTPRefusal(500, "badwire has failed here; see its log").body())
        if answer is not None:
            self.setHeader(b"Content-Type", answer.kind.encode())
            body = answer.body
            if answer.zipped and _takesGzip(self.values(b"accept-encoding")):
                self.setHeader(b"Content-Encoding", b"gzip")
                body = answer.zipped
            if answer.name:
                disposition = f'attachment; filename="{answer.name}"'
                self.setHeader(b"Content-Disposition", disposition.encode())
            if isinstance(body, bytes):
                self.setHeader(b"Content-Length", b"%d" % len(body))
                self.write(body)
                self.finish()
            else:
                LongReply(site.reactor, self, site.counted(body)).start()

    def values(self, name: bytes) -> list[bytes]:
        """
        The values of a header, in order.
        """
        return list(self.requestHeaders.getRawHeaders(name, []))


class LiveSite(HTTPFactory):
    """
    @ivar channels: the connections.
    @ivar sent: how many parts of long replies have been sent so far.
    """

    noisy = False
    protocol: Any = LiveChannel

    def __init__(
        self,
        clock: IReactorTime,
        gate: Gate,
        gets: Mapping[str, Get],
        posts: Mapping[str, Post],
        feed: Feed,
        hello: Callable[[], str],
    ) -> None:
        """
        @param gets: what GET answers, by the paths below the token.
        @param posts: what POST does, likewise.
        @param feed: has the events of C{GET events}.
        @param hello: makes the first event of a stream.
        """
        super().__init__(timeout=_IDLE, reactor=clock)
        self.channels: set[LiveChannel] = set()
        self.sent = 0
        self._gate = gate
        self._gets = gets
        self._posts = posts
        self._feed = feed
        self._hello = hello

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        A connection, unless there are too many.
        """
        if len(self.channels) >= CONNECTIONS:
            return None
        channel = self.protocol()
        channel.factory = self
        channel.requestFactory = LiveRequest
        channel.timeOut = self.timeOut
        channel.callLater = self.reactor.callLater
        return channel

    def startFactory(self) -> None:
        """
        There is no log of requests: they have the token.
        """

    def stopFactory(self) -> None:
        """
        Likewise.
        """

    def log(self, request: Request) -> None:
        """
        Likewise.
        """

    def answer(self, request: LiveRequest) -> LiveAnswer | None:
        """
        Answer a request.

        @return: L{None} if it is the stream, which goes on.
        @raise HTTPRefusal: it is refused.
        """
        hosts = request.values(b"host")
        name = self._gate.enter(request.uri, hosts)
        allowed = "POST" if name in self._posts else "GET"
        if name != "events" and name not in self._gets and name not in self._posts:
            raise HTTPRefusal(404, "there is no such thing here")
        if request.method != allowed.encode():
            raise HTTPRefusal(405, f"{allowed} alone is allowed here", allow=allowed)
        if name in self._gets:
            return self._gets[name]()
        self._gate.sameOrigin(
            hosts[0], request.values(b"origin"), request.values(b"sec-fetch-site"), allowed == "GET"
        )
        if name == "events":
            self._stream(request)
            return None
        content = request.content
        assert content is not None, "gotLength has made it"
        body = parseBody(request.kinds, content.read())
        return LiveAnswer(json.dumps(self._posts[name](body) or {}).encode())

    def counted(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """
        The parts of a long reply, which are counted.
        """
        for part in parts:
            self.sent += 1
            yield part

    def _stream(self, request: LiveRequest) -> None:
        """
        Begin a stream of events.
        """
        if self._feed.isFull:
            raise HTTPRefusal(503, "too many pages are open: close one")
        last = request.getHeader(b"last-event-id") or b""
        isResumed = last.isdigit() and len(last) < 16
        transport = request.channel.transport
        if ISystemHandle.providedBy(transport):
            handle = cast(socket, ISystemHandle(transport).getHandle())
            handle.setsockopt(SOL_SOCKET, SO_SNDBUF, _BUFFER)
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")

        def end() -> None:
            request.unregisterProducer()
            request.finish()

        page: LivePage = self._feed.open(
            request.write,
            end,
            min(int(last) + 1, self._feed.ring.following) if isResumed else 1,
            None if isResumed else self._hello(),
        )
        request.notifyFinish().addBoth(lambda _: self._feed.close(page))
        request.registerProducer(page, True)
        page.fill()

    def stop(self) -> None:
        """
        Close all connections, when what they were sent has been taken.
        """
        for channel in list(self.channels):
            channel.loseConnection()

    def abort(self) -> None:
        """
        Close all connections at once.
        """
        for channel in list(self.channels):
            channel.transport.abortConnection()


def _tooLong() -> HTTPRefusal:
    return HTTPRefusal(413, f"the body has more than {BODY} bytes")


def _takesGzip(values: Sequence[bytes]) -> bool:
    """
    Whether a browser takes gzip: it names it, and not with a quality of 0 (RFC 9110, section
    12.5.3).
    """
    for part in b",".join(values).split(b","):
        name, _, quality = part.replace(b" ", b"").lower().partition(b";")
        if name == b"gzip":
            return not quality or quality.strip(b"q=.0") != b""
    return False
