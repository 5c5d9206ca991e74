"""
The errors of a fetch, one class for each case that a caller may want to tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted_netdemo.gopher.body import Verdict
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.url import GopherURL

if TYPE_CHECKING:  # pure modules raise these errors
    from twisted.internet.interfaces import IAddress


class Transfer(Protocol):
    """
    A L{Response<twisted_netdemo.gopher.client.response.Response>} after its end.
    """

    url: GopherURL
    local: IAddress
    remote: IAddress
    verdict: Verdict | None
    serverError: str | None
    seconds: float

    @property
    def size(self) -> int:
        """
        How many bytes came.
        """

    def asText(self, data: bytes) -> str:
        """
        Read bytes that came as a text.
        """

    def asMenu(self, data: bytes) -> list[Item]:
        """
        Read bytes that came as a menu.
        """


class FetchError(Exception):
    """
    A fetch failed; the message is one line for people and may quote the server.

    @ivar response: the response, if one had begun.
    @ivar partial: what came before the failure, if L{Response} was collecting it.
    """

    response: Transfer | None = None
    partial: bytes = b""


class ConnectError(FetchError):
    """
    The fetch failed before the request was sent.
    """


class CannotResolve(ConnectError):
    """
    The host has no address, or none of the wanted family.
    """


class CannotResolveProxy(CannotResolve):
    """
    The proxy has no address.
    """


class CannotConnect(ConnectError):
    """
    None of the host's addresses accepted the connection, or the proxy does not.
    """


class AddressRefused(CannotConnect):
    """
    The C{allow} of an L{Agent<twisted_netdemo.gopher.client.agent.Agent>} refused all of the
    host's addresses.
    """


class ProxyFailed(ConnectError):
    """
    The proxy does not connect to the host.
    """


class ConnectTimedOut(ConnectError):
    """
    Resolving, connecting and the TLS handshake took too long.
    """


class HandshakeFailed(ConnectError):
    """
    Client and server could not agree on TLS.
    """


class CertificateRejected(ConnectError):
    """
    The certificate cannot be trusted: it is not verified, or not the pinned one.
    """


class CertificateUndecided(CertificateRejected):
    """
    Whether to trust the certificate cannot be decided now, but may be a moment later.
    """


class TransferError(FetchError):
    """
    The fetch failed after the request was sent.
    """


class NothingCame(TransferError):
    """
    The connection broke before the first byte.
    """


class ConnectionBroke(TransferError):
    """
    The connection broke after the first byte.
    """


class TimedOut(TransferError):
    """
    The server sent nothing for too long, or the fetch took too long.
    """


class TooLarge(TransferError):
    """
    The body is larger than allowed.
    """


class Aborted(TransferError):
    """
    The client closed the connection.
    """
