"""
The places where a user tells a server to listen: a port, or an endpoint description.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IOpenSSLContextFactory, IProtocolFactory
from twisted.logger import Logger

from twisted_netdemo.service.binding import hasIPv6
from twisted_netdemo.service.cli.quantities import port as parsePort
from twisted_netdemo.service.networks import LOOPBACK, Network
from twisted_netdemo.service.port_group import Listen
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.tcp.listening_reactor import ListeningReactor, OpenPort
from twisted_netdemo.service.tcp.proxy_protocol import ProxiedListeningReactor

_log = Logger()


def onPort(
    reactor: IServiceReactor,
    port: int,
    interface: str | None = None,
    openPort: OpenPort | None = None,
) -> Listen:
    """
    A TCP port.

    @param interface: an IP address; C{None} for every one, of both families where there are two.
    @param openPort: see L{ListeningReactor}.
    """
    address = interface if interface is not None else "::" if hasIPv6() else ""
    listening = ListeningReactor(reactor, openPort)

    def listen(factory: IProtocolFactory | None) -> Deferred[IListeningPort]:
        try:
            return succeed(listening.listenTCP(port, factory, interface=address))
        except Exception:
            return fail()

    return listen


def endpointFromString(
    reactor: IServiceReactor,
    description: str,
    timeout: float = 60.0,
    proxies: Sequence[Network] = LOOPBACK,
    openPort: OpenPort | None = None,
) -> DescribedEndpoint:
    """
    The endpoint of a description; C{haproxy:} before it is this package's PROXY protocol.

    @param timeout: seconds until a PROXY header has to be there.
    @param proxies: the networks whose PROXY headers are believed.
    @param openPort: see L{ListeningReactor}; only TCP ports can be opened so.
    @raise ValueError: the description is wrong.
    """
    inner = description.removeprefix("haproxy:")
    listening = ListeningReactor(reactor, openPort)
    if inner != description:
        listening = ProxiedListeningReactor(reactor, timeout, proxies, openPort)
    kind, _, rest = inner.partition(":")
    try:
        if kind in ("haproxy", "stdio"):  # a header in a header; a connection, not a place
            raise ValueError(f"{kind} is no place to listen in")
        if openPort is not None and kind not in ("tcp", "tcp6", "ssl"):
            raise ValueError("several workers can share TCP ports alone")
        if kind in ("tcp", "tcp6", "ssl"):
            words = rest.split(":")
            named = [word[5:] for word in words if word.startswith("port=")]
            parsePort((named or words)[0])
        endpoint = serverFromString(listening, inner)
    # Endpoint parsers are plugins, and raise exceptions of any kind.
    except Exception as error:
        why = "systemd passed no such socket" if kind == "systemd" else _parseError(error)
        raise ValueError(f"{description!r} is no endpoint: {why}") from None
    return DescribedEndpoint(description, inner, listening, endpoint.listen)


class DescribedEndpoint:
    """
    An endpoint that a description is of: a L{Listen}.
    """

    def __init__(
        self, description: str, inner: str, listening: ListeningReactor, listen: Listen
    ) -> None:
        """
        @param inner: the text that Twisted's parsers were given.
        @param listening: the reactor that they were given.
        """
        self._description = description
        self._inner = inner
        self._listening = listening
        self._listen = listen
        self._folder = os.getcwd()

    def __call__(self, factory: IProtocolFactory | None) -> Deferred[IListeningPort]:
        return self._listen(factory)

    def renew(self) -> bool | None:
        """
        Have new connections use the key and the certificates that the files have now. If they
        cannot be used, that is logged, and the ones in use are kept.

        @return: whether that was done, C{None} where it has none.
        """
        keys = self._listening.keys
        if keys is None:
            return None
        seen = _ContextTaker()
        try:
            with _inFolder(self._folder):
                serverFromString(seen, self._inner).listen(None)
            if seen.context is not None:
                keys.renew(seen.context)
        except Exception as error:  # see endpointFromString
            _log.error(
                "The keys of {description} are kept as they were: {why}",
                description=self._description,
                why=_parseError(error),
            )
            return False
        return True


@contextlib.contextmanager
def _inFolder(folder: str) -> Iterator[None]:
    """
    For relative paths, which twistd's C{--rundir} leaves; where the folder cannot be entered (any
    more), whole paths still can be read.
    """
    with contextlib.ExitStack() as entered:
        with contextlib.suppress(OSError):
            if os.getcwd() != folder:
                entered.enter_context(contextlib.chdir(folder))
        yield


class _ContextTaker:
    """
    A stand-in for the reactor that records the keys with which an endpoint would listen.
    """

    context: IOpenSSLContextFactory | None = None

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory | None,
        contextFactory: IOpenSSLContextFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> None:
        self.context = contextFactory


def _parseError(error: Exception) -> str:
    """
    The words of a parser's exception, for the author of the description.
    """
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, TypeError):  # the description's words are the parser's arguments
        return f"it {str(error).partition('() ')[2] or error}"
    return str(error)
