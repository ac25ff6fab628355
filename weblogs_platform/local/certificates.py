"""A certificate authority of its own for each stack, and the certificates that its servers show.

Nothing outside the stack's folder trusts it. The keys never leave the folder (mode 0600).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weblogs_platform.local.files import write_private

_VALID = dt.timedelta(days=3650)
_RENEW_BEFORE = dt.timedelta(days=30)


@dataclass(frozen=True)
class CertificateFiles:
    """PEM files: the authority that clients trust, a certificate it signed, and that certificate's key."""

    authority: Path
    certificate: Path
    key: Path


def certificate_files(folder: Path, name: str) -> CertificateFiles:
    """`name`-ca.pem, `name`.pem and `name`-key.pem in the folder: kept while valid, else made anew."""
    files = CertificateFiles(folder / f"{name}-ca.pem", folder / f"{name}.pem", folder / f"{name}-key.pem")
    if not _usable(files):
        _issue(files, name)
    return files


def trust_bundle(path: Path, authority: Path) -> Path:
    """Writes the system's authorities plus this one: a process told to trust the file still reaches the web."""
    system = ssl.get_default_verify_paths().cafile
    certificates = Path(system).read_text(encoding="utf-8") if system and Path(system).is_file() else ""
    write_private(path, certificates + authority.read_text(encoding="utf-8"))
    return path


def _usable(files: CertificateFiles) -> bool:
    try:
        parsed = [
            x509.load_pem_x509_certificate(p.read_bytes()) for p in (files.authority, files.certificate)
        ]
        serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return False
    limit = dt.datetime.now(dt.UTC) + _RENEW_BEFORE
    return all(certificate.not_valid_after_utc > limit for certificate in parsed)


def _issue(files: CertificateFiles, name: str) -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = _name(f"weblogs {name} authority")
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(_name("localhost"), authority_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(_server_and_client(), critical=False)
        .add_extension(_loopback_names(), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    # The authority's own key is not kept: it signs once.
    write_private(files.key, _pem_key(key))
    write_private(files.certificate, _pem(certificate))
    write_private(files.authority, _pem(authority))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # clocks of containers on one host differ
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _server_and_client() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _loopback_names() -> x509.SubjectAlternativeName:
    addresses = [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    return x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses])


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode()
