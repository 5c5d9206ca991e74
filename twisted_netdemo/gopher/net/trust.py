"""
Whom to trust over TLS: the system's roots, a file of them, a pin, or anyone.

Imported only when a C{gophers://} URL is fetched, since OpenSSL takes its time to load.

OpenSSL judges the chain during the handshake. Whose certificate it is, L{Trust.accept} judges after
it, before anything is sent: in Twisted's own callback an exception that it does not expect counts
as consent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from twisted.internet import ssl
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.gopher.errors import (
    CertificateRejected,
    CertificateUndecided,
    FetchError,
    HandshakeFailed,
)
from twisted_netdemo.gopher.net.pins import Pins, PinsLocked
from twisted_netdemo.gopher.url import GopherURL, sameHost
from twisted_netdemo.service.host_port import hostPort

# What OpenSSL finds wrong with a certificate (X509_V_ERR_..., openssl-verification-options(1)).
_UNTRUSTED = "not signed by a trusted authority"
_FAULTS = {
    2: _UNTRUSTED,
    7: "not signed by whom it names",
    9: "not valid yet",
    10: "expired",
    18: "signed by itself, not by a trusted authority",
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    23: "revoked",
    26: "not made for a server",
    66: "too weak: its key is too small",
    67: "too weak: its key is too small",
    68: "too weak: its digest is broken",
    79: "not made for an authority",
}


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
        Look at the certificate after the handshake, before anything is sent. Any exception is a
        refusal.

        @return: a line that tells about it.
        @raise CertificateUndecided: if it is to be asked again a moment later; in the end that is a
            refusal.
        @raise FetchError: if it is not to be trusted.
        """

    def explain(self, reason: Failure, transport: Any) -> FetchError:
        """
        Why the handshake failed.
        """


class _Trust:
    """
    @ivar options: make the context of all connections, which is made once.
    @ivar judgesChain: whether OpenSSL is to.
    """

    options: ssl.CertificateOptions
    judgesChain = False

    def creator(self, host: str) -> IOpenSSLClientConnectionCreator:
        return _Creator(self.options.getContext(), certifiedName(host), self.judgesChain)

    def accept(self, url: GopherURL, transport: Any) -> str:
        return f"{_version(transport)}, certificate {fingerprint(transport)}"

    def explain(self, reason: Failure, transport: Any) -> FetchError:
        error = reason.value
        if not isinstance(error, SSL.Error):
            return HandshakeFailed("the server closed the connection during the TLS handshake")
        faults = transport.getHandle().faults
        if faults:
            return CertificateRejected(_explainFault(*faults[0]))
        return HandshakeFailed(f"the TLS handshake failed: {_words(error) or 'no reason given'}")


class _Connection(SSL.Connection):
    """
    Keeps what OpenSSL finds wrong with certificates.

    @ivar faults: the numbers of the faults, each with how far from the server's own certificate
        that is in which it was found.
    """

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        self.faults: list[tuple[int, int]] = []

    def judgeChain(self) -> None:
        faults = self.faults

        def judged(of: SSL.Connection, certificate: Any, fault: int, depth: int, ok: int) -> bool:
            if not ok:
                faults.append((fault, depth))
            return bool(ok)

        self.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, judged)


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    """
    Makes connections that name the host that is meant.
    """

    def __init__(self, context: SSL.Context, name: str, judgesChain: bool) -> None:
        self._context = context
        self._name = name
        self._judgesChain = judgesChain

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = _Connection(self._context)
        if not _isAddress(self._name):  # names only, RFC 6066 3
            connection.set_tlsext_host_name(self._name.encode())
        if self._judgesChain:
            connection.judgeChain()
        return connection


class Verified(_Trust):
    """
    A certificate that an authority vouches for, for this host: its names and addresses (RFC 9525),
    dates and purpose are judged, and what cannot be judged is refused.

    @param cafile: the path of the authorities' certificates (PEM) to trust instead of the system's.
    @raise OSError: by the constructor, where the file cannot be read.
    @raise ValueError: where it holds no certificate.
    """

    judgesChain = True

    def __init__(self, cafile: str | None = None) -> None:
        roots: Any = ssl.platformTrust()
        if cafile is not None:
            with open(cafile, "rb") as file:
                found = load_pem_x509_certificates(file.read())
            roots = ssl.trustRootFromCertificates(
                [ssl.Certificate(crypto.X509.from_cryptography(each)) for each in found]
            )
        self.options = ssl.CertificateOptions(trustRoot=roots)

    def accept(self, url: GopherURL, transport: Any) -> str:
        name = certifiedName(url.host)
        isAddress = _isAddress(name)
        verify = verify_certificate_ip_address if isAddress else verify_certificate_hostname
        try:
            verify(transport.getPeerCertificate().to_cryptography(), name)
        except VerificationError:
            raise CertificateRejected("the certificate is for another host") from None
        except Exception as error:
            # names against the rules in it, or none; or a host that no certificate can name
            raise CertificateRejected(
                f"the certificate cannot be matched with {name}: {error}"
            ) from None
        return super().accept(url, transport)


class Unverified(_Trust):
    """
    Anyone, at the user's own risk.
    """

    def __init__(self) -> None:
        self.options = ssl.CertificateOptions()


class Pinned(Unverified):
    """
    The certificate that the host and port had when they were first used.

    Nothing but that it is the same is judged: not its names, its dates, nor who signed it.

    @param onFirstUse: called with C{host:port} and the fingerprint, when it is pinned.
    """

    def __init__(self, pins: Pins, onFirstUse: Callable[[str, str], None]) -> None:
        super().__init__()
        self._pins = pins
        self._onFirstUse = onFirstUse

    def accept(self, url: GopherURL, transport: Any) -> str:
        where = hostPort(sameHost(url.host), url.port)
        seen = fingerprint(transport)
        try:
            pinned = self._pins.get(where)
            isFirst = pinned is None
            if pinned is None:
                pinned = self._pins.add(where, seen)
        except PinsLocked as error:
            raise CertificateUndecided(f"the pins cannot be used: {error}") from None
        except OSError as error:
            words = f"{error.filename or self._pins.path}: {error.strerror}"
            raise CertificateRejected(f"the pins cannot be used: {words}") from None
        except Exception as error:
            raise CertificateRejected(f"the pins cannot be used: {error}") from None
        if pinned != seen:
            raise CertificateRejected(
                f"the certificate of {where} has changed: pinned {pinned}, now {seen}; "
                f"if that is right, remove its line from {self._pins.path}"
            )
        if isFirst:
            self._onFirstUse(where, seen)
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


def certifiedName(host: str) -> str:
    """
    A host as certificates name it: without the final dot of a name, and an address's zone.
    """
    return sameHost(host).partition("%")[0]


def _isAddress(name: str) -> bool:
    return isIPAddress(name) or isIPv6Address(name)


def _version(transport: Any) -> str:
    return str(transport.getHandle().get_protocol_version_name())


def _explainFault(fault: int, depth: int) -> str:
    """
    @param depth: how far from the server's own certificate that is which is wrong.
    """
    which = "the certificate of its authority" if depth else "the certificate"
    verb = "has" if fault == 10 else "is"
    return f"{which} {verb} {_FAULTS.get(fault, f'not to be trusted (OpenSSL error {fault})')}"


def _words(error: SSL.Error) -> str:
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(part[-1]) for part in parts if part and part[-1])
