"""Certificates and keys of one cluster: a CA and what it signs. They live as long as the cluster, on this machine only.

Elliptic keys everywhere: they are made in milliseconds, and service account tokens signed with them are cheap to check.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devcluster.home import private_directory

LIFETIME = dt.timedelta(days=3650)
LEEWAY = dt.timedelta(hours=1)  # a clock that is set back must not make a new cluster unusable


@dataclass(frozen=True)
class Subject:
    """Whom a certificate is for. As a client: user name and groups. As a server: the names it answers to."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class Authority:
    """A new certificate authority that writes what it issues into one folder as NAME.crt and NAME.key."""

    def __init__(self, directory: Path) -> None:
        """Make the authority's own key and certificate: ca.crt, ca.key."""
        self._directory = private_directory(directory)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("devcluster-ca", ())
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._write("ca", self._key, self._certificate)

    def issue(self, subject: Subject) -> None:
        """Write a certificate that serves as a client's and, if the subject has hosts, as a server's."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = self._builder(_name(subject.user, subject.groups), key)
        if subject.hosts:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names = x509.SubjectAlternativeName([_general_name(host) for host in subject.hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._write(subject.file, key, certificate)

    def key_pair(self, file: str) -> None:
        """Write a bare key pair as NAME.key and NAME.pub: the API server signs service account tokens with it."""
        key = ec.generate_private_key(ec.SECP256R1())
        self._write(file, key, None)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self._directory / f"{file}.pub").write_bytes(public)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LEEWAY)
            .not_valid_after(now + LIFETIME)
        )

    def _write(self, file: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate | None) -> None:
        path = self._directory / f"{file}.key"
        path.touch(0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        if certificate:
            (self._directory / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def create_pki(directory: Path, subjects: Sequence[Subject]) -> None:
    """Write a new CA (ca), the service account key pair (service-account) and a certificate for each subject."""
    authority = Authority(directory)
    authority.key_pair("service-account")
    for subject in subjects:
        authority.issue(subject)


def _name(user: str, groups: Sequence[str]) -> x509.Name:
    # Kubernetes reads the user from CN and the groups from O.
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
