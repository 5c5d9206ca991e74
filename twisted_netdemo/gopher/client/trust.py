"""
Which servers to trust over TLS: those with a certificate of an authority or a pinned one, or all.

This module is only imported to fetch a C{gophers://} URL, since OpenSSL takes long to load.

OpenSSL verifies the chain during the handshake. L{Trust.accept} compares the host's name after the
handshake, before the request is sent: in Twisted's own callback an exception that it does not
expect would count as consent.
"""

from __future__ import annotations

from collections.abc import Callable

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
from twisted.protocols.tls import (
    BufferingTLSTransport,
    TLSMemoryBIOFactory,
    TLSMemoryBIOProtocol,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.gopher.client.connection import GopherConnection
from twisted_netdemo.gopher.errors import (
    CertificateRejected,
    CertificateUndecided,
    FetchError,
    HandshakeFailed,
)
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.gopher.net.interfaces import IGopherTransport
from twisted_netdemo.gopher.net.pins import Pins, PinsLocked
from twisted_netdemo.gopher.url import GopherURL, sameHost
from twisted_netdemo.service.host_port import hostPort

# OpenSSL's reasons to reject a certificate (X509_V_ERR_..., openssl-verification-options(1)).
_UNTRUSTED = "not signed by a trusted authority"
_FAULTS = {
    2: _UNTRUSTED,
    7: "not signed by the authority that it names",
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


class _Trust:
    """
    @ivar options: the options for OpenSSL's context, which all connections share.
    @ivar verifiesChain: whether OpenSSL verifies the chain.
    """

    options: ssl.CertificateOptions
    verifiesChain = False

    def creator(self, host: str) -> IOpenSSLClientConnectionCreator:
        return _Creator(self.options.getContext(), certifiedName(host), self.verifiesChain)

    def accept(self, url: GopherURL, transport: IGopherTransport) -> str:
        return f"{_version(transport)}, certificate {fingerprint(transport)}"

    def explain(self, reason: Failure, transport: IGopherTransport) -> FetchError:
        error = reason.value
        if not isinstance(error, SSL.Error):
            return HandshakeFailed("the server closed the connection during the TLS handshake")
        handle = transport.getHandle()
        if isinstance(handle, _Connection) and handle.faults:
            return CertificateRejected(_explainFault(*handle.faults[0]))
        return HandshakeFailed(f"the TLS handshake failed: {_words(error) or 'no reason given'}")


class _Connection(SSL.Connection):
    """
    Keeps the reasons for which OpenSSL rejects certificates.

    @ivar faults: the number of each reason, and the depth of the certificate in the chain: 0 for
        the server's own.
    """

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        self.faults: list[tuple[int, int]] = []

    def verifyChain(self) -> None:
        faults = self.faults

        def verified(
            of: SSL.Connection, certificate: crypto.X509, fault: int, depth: int, ok: int
        ) -> bool:
            if not ok:
                faults.append((fault, depth))
            return bool(ok)

        self.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verified)


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    """
    Makes connections that tell the server the host's name (SNI, RFC 6066 3).
    """

    def __init__(self, context: SSL.Context, name: str, verifiesChain: bool) -> None:
        self._context = context
        self._name = name
        self._verifiesChain = verifiesChain

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = _Connection(self._context)
        if not _isAddress(self._name):
            connection.set_tlsext_host_name(self._name.encode())
        if self._verifiesChain:
            connection.verifyChain()
        return connection


class Verified(_Trust):
    """
    Trust servers with a certificate of an authority. It has to be for this host, by name or address
    (RFC 9525), valid today, and made for servers; a check that cannot be made counts as failed.

    @param cafile: the path of a PEM file with the authorities to trust instead of the system's.
    @raise OSError: the file cannot be read.
    @raise ValueError: the file contains no certificate.
    """

    verifiesChain = True

    def __init__(self, cafile: str | None = None) -> None:
        if cafile is None:
            self.options = ssl.CertificateOptions(trustRoot=ssl.platformTrust())
            return
        with open(cafile, "rb") as file:
            found = load_pem_x509_certificates(file.read())
        roots = [ssl.Certificate(crypto.X509.from_cryptography(each)) for each in found]
        self.options = ssl.CertificateOptions(trustRoot=ssl.trustRootFromCertificates(roots))

    def accept(self, url: GopherURL, transport: IGopherTransport) -> str:
        name = certifiedName(url.host)
        isAddress = _isAddress(name)
        verify = verify_certificate_ip_address if isAddress else verify_certificate_hostname
        try:
            verify(transport.getPeerCertificate().to_cryptography(), name)
        except VerificationError:
            raise CertificateRejected("the certificate is for another host") from None
        except Exception as error:
            # the names in it break the rules or are missing, or none can match such a host
            raise CertificateRejected(
                f"the certificate cannot be matched with {name}: {error}"
            ) from None
        return super().accept(url, transport)


class Unverified(_Trust):
    """
    Trust every server, at the user's own risk.
    """

    def __init__(self) -> None:
        self.options = ssl.CertificateOptions()


class Pinned(Unverified):
    """
    Trust the certificate that a host and port had at the first use. Its names, its dates and its
    signature are not checked.

    @param onFirstUse: called with C{host:port} and the fingerprint after pinning.
    """

    def __init__(self, pins: Pins, onFirstUse: Callable[[str, str], None]) -> None:
        super().__init__()
        self._pins = pins
        self._onFirstUse = onFirstUse

    def accept(self, url: GopherURL, transport: IGopherTransport) -> str:
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
    Tells the L{GopherConnection} how TCP ended: C{connectionLost} only says how TLS did.
    """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        above = self.wrappedProtocol
        if isinstance(above, GopherConnection):
            above.tcpEnd = reason
        super().connectionLost(reason)


def overTLS(
    factory: IProtocolFactory, trust: Trust, host: str, clock: IReactorTime
) -> IProtocolFactory:
    """
    A factory of the same protocols over TLS.
    """
    wrapped = TLSMemoryBIOFactory(trust.creator(host), True, factory, clock)
    wrapped.protocol = _TLSTransport
    return wrapped


def fingerprint(transport: IGopherTransport) -> str:
    """
    The SHA-256 of a server's certificate, in hex.
    """
    digest: bytes = transport.getPeerCertificate().digest("sha256")
    return digest.decode().replace(":", "").lower()


def certifiedName(host: str) -> str:
    """
    A host as certificates name it: without the final dot of a name or the zone of an address.
    """
    return sameHost(host).partition("%")[0]


def _isAddress(name: str) -> bool:
    return isIPAddress(name) or isIPv6Address(name)


def _version(transport: IGopherTransport) -> str:
    return str(transport.getHandle().get_protocol_version_name())


def _explainFault(fault: int, depth: int) -> str:
    """
    @param depth: of the rejected certificate in the chain: 0 for the server's own.
    """
    which = "the certificate of its authority" if depth else "the certificate"
    verb = "has" if fault == 10 else "is"
    return f"{which} {verb} {_FAULTS.get(fault, f'not to be trusted (OpenSSL error {fault})')}"


def _words(error: SSL.Error) -> str:
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(part[-1]) for part in parts if part and part[-1])
