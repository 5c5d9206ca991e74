"""
Whom to trust over TLS: the system's roots, a file of them, a pin, or anyone.

Imported only when a C{gophers://} URL is fetched, since OpenSSL takes its time to load.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from twisted.internet import ssl
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from .errors import CertificateRejected, FetchError, HandshakeFailed
from .pins import Pins
from .url import GopherURL, hostPort


class Trust(Protocol):
    """
    How a server shows that it is the one that was meant.
    """

    def creator(self, host: str) -> IOpenSSLClientConnectionCreator:
        """
        What makes the connection to this host.
        """

    def accept(self, url: GopherURL, transport: Any) -> str:
        """
        Look at the certificate after the handshake, before anything is sent.

        @return: a line that tells about it.
        @raise FetchError: if it is not to be trusted.
        """

    def explain(self, reason: Failure, transport: Any) -> FetchError:
        """
        Why the handshake failed.
        """

    def rejection(self, reason: Failure) -> FetchError | None:
        """
        Why the certificate was refused after the handshake, if it was.
        """


class _Trust:
    def accept(self, url: GopherURL, transport: Any) -> str:
        return f"{_version(transport)}, certificate {fingerprint(transport)}"

    def explain(self, reason: Failure, transport: Any) -> FetchError:
        error = reason.value
        rejected = self.rejection(reason)
        if rejected is not None:
            return rejected
        if isinstance(error, SSL.Error):
            words = _words(error)
            if "certificate verify failed" in words:
                return CertificateRejected(_mistrust(transport))
            return HandshakeFailed(f"the TLS handshake failed: {words or 'no reason given'}")
        return HandshakeFailed("the server closed the connection during the TLS handshake")

    def rejection(self, reason: Failure) -> FetchError | None:
        if isinstance(reason.value, VerificationError):
            return CertificateRejected("the certificate is for another host")
        return None


class Verified(_Trust):
    """
    A certificate that an authority vouches for.

    @param cafile: the path of the authorities' certificates (PEM) to trust instead of the system's.
    @raise OSError: by the constructor, where the file cannot be read.
    @raise ValueError: where it holds no certificate.
    """

    def __init__(self, cafile: str | None = None) -> None:
        self._roots: Any = None
        if cafile is not None:
            with open(cafile, "rb") as file:
                found = load_pem_x509_certificates(file.read())
            self._roots = ssl.trustRootFromCertificates(
                [ssl.Certificate(crypto.X509.from_cryptography(each)) for each in found]
            )

    def creator(self, host: str) -> IOpenSSLClientConnectionCreator:
        return ssl.optionsForClientTLS(_name(host), trustRoot=self._roots)


@implementer(IOpenSSLClientConnectionCreator)
class _AnyCertificate:
    def __init__(self, host: str) -> None:
        self._host = _name(host)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(ssl.CertificateOptions().getContext(), None)
        if ":" not in self._host and not self._host.replace(".", "").isdigit():
            connection.set_tlsext_host_name(self._host.encode())  # names only, RFC 6066 3
        return connection


class Unverified(_Trust):
    """
    Anyone, at the user's own risk.
    """

    def creator(self, host: str) -> IOpenSSLClientConnectionCreator:
        return _AnyCertificate(host)


class Pinned(Unverified):
    """
    The certificate that the host and port had when they were first used.

    @param onFirstUse: called with C{host:port} and the fingerprint, when it is pinned.
    """

    def __init__(self, pins: Pins, onFirstUse: Callable[[str, str], None]) -> None:
        self._pins = pins
        self._onFirstUse = onFirstUse

    def accept(self, url: GopherURL, transport: Any) -> str:
        where = hostPort(url.host, url.port)
        seen = fingerprint(transport)
        try:
            pinned = self._pins.get(where)
            if pinned is None:
                self._pins.add(where, seen)
                self._onFirstUse(where, seen)
        except (OSError, ValueError) as error:
            raise CertificateRejected(f"the pins cannot be used: {error}") from None
        if pinned not in (None, seen):
            raise CertificateRejected(
                f"the certificate of {where} has changed: pinned {pinned}, now {seen}; "
                f"if that is right, remove its line from {self._pins.path}"
            )
        return super().accept(url, transport)


class _TLSTransport(BufferingTLSTransport):
    """
    Tells the protocol above how TCP ended, which TLS mixes with how it ended itself.
    """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        above: Any = self.wrappedProtocol
        above.tcpEnd = reason
        super().connectionLost(reason)


def overTLS(
    factory: IProtocolFactory, trust: Trust, host: str, clock: IReactorTime
) -> IProtocolFactory:
    """
    A factory for the same protocols, over TLS.
    """
    wrapped = TLSMemoryBIOFactory(trust.creator(host), True, factory, clock)
    wrapped.protocol = _TLSTransport
    return wrapped


def fingerprint(transport: Any) -> str:
    """
    The SHA-256 of a server's certificate, in hex.
    """
    digest: bytes = transport.getPeerCertificate().digest("sha256")
    return digest.decode().replace(":", "").lower()


def _name(host: str) -> str:
    return host.partition("%")[0].removesuffix(".")


def _version(transport: Any) -> str:
    return str(transport.getHandle().get_protocol_version_name())


def _mistrust(transport: Any) -> str:
    """
    What is wrong with a certificate that OpenSSL did not verify.
    """
    for certificate in (transport.getHandle().get_peer_cert_chain() or [])[:1]:
        if certificate.has_expired():
            return "the certificate has expired"
        # ASN.1's own form of a time, whose order is that of its letters
        if (certificate.get_notBefore() or b"") > f"{datetime.now(UTC):%Y%m%d%H%M%SZ}".encode():
            return "the certificate is not valid yet"
        names = certificate.to_cryptography()
        if names.issuer == names.subject:
            return "the certificate is signed by itself, not by a trusted authority"
    return "the certificate is not signed by a trusted authority"


def _words(error: SSL.Error) -> str:
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(part[-1]) for part in parts if part and part[-1])
