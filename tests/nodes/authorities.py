# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates for a registry that answers to every name, made anew for one run; the testbed's own are in `pki`."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if t.TYPE_CHECKING:
    from collections.abc import Iterable

_Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
_DAY = datetime.timedelta(days=1)


def certificates(trusted: str, other: str, *, hosts: Iterable[str], addresses: Iterable[str]) -> dict[str, bytes]:
    """PEM files by name: two authorities, a certificate of each for all the hosts, and a client's of the other.

    `trusted` and `other` name the authorities, of which the first is the one to be trusted.
    """
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    first, second = _authority(trusted), _authority(other)
    made = {f"{trusted}-ca.pem": _pem(first[0]), f"{other}-ca.pem": _pem(second[0])}
    for name, authority in ((trusted, first), (other, second), ("client", second)):
        certificate, key = _signed(name, names, authority)
        made[f"{name}.pem"] = _pem(certificate)
        made[f"{name}-key.pem"] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made


def _authority(name: str) -> _Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} CA")])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return _builder(subject, subject, key).add_extension(constraints, critical=True).sign(key, hashes.SHA256()), key


def _signed(name: str, names: list[x509.GeneralName], authority: _Signer) -> _Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = _builder(subject, authority[0].subject, key)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority[1], hashes.SHA256()), key


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now, number = datetime.datetime.now(tz=datetime.UTC), x509.random_serial_number()
    return x509.CertificateBuilder(issuer, subject, key.public_key(), number, now - _DAY, now + 30 * _DAY)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
