"""
The agent: it resolves, connects and sends the request, and returns a response that streams.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from twisted_netdemo.gopher.client.connection import GopherConnection
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import ConnectTimedOut, HandshakeFailed
from twisted_netdemo.gopher.net.address_cache import AddressCache
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.gopher.net.interfaces import IClientReactor, Tell
from twisted_netdemo.gopher.text.characters import knownCharset
from twisted_netdemo.gopher.text.charset import Charsets
from twisted_netdemo.gopher.url import GopherURL, InvalidURL
from twisted_netdemo.service.cli.quantities import showDuration
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.deadlines import Deadlines

if TYPE_CHECKING:
    from twisted_netdemo.gopher.net.address_guard import Allow

#: How many bytes a response may have, unless the caller gives another limit.
DEFAULT_MAX_SIZE = 16 << 20
# For how many hosts endpoints are kept: the next fetch is often from the same.
_MAX_ENDPOINTS = 16


class Agent:
    """
    Fetch Gopher resources, in the manner of L{twisted.web.client.Agent}.

    @param reactor: provides L{IReactorTime}, L{IReactorTCP} and L{IReactorPluggableNameResolver}.
    @param connectTimeout: how many seconds resolving, connecting and the TLS handshake may take.
    @param idleTimeout: how many seconds the server may send nothing while the client reads.
    @param totalTimeout: how many seconds a fetch may take; C{None} for no limit.
    @param maxSize: how many bytes a response may have; C{None} for no limit, for readers that
        stream.
    @param trust: which C{gophers://} servers to trust; by default, those with a certificate of one
        of the system's authorities.
    @param family: 4 or 6 to use IPv4 or IPv6 only.
    @param charset: the charset of the bodies, by a name that Python knows; C{None} to guess it.
    @param charsets: the charsets of hosts, if agents are to share them.
    @param addresses: the addresses of hosts, if agents are to share them.
    @param endpoint: returns the endpoint for a host and port, instead of a direct connection:
        L{SocksProxy<twisted_netdemo.gopher.net.socks_proxy.SocksProxy>}, say.
    @param allow: called with each address just before connecting to it; anything but C{True} is a
        refusal, and so is an exception. Programs that follow menus of strangers pass
        L{isGlobal<twisted_netdemo.gopher.net.address_guard.isGlobal>}.
    @param tell: called with a line for each step, for people.
    @raise ValueError: C{allow} and C{endpoint} are both given: a proxy chooses addresses by itself.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        *,
        connectTimeout: float = 30.0,
        idleTimeout: float = 60.0,
        totalTimeout: float | None = None,
        maxSize: int | None = DEFAULT_MAX_SIZE,
        trust: Trust | None = None,
        family: int | None = None,
        charset: str | None = None,
        charsets: Charsets | None = None,
        addresses: AddressCache | None = None,
        endpoint: Callable[[str, int], IStreamClientEndpoint] | None = None,
        allow: Allow | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self.maxSize = maxSize
        self._connecting = Deadlines(reactor, connectTimeout, _Fetch.connectTooLong)
        self._idle = Deadlines(reactor, idleTimeout, GopherConnection.checkIdle)
        self._total: Deadlines[_Fetch] | None = None
        if totalTimeout is not None:
            tooLong = partial(_Fetch.tookTooLong, seconds=totalTimeout)
            self._total = Deadlines(reactor, totalTimeout, tooLong)
        self._count = 0  # of fetches that are under way
        self._trust = trust
        self._family = family
        self._charset = None if charset is None else knownCharset(charset)
        self._charsets = charsets or Charsets()
        self._addresses = addresses or AddressCache()
        self._tell = tell
        self._allow = allow
        if endpoint is not None and allow is not None:
            raise ValueError("allow cannot judge the addresses to which a proxy connects")
        if endpoint is None:
            # with tell, each fetch tells the steps of its own connection
            endpoint = lru_cache(_MAX_ENDPOINTS)(self._direct) if tell is None else self._direct
        self._endpoint = endpoint

    def fetch(self, url: GopherURL | str) -> Deferred[Response]:
        """
        Fetch a resource.

        @return: fires with the response when its first bytes have come. Fails with L{InvalidURL},
            or with a L{FetchError} if nothing came. Cancelling it closes the connection.
        """
        try:
            return _Fetch(self, url if isinstance(url, GopherURL) else GopherURL.parse(url)).start()
        except (InvalidURL, HandshakeFailed) as error:
            return fail(error)

    def _begins(self, fetch: _Fetch, now: float) -> None:
        self._count += 1
        self._connecting.begin(fetch, now)
        if self._total is not None:
            self._total.begin(fetch, now)

    def _ends(self, fetch: _Fetch) -> None:
        self._connecting.cancel(fetch)
        if self._total is not None:
            self._total.cancel(fetch)
        self._count -= 1
        if not self._count:  # leaves no timer in the reactor
            for deadlines in (self._connecting, self._idle, self._total):
                if deadlines is not None:
                    deadlines.stop()

    def _direct(self, host: str, port: int) -> IStreamClientEndpoint:
        from twisted_netdemo.gopher.net.host_endpoint import directEndpoint

        tell = self._tell or _ignore
        return directEndpoint(
            self._reactor, host, port, self._family, self._addresses, tell, self._allow
        )

    def _trusted(self, url: GopherURL) -> Trust | None:
        if not url.overTLS:
            return None
        if self._trust is None:
            try:
                from twisted_netdemo.gopher.client.trust import Verified

                self._trust = Verified()
            except Exception as error:
                raise HandshakeFailed(f"TLS cannot be used: {error}") from None
        return self._trust


def _ignore(line: str) -> None:
    """
    The C{tell} of an agent that was given none.
    """


class _Fetch(Factory):
    """
    One fetch, from the URL to the first bytes of the response, and the factory of its connection.
    """

    noisy = False
    _attempt: Deferred[IProtocol] | None = None

    def __init__(self, agent: Agent, url: GopherURL) -> None:
        self._agent = agent
        self._url = url
        self._result: Deferred[Response] = Deferred(self._cancel)
        self._began = agent._clock.seconds()
        self._trust = agent._trusted(url)
        self._connection = GopherConnection(
            url=url,
            clock=agent._clock,
            trust=self._trust,
            idle=agent._idle,
            maxSize=agent.maxSize,
            charsets=agent._charsets,
            began=self._began,
            tell=agent._tell,
            whenBegun=self._result,
            onSent=self._sent,
            onOver=self._over,
            charset=agent._charset,
        )
        self._unmade: GopherConnection | None = self._connection

    def start(self) -> Deferred[Response]:
        self._agent._begins(self, self._began)
        factory: IProtocolFactory = self
        if self._trust is not None:
            from twisted_netdemo.gopher.client.trust import overTLS

            try:
                factory = overTLS(factory, self._trust, self._url.host, self._agent._clock)
            except Exception as error:  # OpenSSL's configuration may refuse everything
                self._connection.fail(HandshakeFailed(f"TLS cannot be used: {error}"))
                return self._result
        self._attempt = self._agent._endpoint(self._url.host, self._url.port).connect(factory)
        self._attempt.addCallbacks(self._connected, self._notConnected)
        return self._result

    def buildProtocol(self, address: object) -> GopherConnection | None:
        """
        The protocol for the first connection; there is no other.
        """
        protocol, self._unmade = self._unmade, None
        return protocol

    def _connected(self, protocol: IProtocol) -> None:
        self._attempt = None

    def _notConnected(self, reason: Failure) -> None:
        self._attempt = None
        from twisted_netdemo.gopher.net.host_endpoint import explain

        self._connection.fail(explain(self._url.host, self._url.port, reason))

    def _sent(self) -> None:
        self._agent._connecting.cancel(self)

    def _over(self) -> None:
        self._agent._ends(self)

    def connectTooLong(self) -> None:
        self._tooLong(self._agent._connecting.seconds)

    def tookTooLong(self, seconds: float) -> None:
        if self._connection.isSent:
            self._connection.tookTooLong(seconds)
        else:
            self._tooLong(seconds)

    def _tooLong(self, seconds: float) -> None:
        where = hostPort(self._url.host, self._url.port)
        limit = showDuration(seconds)
        self._connection.fail(ConnectTimedOut(f"{where}: no connection within {limit}"))
        self._giveUp()

    def _cancel(self, result: Deferred[Response]) -> None:
        self._connection.stopProducing()
        self._giveUp()

    def _giveUp(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
