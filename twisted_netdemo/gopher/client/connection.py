"""
The connection of one fetch: its request, its timeouts and its end.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.gopher.body import Body, Ending
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.error_words import LONGEST_ERROR
from twisted_netdemo.gopher.errors import (
    Aborted,
    ConnectionBroke,
    FetchError,
    HandshakeFailed,
    NothingCame,
    TimedOut,
    TooLarge,
    TransferError,
)
from twisted_netdemo.gopher.item_types import bodyKind
from twisted_netdemo.gopher.net.certificate_check import CertificateCheck, Trust
from twisted_netdemo.gopher.net.interfaces import IGopherTransport, Tell
from twisted_netdemo.gopher.plus import StatusLine
from twisted_netdemo.gopher.stream.silence_timer import SilenceTimer
from twisted_netdemo.gopher.text.charset import Charsets
from twisted_netdemo.gopher.url import GopherURL
from twisted_netdemo.service.cli.quantities import showDuration
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.time.deadlines import Deadlines

#: How many seconds a server has to close the connection after a menu's final '.', if the reader
#: needs no more; RFC 1436 3.2 lets the client close.
AFTER_DOT = 2.0

_ERRORS: dict[Ending, type[TransferError]] = {
    Ending.BROKEN: ConnectionBroke,
    Ending.IDLE: TimedOut,
    Ending.LATE: TimedOut,
    Ending.LARGE: TooLarge,
    Ending.CANCELLED: Aborted,
}


@implementer(IHandshakeListener, IPushProducer)
class GopherConnection(Protocol):
    """
    The client's side of RFC 1436 2: it connects, sends one line, and reads until the server closes.

    @ivar isSent: whether the request has been sent.
    @ivar tcpEnd: under TLS, how the TCP connection ended.
    """

    transport: IGopherTransport
    tcpEnd: Failure | None = None
    isSent = False
    _response: Response | None = None
    _dot: SilenceTimer | None = None  # runs after a menu's final '.'
    _check: CertificateCheck | None = None
    _tlsVersion: str | None = None
    _early = b""  # what the server sent while its certificate was judged
    _status: StatusLine | None = None
    _heard = False
    _paused = False
    _over = False

    def __init__(
        self,
        url: GopherURL,
        clock: IReactorTime,
        trust: Trust | None,
        idle: Deadlines[GopherConnection],
        maxSize: int | None,
        charsets: Charsets,
        began: float,
        tell: Tell | None,
        whenBegun: Deferred[Response],
        onSent: Callable[[], None],
        onOver: Callable[[], None],
        charset: str | None = None,
    ) -> None:
        """
        @param idle: calls L{checkIdle}.
        @param began: when the fetch began, by the clock.
        @param tell: called with a line for each step.
        @param whenBegun: fires with the response when its first bytes have come, or its end; fails
            if nothing came.
        @param onSent: called when the request is sent.
        @param onOver: called at the end.
        @param charset: the codec of the body, if it is known.
        """
        self._url = url
        self._clock = clock
        self._trust = trust
        self._idle = idle
        self._maxSize = maxSize
        self._charsets = charsets
        self._began = began
        self._tell = tell
        self._whenBegun = whenBegun
        self._onSent: Callable[[], None] | None = onSent
        self._onOver: Callable[[], None] | None = onOver
        self._charset = charset
        self._silence = SilenceTimer(clock, idle.seconds, self._isWaiting, self._timeOut)
        self._body = Body(bodyKind(url.type), charset)
        if url.plus:
            self._status = StatusLine()
            self._body.begin(self._status)

    def connectionMade(self) -> None:
        if self._over:  # the endpoint could not be cancelled
            self.transport.abortConnection()
            return
        # a closed transport no longer knows them
        self._local, self._remote = self.transport.getHost(), self.transport.getPeer()
        if self._tell is not None:
            self._tell(f"connected: {formatAddress(self._local)} -> {formatAddress(self._remote)}")
        if self._trust is None:
            self._send()

    def handshakeCompleted(self) -> None:
        if self._trust is None or self._over:
            return
        self._check = CertificateCheck(
            self._trust, self._url, self.transport, self._clock, self._accepted, self.fail
        )
        self._check.ask()

    def _accepted(self, line: str) -> None:
        if self._tell is not None:
            self._tell(line)
        # a closed connection no longer knows it
        self._tlsVersion = self.transport.getHandle().get_protocol_version_name()
        self._send()
        if self._check is not None and self._check.isDelayed and not self._over:
            self.transport.resumeProducing()
            early, self._early = self._early, b""
            if early:
                self.dataReceived(early)

    def _send(self) -> None:
        if self._over:  # the caller's tell has cancelled the fetch
            return
        line = self._url.requestLine()
        self.isSent = True
        if self._onSent is not None:
            self._onSent()
        if self._tell is not None:
            self._tell(f"sent: {line!r}")
        if self._isOver():
            return
        self._idle.begin(self, self._silence.hear())
        self.transport.write(line)

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        if not self.isSent:
            self._early += data
            return
        if self._tell is not None and not self._heard:
            self._heard = True
            self._tell(f"first bytes after {self._seconds():.3f} s")
        if self._status is not None:
            data = self._status.feed(data)
            if self._body.isError:  # no more than its words is needed
                data = data[: LONGEST_ERROR - self._body.size]
        room = len(data) if self._maxSize is None else self._maxSize - self._body.size
        if room and data:
            self._deliver(data if room >= len(data) else data[:room])
        if room < len(data):
            self._finish(Ending.LARGE, f"more than {self._maxSize} bytes came")
            self.transport.abortConnection()
        self._silence.hear()  # after the delivery, which may have waited for a slow disk

    def _deliver(self, data: bytes) -> None:
        self._body.feed(data)
        response = self._respond()
        response.received(data)
        if not self._whenBegun.called:
            self._whenBegun.callback(response)
        if not response.hasReader:
            self.pauseProducing()
        if self._dot is None and self._body.hasEnded and not self._over:
            self._dot = SilenceTimer(self._clock, AFTER_DOT, self._needsMore, self._endAtDot)
            self._dot.hear()
            self._dot.check()

    def _respond(self) -> Response:
        if self._response is None:
            self._response = Response(
                self._url,
                self._body,
                self._charsets,
                self,
                self._local,
                self._remote,
                self._charset,
                b"" if self._status is None else self._status.line,
            )
            self._response.tlsVersion = self._tlsVersion
        return self._response

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._over:
            return
        rejected: FetchError | None = None
        if self._trust is not None and not self.isSent:
            try:
                rejected = self._trust.explain(reason, self.transport)
            except Exception as error:  # the fetch fails anyway
                rejected = HandshakeFailed(f"the TLS handshake failed: {error}")
        if rejected is not None:
            self.fail(rejected)
        elif isinstance(reason.value, ConnectionDone):
            self._finish(Ending.CLOSED, "the server closed the connection")
        elif self.tcpEnd is not None and self.tcpEnd.check(ConnectionDone):
            self._finish(Ending.UNCLEAN, "TLS ended without close_notify")
        else:
            self._finish(Ending.BROKEN, "the connection broke")

    def tookTooLong(self, seconds: float) -> None:
        """
        The total timeout is over.
        """
        self._finish(Ending.LATE, f"it took longer than {showDuration(seconds)}")
        self.transport.abortConnection()

    def stopProducing(self) -> None:
        """
        Close the connection, if it is still open.
        """
        if not self._over:
            self._finish(Ending.CANCELLED, "the connection was closed on this side")
            if self.transport is not None:
                self.transport.abortConnection()

    def fail(self, error: FetchError) -> None:
        """
        Close the connection, before the request was sent.
        """
        if self._over:
            return
        self._close()
        self._whenBegun.errback(error)
        if self.transport is not None:
            self.transport.abortConnection()

    def _isOver(self) -> bool:
        # asked anew after a callback, which may have given it up
        return self._over

    def _close(self) -> None:
        self._over = True
        if self._onOver is not None:
            self._onOver()
        self._onSent = self._onOver = None  # leaves no reference cycle
        self._idle.cancel(self)
        for each in (self._check, self._silence, self._dot):
            if each is not None:
                each.cancel()
        self._check = self._dot = None

    def _finish(self, ending: Ending, why: str) -> None:
        if self._over:
            return
        if self._status is not None and (held := self._status.end()):
            self._deliver(held)
            if self._isOver():  # the reader has given it up
                return
        self._close()
        verdict = self._body.end(ending, why)
        size = self._body.size
        if self._tell is not None:
            self._tell(
                f"{size} bytes in {self._seconds():.3f} s; {verdict.name}: {verdict.reason or why}"
            )
        error: FetchError | None = None
        if verdict.name == "truncated":
            if size or ending not in _ERRORS:
                words = verdict.reason or why
                # a body that the server ended too early is broken off
                error = _ERRORS.get(ending, ConnectionBroke)(
                    words if ending is Ending.LARGE else f"{words} after {size} bytes"
                )
            elif ending is Ending.BROKEN:
                error = NothingCame(f"{why} before anything came")
            else:
                error = _ERRORS[ending](why)
        if self.transport is not None:
            response = self._respond()
            self._response = None
            response.ended(verdict, error, self._seconds())
            if error is None and not self._whenBegun.called:
                self._whenBegun.callback(response)
        # a Deferred that is being cancelled fails by itself
        if error is not None and ending is not Ending.CANCELLED and not self._whenBegun.called:
            self._whenBegun.errback(error)

    def _seconds(self) -> float:
        return self._clock.seconds() - self._began

    def checkIdle(self) -> None:
        """
        The server may have sent nothing for too long.
        """
        self._silence.check()

    def _isWaiting(self) -> bool:
        return self._paused

    def _timeOut(self) -> None:
        self._finish(Ending.IDLE, f"nothing came for {showDuration(self._idle.seconds)}")
        self.transport.abortConnection()

    def _needsMore(self) -> bool:
        return self._paused or self._response is None or not self._response.endsAtDot

    def _endAtDot(self) -> None:
        limit = showDuration(AFTER_DOT)
        self._finish(Ending.KEPT, f"the server did not close within {limit} of the final '.'")
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        """
        Stop reading.
        """
        if not self._paused and not self._over:
            self._paused = True
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Go on reading; the server's time begins anew.
        """
        if self._paused and not self._over:
            self._paused = False
            self._silence.hear()
            if self._dot is not None:
                self._dot.hear()
            self.transport.resumeProducing()


def formatAddress(address: object) -> str:
    """
    An address of a connection as text, C{host:port} if it has both.
    """
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    return str(address) if host is None or port is None else hostPort(host, port)
