# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys, judged before they reach a node. Private to this collection.

containerd fails every pull of a namespace over one PEM that it cannot use. What is checked is what its TLS library,
Go's, will do with the file. No message repeats anything of a file's content.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.diagnosis import Certificate
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import PemFile

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
except ImportError as error:  # ansible-core needs it too; the action says so if it is missing all the same
    CRYPTOGRAPHY_ERROR: ImportError | None = error
else:
    CRYPTOGRAPHY_ERROR = None

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = b"CERTIFICATE"


@dataclasses.dataclass(frozen=True)
class Pem:
    """What is in a file: certificates in order, and the first private key."""

    certificates: tuple[x509.Certificate, ...] = ()
    key: t.Any = dataclasses.field(default=None, repr=False)

    @property
    def summary(self) -> str:
        """For diffs: one line a certificate, and of a key only that there is one."""
        lines = [_describe(certificate) for certificate in self.certificates]
        return "\n".join([*lines, *(["private key (not shown)"] if self.key else [])]) + "\n"

    def expiry_warnings(self, source: str, now: datetime.datetime) -> list[str]:
        return [
            f"{source}: {_describe(certificate)} {'has expired' if _end(certificate) < now else 'is not valid yet'}"
            for certificate in self.certificates
            if not _start(certificate) <= now <= _end(certificate)
        ]


def judge(
    intent: Intent, contents: t.Mapping[str, bytes], now: datetime.datetime
) -> tuple[dict[str, PemFile], list[str]]:
    """The files beside the play as they may be copied, by the name that the user wrote, and what is odd about them.

    :raises DomainError: one cannot be used for what it is named for.
    """
    parsed = {
        source: read_pem(content, source=source, option=intent.sources[source]) for source, content in contents.items()
    }
    check_use(intent, parsed)
    files = {
        source: PemFile(source, contents[source], is_secret=pem.key is not None, summary=pem.summary)
        for source, pem in parsed.items()
    }
    return files, [text for source, pem in parsed.items() for text in pem.expiry_warnings(source, now)]


def read_pem(content: bytes, *, source: str, option: str) -> Pem:
    """Parses a file.

    :raises DomainError: it has no PEM block, or one that cannot be used.
    """
    if not content.strip():
        raise DomainError(f"{source} is empty", option=option, fix="Name a file with a PEM certificate in it.")
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(content)]
    if not blocks:
        der = content[:1] == b"\x30"
        fix = "Convert it: openssl x509 -inform der -in FILE." if der else "It must have a -----BEGIN ...----- line."
        raise DomainError(f"{source} is not PEM{', but DER' if der else ''}", option=option, fix=fix)
    certificates = tuple(
        _certificate(block, number, source=source, option=option)
        for number, block in enumerate((block for label, block in blocks if label == _CERTIFICATE), start=1)
    )
    key = next((block for label, block in blocks if label.endswith(b"PRIVATE KEY")), None)
    return Pem(certificates, None if key is None else _private_key(key, source=source, option=option))


def read_certificate(der: bytes) -> Certificate | None:
    """What of a certificate that a server has shown decides whether it is accepted; None for what does not parse."""
    try:
        found = x509.load_der_x509_certificate(der)
        subject, issuer = _common_name(found.subject), _common_name(found.issuer)
        return Certificate(subject, issuer, _names_of(found), _start(found), _end(found))
    except (NameError, ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        # Without the library the name is not there.
        return None


def _common_name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "nobody"


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress)))


def check_ca(pem: Pem, *, source: str, option: str) -> None:
    """:raises DomainError: not fit for ``ca``."""
    if not pem.certificates:
        raise DomainError(f"{source} has no certificate in it", option=option, fix="Name the CA's certificate.")
    if pem.key is not None:
        raise DomainError(
            f"{source} has a private key in it, and a CA's key does not belong on a node",
            option=option,
            fix="Name a file with the certificate alone.",
        )


def check_client(certificate: Pem, key: Pem, *, sources: tuple[str, ...], option: str) -> None:
    """:raises DomainError: not fit for ``client``. A file that holds both is given as certificate and as key."""
    first, last = sources[0], sources[-1]
    if not certificate.certificates:
        raise DomainError(
            f"{first} has no certificate in it", option=option, fix="Write a list of pairs: [[certificate, key]]."
        )
    if key.key is None:
        raise DomainError(
            f"{last} has no private key in it",
            option=option,
            fix=f"Write a list of pairs: [[{first}, key]]." if len(sources) == 1 else "Name the key's file.",
        )
    if _public_bytes(certificate.certificates[0].public_key()) != _public_bytes(key.key.public_key()):
        where = f"{last} is not" if len(sources) > 1 else f"the key in {first} is not"
        raise DomainError(
            f"{where} the key of the first certificate in {first}",
            option=option,
            fix="Put the client's own certificate first, and name the key that it was made with.",
        )


def check_use(intent: Intent, parsed: t.Mapping[str, Pem]) -> None:
    """Checks each of the files for what it is named for.

    :raises DomainError: one cannot be used for it.
    """
    for registry in intent.registries:
        for endpoint in registry.endpoints:
            for source in filter(parsed.__contains__, endpoint.host.ca):
                check_ca(parsed[source], source=source, option=endpoint.option_of("ca"))
            for files in endpoint.host.client:
                if all(source in parsed for source in files):
                    check_client(
                        parsed[files[0]], parsed[files[-1]], sources=files, option=endpoint.option_of("client")
                    )


def _certificate(block: bytes, number: int, *, source: str, option: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(block)
        _public_bytes(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise DomainError(
            f"certificate {number} in {source} does not parse", option=option, fix="Look at it: openssl x509 -in FILE."
        ) from None
    return certificate


def _private_key(block: bytes, *, source: str, option: str) -> t.Any:
    try:
        return serialization.load_pem_private_key(block, password=None)
    except TypeError:
        what, fix = "is encrypted, which containerd cannot read", "Decrypt it: openssl pkey -in FILE."
    except (ValueError, UnsupportedAlgorithm):
        what, fix = "does not parse", "Look at it: openssl pkey -in FILE -noout."
    raise DomainError(f"the private key in {source} {what}", option=option, fix=fix)


def _public_bytes(key: t.Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _describe(certificate: x509.Certificate) -> str:
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()[:16]
    return f"certificate {certificate.subject.rfc4514_string()} until {_end(certificate):%Y-%m-%d} sha256 {fingerprint}"


def _start(certificate: x509.Certificate) -> datetime.datetime:
    return _utc(certificate, "not_valid_before")


def _end(certificate: x509.Certificate) -> datetime.datetime:
    return _utc(certificate, "not_valid_after")


def _utc(certificate: x509.Certificate, name: str) -> datetime.datetime:
    # Before cryptography 42 there are only the names without a time zone, which later ones warn about.
    aware: datetime.datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=datetime.UTC)
