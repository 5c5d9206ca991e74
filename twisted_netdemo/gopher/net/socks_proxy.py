"""
Connections through a SOCKS 5 proxy, which resolves the names: Tor, or C{ssh -D}.
"""

from __future__ import annotations

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
from twisted_netdemo.gopher.net.interfaces import IClientReactor, Tell
from twisted_netdemo.gopher.url import hostAndPort, normalHost
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.tcp.socks import SocksEndpoint
from twisted_netdemo.service.tcp.socks_wire import SocksError

_SCHEME = "socks5h://"
_PORT = 1080  # RFC 1928 3


def proxyAddress(text: str) -> tuple[str, int]:
    """
    Parse C{socks5h://HOST:PORT}: as in curl, a SOCKS 5 proxy that resolves the names.

    @raise ValueError: the text is something else; the message says why.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "socks5h":
        raise ValueError(f"{text!r} is not {_SCHEME}HOST:PORT: only SOCKS 5 is supported")
    if "@" in rest:
        raise ValueError("passwords for proxies are not supported")
    host, port = hostAndPort(rest.removesuffix("/"), _PORT)
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port number, 1 to 65535")
    return normalHost(host), port


class SocksProxy:
    """
    A proxy, to be the C{endpoint} of an L{Agent<twisted_netdemo.gopher.client.agent.Agent>}.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        host: str,
        port: int = _PORT,
        *,
        family: int | None = None,
        addresses: AddressCache | None = None,
        tell: Tell | None = None,
    ) -> None:
        """
        @param host: the name of the proxy, or its address without brackets.
        @param family: 4 or 6 to reach the proxy by IPv4 or IPv6 only.
        @param addresses: a cache to share with agents.
        @param tell: called with a line for each step, for people.
        """
        self._reactor = reactor
        self._host = host
        self._port = port
        self._family = family
        self._addresses = addresses or AddressCache()
        self._tell = tell or (lambda line: None)

    def __call__(self, host: str, port: int) -> IStreamClientEndpoint:
        return _ProxiedEndpoint(self, host, port)

    async def connect(self, host: str, port: int, factory: IProtocolFactory) -> IProtocol:
        """
        Connect to a host through the proxy.

        @raise ConnectError: the message names the proxy.
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
class _ProxiedEndpoint:
    """
    The endpoint of a host behind the proxy.
    """

    def __init__(self, proxy: SocksProxy, host: str, port: int) -> None:
        self._proxy = proxy
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._proxy.connect(self._host, self._port, protocolFactory))
