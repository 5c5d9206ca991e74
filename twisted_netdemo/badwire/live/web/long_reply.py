"""
A long reply, made and sent part by part, as its connection takes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.web.http import Request
from zope.interface import implementer

_log = Logger()


@implementer(IPushProducer)
class LongReply:
    """
    Sends the parts of a body. One is made in each turn of the reactor, so that the wire goes on
    meanwhile, and none while the connection takes none.
    """

    def __init__(self, clock: IReactorTime, request: Request, parts: Iterator[bytes]) -> None:
        """
        @param parts: the body. An empty part is work that has brought nothing to send yet.
        """
        self._clock = clock
        self._request = request
        self._parts = parts
        self._call: IDelayedCall | None = None
        self._isPaused = False

    def start(self) -> None:
        """
        Begin to send.
        """
        self._request.registerProducer(self, True)
        self._later()

    def _later(self) -> None:
        if self._call is None and not self._isPaused:
            self._call = self._clock.callLater(0, self._send)

    def _send(self) -> None:
        self._call = None
        try:
            part = next(self._parts, None)
        except Exception:
            # The status has been sent. A body that breaks off does not pass for a whole one.
            _log.failure("a download breaks off")
            self._request.loseConnection()
            return
        if part is None:
            self._request.unregisterProducer()
            self._request.finish()
            return
        if part:
            self._request.write(part)
        self._later()

    def pauseProducing(self) -> None:
        """
        The connection takes no more for now.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        The connection takes more.
        """
        self._isPaused = False
        self._later()

    def stopProducing(self) -> None:
        """
        The connection is gone.
        """
        self._isPaused = True
        self._parts = iter(())
        if self._call is not None:
            self._call.cancel()
            self._call = None
