"""
Why a fetch failed: one class for each thing that a caller may want to tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_netdemo.gopher.response import Response


class FetchError(Exception):
    """
    A fetch failed; the message is one line for people, in which the peer's words may occur.

    @ivar response: the response, where one had begun.
    @ivar partial: what came before the failure, where L{Response} was collecting it.
    """

    response: Response | None = None
    partial: bytes = b""


class ConnectError(FetchError):
    """
    It failed before the request was sent.
    """


class CannotResolve(ConnectError):
    """
    The host has no address, or none of the family asked for.
    """


class CannotResolveProxy(CannotResolve):
    """
    The same of the proxy.
    """


class CannotConnect(ConnectError):
    """
    None of its addresses took the connection, or the proxy does not.
    """


class AddressRefused(CannotConnect):
    """
    It has no address that may be connected to, as L{Agent<twisted_netdemo.gopher.agent.Agent>} was
    told.
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
    TLS could not be agreed on.
    """


class CertificateRejected(ConnectError):
    """
    The certificate is not one to trust: not verified, or not the one that was pinned.
    """


class CertificateUndecided(CertificateRejected):
    """
    It cannot be told yet whether to trust it, but may be a moment later.
    """


class TransferError(FetchError):
    """
    It failed after the request was sent.
    """


class NothingCame(TransferError):
    """
    The connection broke before the first byte.
    """


class ConnectionBroke(TransferError):
    """
    The connection broke after something had come.
    """


class TimedOut(TransferError):
    """
    Nothing came for too long, or all of it took too long.
    """


class TooLarge(TransferError):
    """
    More came than was allowed.
    """


class Aborted(TransferError):
    """
    Our own side closed the connection.
    """
