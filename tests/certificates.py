"""
Certificates made for one test.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALL_USES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


class Authority:
    """
    Vouches for servers, with a certificate of its own.

    @ivar path: of that certificate.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _build(name, [], 1, 9, self._key.public_key()).sign(
            self._key, hashes.SHA256()
        )
        self.path, _ = _write(folder, name, self._certificate, self._key)

    def issue(
        self,
        name: str,
        names: Sequence[x509.GeneralName],
        days: int = 1,
        since: int = 9,
        uses: Sequence[x509.ObjectIdentifier] = ALL_USES,
    ) -> tuple[Path, Path]:
        """
        A server's certificate and its key, in PEM files.

        @param names: its subjectAltName, which it does not have where there are none.
        @param uses: its extended key usage.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _build(name, names, days, since, key.public_key(), self._certificate.subject)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return _write(self._folder, name, builder.sign(self._key, hashes.SHA256()), key)


def writeCertificate(
    folder: Path, name: str, host: str = "localhost", days: int = 1, since: int = 9
) -> tuple[Path, Path]:
    """
    A self-signed certificate for a host and 127.0.0.1, and its key, in PEM files.

    @param days: how long it is still valid.
    @param since: for how many days it has been.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    if host == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = _build(name, names, days, since, key.public_key())
    return _write(folder, name, builder.sign(key, hashes.SHA256()), key)


def _build(
    name: str,
    names: Sequence[x509.GeneralName],
    days: int,
    since: int,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name | None = None,
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - since * day)
        .not_valid_after(now + days * day)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder


def _write(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    certificatePath, keyPath = folder / f"{name}.pem", folder / f"{name}.key"
    certificatePath.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    keyPath.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificatePath, keyPath


def fingerprint(certificate: Path) -> str:
    """
    Its SHA-256, in hex.
    """
    return (
        x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()
    )
