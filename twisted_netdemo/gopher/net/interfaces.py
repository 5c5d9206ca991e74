"""
The interfaces of Twisted that Gopher connections need.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import (
    IPushProducer,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    ITCPTransport,
)

if TYPE_CHECKING:  # plain Gopher does not wait for OpenSSL to load
    from OpenSSL import SSL, crypto

#: Called with a line for each step of a fetch, for people.
Tell = Callable[[str], None]


class IClientReactor(IReactorTime, IReactorTCP, IReactorPluggableNameResolver):
    """
    A reactor that tells the time, connects by TCP and resolves names.
    """


class IGopherTransport(ITCPTransport, IPushProducer):
    """
    TCP, or TLS over it; the methods here are those of TLS.
    """

    def getPeerCertificate() -> crypto.X509:
        """
        The server's certificate.
        """

    def getHandle() -> SSL.Connection:
        """
        OpenSSL's connection.
        """
