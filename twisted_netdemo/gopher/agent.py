"""
An agent that fetches: it resolves, connects, asks, and hands over a response that streams.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet import error as failures
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from ..quantities import showDuration
from .addresses import Addresses
from .charset import Charsets
from .connection import GopherConnection
from .errors import (
    Aborted,
    CannotConnect,
    CannotResolve,
    ConnectError,
    ConnectTimedOut,
    FetchError,
    HandshakeFailed,
)
from .response import Response
from .url import GopherURL, InvalidURL, hostPort

if TYPE_CHECKING:
    from .tls import Trust

#: What a fetch may bring unless its caller says otherwise.
MOST = 16 << 20


class Agent:
    """
    Fetch Gopher resources, in the manner of L{twisted.web.client.Agent}.

    @param reactor: what provides time, TCP and names.
    @param connectTimeout: how many seconds resolving, connecting and the TLS handshake may take.
    @param idleTimeout: how many seconds the server may send nothing while we are ready to read.
    @param totalTimeout: how many seconds a fetch may take, or C{None}.
    @param maxSize: how many bytes a response may have, or C{None}: for readers that stream.
    @param trust: what C{gophers://} servers have to show; by default, a certificate that the
        system's authorities vouch for.
    @param family: 4 or 6 for one version of IP, C{None} for both.
    @param charsets: what is known of hosts' charsets, to be shared between agents.
    @param addresses: the same of their addresses.
    @param endpoint: makes the endpoint for a host and port, in place of a direct connection to its
        fastest address: for proxies.
    @param tell: called with a line for each step, for people.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        connectTimeout: float = 30.0,
        idleTimeout: float = 60.0,
        totalTimeout: float | None = None,
        maxSize: int | None = MOST,
        trust: Trust | None = None,
        family: int | None = None,
        charsets: Charsets | None = None,
        addresses: Addresses | None = None,
        endpoint: Callable[[str, int], IStreamClientEndpoint] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._reactor = reactor
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.totalTimeout = totalTimeout
        self.maxSize = maxSize
        self._trust = trust
        self._family = family
        self._charsets = charsets or Charsets()
        self._addresses = addresses or Addresses()
        self._endpoint = endpoint or self._direct
        self._tell = tell or _nobody

    def fetch(self, url: GopherURL | str) -> Deferred[Response]:
        """
        Ask for a resource.

        @return: fires when the answer begins. Fails with L{InvalidURL}, or with a L{FetchError} if
            nothing came. Cancelling it closes the connection; it fails as cancelled then.
        """
        try:
            return _Fetch(self, url if isinstance(url, GopherURL) else GopherURL.parse(url)).start()
        except InvalidURL as error:
            return fail(error)

    def _direct(self, host: str, port: int) -> IStreamClientEndpoint:
        from .names import directEndpoint

        return directEndpoint(self._reactor, host, port, self._family, self._addresses, self._tell)

    def _trusted(self, url: GopherURL) -> Trust | None:
        if not url.overTLS:
            return None
        if self._trust is None:
            from .tls import Verified

            self._trust = Verified()
        return self._trust


def _nobody(line: str) -> None:
    """
    Hears it.
    """


class _Fetch:
    """
    One fetch: from the URL to the beginning of its answer.
    """

    def __init__(self, agent: Agent, url: GopherURL) -> None:
        self._agent = agent
        self._url = url
        self._clock = agent._reactor
        self._began = self._clock.seconds()
        self._result: Deferred[Response] = Deferred(self._cancel)
        self._connecting: Deferred[IProtocol] | None = None
        self._calls: dict[str, IDelayedCall] = {}
        trust = agent._trusted(url)
        self._connection = GopherConnection(
            url=url,
            clock=self._clock,
            trust=trust,
            idleTimeout=agent.idleTimeout,
            maxSize=agent.maxSize,
            charsets=agent._charsets,
            began=self._began,
            tell=agent._tell,
            onSent=lambda: self._stopClock("connect"),
            onOver=lambda: self._stopClock("connect", "total"),
        )
        self._trust = trust

    def start(self) -> Deferred[Response]:
        agent = self._agent
        self._connection.whenBegun.addCallbacks(self._begun, self._failed)
        self._startClock("connect", agent.connectTimeout, self._connectTooLong)
        if agent.totalTimeout is not None:
            self._startClock("total", agent.totalTimeout, self._tookTooLong, agent.totalTimeout)
        factory: Any = _OneConnection(self._connection)
        if self._trust is not None:
            from .tls import overTLS

            try:
                factory = overTLS(factory, self._trust, self._url.host, self._clock)
            except ValueError:  # an underscore, say, which DNS knows and IDNA does not
                self._connection.fail(
                    HandshakeFailed(f"no certificate can be for a host named {self._url.host}")
                )
                return self._result
        self._connecting = agent._endpoint(self._url.host, self._url.port).connect(factory)
        self._connecting.addCallbacks(self._connected, self._notConnected)
        return self._result

    def _startClock(self, name: str, seconds: float, call: Any, *arguments: Any) -> None:
        self._calls[name] = self._clock.callLater(seconds, call, *arguments)

    def _stopClock(self, *names: str) -> None:
        for name in names:
            call = self._calls.pop(name, None)
            if call is not None and call.active():
                call.cancel()

    def _connected(self, protocol: IProtocol) -> None:
        self._connecting = None

    def _notConnected(self, reason: Failure) -> None:
        self._connecting = None
        self._connection.fail(_explain(self._url, reason))

    def _begun(self, response: Response) -> None:
        self._result.callback(response)

    def _failed(self, reason: Failure) -> None:
        # a result that is being cancelled fails by itself, as any other Deferred does
        if not (self._result.called or reason.check(Aborted)):
            self._result.errback(reason)

    def _connectTooLong(self) -> None:
        limit = showDuration(self._agent.connectTimeout)
        where = hostPort(self._url.host, self._url.port)
        self._giveUp(ConnectTimedOut(f"{where}: no connection within {limit}"))

    def _tookTooLong(self, seconds: float) -> None:
        if self._connection.isSent:
            self._connection.tookTooLong(seconds)
        else:
            where = hostPort(self._url.host, self._url.port)
            self._giveUp(ConnectTimedOut(f"{where}: no connection within {showDuration(seconds)}"))

    def _giveUp(self, error: FetchError) -> None:
        self._connection.fail(error)
        if self._connecting is not None:
            self._connecting.cancel()

    def _cancel(self, result: Deferred[Response]) -> None:
        self._connection.abort()
        if self._connecting is not None:
            self._connecting.cancel()


class _OneConnection(Factory):
    """
    Gives its one protocol to the connection that is made first.
    """

    noisy = False

    def __init__(self, protocol: GopherConnection) -> None:
        self._protocol: GopherConnection | None = protocol

    def buildProtocol(self, address: object) -> GopherConnection | None:
        protocol, self._protocol = self._protocol, None
        return protocol


def _explain(url: GopherURL, reason: Failure) -> ConnectError:
    """
    A failure of Twisted's as one of ours.
    """
    error = reason.value
    where = hostPort(url.host, url.port)
    if isinstance(error, failures.DNSLookupError):
        return CannotResolve(f"cannot resolve {url.host}")
    if isinstance(error, (failures.TimeoutError, failures.UserError)):
        return ConnectTimedOut(f"{where}: the connection attempt timed out")
    number = getattr(error, "osError", None)
    words = os.strerror(number) if isinstance(number, int) else str(error)
    return CannotConnect(f"{where}: {words}")
