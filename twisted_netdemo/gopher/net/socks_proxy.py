"""
Fetches by way of a proxy, at which names are resolved: Tor, or C{ssh -D}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.gopher.errors import (
    CannotConnect,
    CannotResolve,
    CannotResolveProxy,
    ProxyFailed,
)
from twisted_netdemo.gopher.net.address_cache import AddressCache
from twisted_netdemo.gopher.net.host_endpoint import directEndpoint, explain
from twisted_netdemo.gopher.url import hostAndPort, normalHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.tcp.socks import SocksEndpoint
from twisted_netdemo.service.tcp.socks_wire import SocksError

_SCHEME = "socks5h://"
_PORT = 1080  # RFC 1928 3


def proxyAddress(text: str) -> tuple[str, int]:
    """
    Read C{socks5h://HOST:PORT}, as curl writes a SOCKS 5 proxy that resolves the names.

    @raise ValueError: for anything else; the message says why.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "socks5h":
        raise ValueError(f"{text!r} is not {_SCHEME}HOST:PORT: no other proxy is known")
    if "@" in rest:
        raise ValueError("a proxy with a password is not known")
    host, port = hostAndPort(rest.removesuffix("/"), _PORT)
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port number, 1 to 65535")
    return normalHost(host), port


class SocksProxy:
    """
    For L{Agent<twisted_netdemo.gopher.agent.Agent>}, as C{endpoint}.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int = _PORT,
        *,
        family: int | None = None,
        addresses: AddressCache | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """
        @param host: of the proxy: a name, or an address without brackets.
        @param family: 4 or 6, for the way to the proxy; the way from there is its own affair.
        @param addresses: which addresses of names have answered, to be shared.
        @param tell: called with a line for each step, for people.
        """
        self._reactor = reactor
        self._host = host
        self._port = port
        self._family = family
        self._addresses = addresses or AddressCache()
        self._tell = tell or (lambda line: None)

    def __call__(self, host: str, port: int) -> IStreamClientEndpoint:
        return _ByProxy(self, host, port)

    async def connect(self, host: str, port: int, factory: IProtocolFactory) -> IProtocol:
        """
        @raise ConnectError: one of ours, which names the proxy.
        """
        proxy = hostPort(self._host, self._port)
        self._tell(f"asking the proxy {proxy} for {hostPort(host, port)}")
        toProxy = directEndpoint(
            self._reactor, self._host, self._port, self._family, self._addresses, self._tell
        )
        try:
            return await SocksEndpoint(toProxy, host, port).connect(factory)
        except SocksError as error:
            raise ProxyFailed(f"{hostPort(host, port)}: {error}") from None
        except (CancelledError, ConnectingCancelledError):
            raise
        except Exception:
            explained = explain(self._host, self._port, Failure())
            if isinstance(explained, CannotResolve):
                raise CannotResolveProxy(f"cannot resolve the proxy {self._host}") from None
            raise CannotConnect(f"the proxy {explained}") from None


@implementer(IStreamClientEndpoint)
class _ByProxy:
    def __init__(self, proxy: SocksProxy, host: str, port: int) -> None:
        self._proxy = proxy
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._proxy.connect(self._host, self._port, protocolFactory))
