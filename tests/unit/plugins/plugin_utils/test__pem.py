# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEMs that containerd could not use, each with its error."""

from __future__ import annotations

import datetime
import functools
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._pem import Pem, check_ca, check_client, read_pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
YEAR = datetime.timedelta(days=365)
Key = t.Any


@functools.cache
def key(name: str) -> Key:
    if name.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ed25519.Ed25519PrivateKey.generate() if name.startswith("ed") else ec.generate_private_key(ec.SECP256R1())


@functools.cache
def certificate(
    name: str = "a", *, start: datetime.datetime = NOW - YEAR, end: datetime.datetime = NOW + YEAR
) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key(name).public_key(), 1, start, end)
    signed = builder.sign(key(name), None if name.startswith("ed") else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def private(name: str = "a", *, old_style: bool = False, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    style = serialization.PrivateFormat.TraditionalOpenSSL if old_style else serialization.PrivateFormat.PKCS8
    encoded: bytes = key(name).private_bytes(serialization.Encoding.PEM, style, encryption)
    return encoded


def der() -> bytes:
    return x509.load_pem_x509_certificate(certificate()).public_bytes(serialization.Encoding.DER)


def broken(pem: bytes) -> bytes:
    """The same block with its content cut short."""
    first, *middle, last = pem.strip().split(b"\n")
    return b"\n".join([first, *middle[: len(middle) // 2], last]) + b"\n"


def read(content: bytes, source: str = "file.pem") -> Pem:
    return read_pem(content, source=source, option="option")


UNREADABLE: dict[str, tuple[t.Callable[[], bytes], str]] = {
    "empty": (lambda: b" \n", "file.pem is empty. Name a file with a PEM certificate in it."),
    "text": (lambda: b"hello\n", "file.pem is not PEM. It must have a -----BEGIN ...----- line."),
    "DER": (der, "file.pem is not PEM, but DER. Convert it: openssl x509 -inform der -in FILE."),
    "block without end": (
        lambda: certificate().replace(b"END", b"FIN"),
        "file.pem is not PEM. It must have a -----BEGIN ...----- line.",
    ),
    "broken certificate": (
        lambda: certificate() + broken(certificate()),
        "certificate 2 in file.pem does not parse. Look at it: openssl x509 -in FILE.",
    ),
    "broken key": (
        lambda: certificate() + broken(private()),
        "the private key in file.pem does not parse. Look at it: openssl pkey -in FILE -noout.",
    ),
    "encrypted key": (
        lambda: private(password=b"hush"),
        "the private key in file.pem is encrypted, which containerd cannot read. Decrypt it: openssl pkey -in FILE.",
    ),
    "encrypted key of the old kind": (
        lambda: private(old_style=True, password=b"hush"),
        "the private key in file.pem is encrypted, which containerd cannot read. Decrypt it: openssl pkey -in FILE.",
    ),
}

# PEMs of certificate and key (None: one file for both), their names
CLIENTS: dict[str, tuple[t.Callable[[], bytes], t.Callable[[], bytes] | None]] = {
    "pair": (certificate, private),
    "pair, old style": (certificate, lambda: private(old_style=True)),
    "pair, RSA": (lambda: certificate("rsa"), lambda: private("rsa")),
    "pair, Ed25519": (lambda: certificate("ed"), lambda: private("ed")),
    "chain": (lambda: certificate() + certificate("b"), private),
    "one file": (lambda: certificate() + private(), None),
    "one file, key first": (lambda: private() + certificate(), None),
    "text around": (lambda: b"subject: a\r\n" + certificate().replace(b"\n", b"\r\n"), private),
}

BAD_CLIENTS: dict[str, tuple[t.Callable[[], bytes], t.Callable[[], bytes] | None, str]] = {
    "key alone": (private, None, "one.pem has no certificate in it. Write a list of pairs: [[certificate, key]]."),
    "certificate alone": (
        certificate,
        None,
        "one.pem has no private key in it. Write a list of pairs: [[one.pem, key]].",
    ),
    "wrong order": (
        private,
        certificate,
        "one.pem has no certificate in it. Write a list of pairs: [[certificate, key]].",
    ),
    "two certificates": (certificate, certificate, "two.pem has no private key in it. Name the key's file."),
    "another key": (
        certificate,
        lambda: private("b"),
        "two.pem is not the key of the first certificate in one.pem. "
        "Put the client's own certificate first, and name the key that it was made with.",
    ),
    "another kind of key": (
        certificate,
        lambda: private("rsa"),
        "two.pem is not the key of the first certificate in one.pem. "
        "Put the client's own certificate first, and name the key that it was made with.",
    ),
    "chain in the wrong order": (
        lambda: certificate("b") + certificate() + private(),
        None,
        "the key in one.pem is not the key of the first certificate in one.pem. "
        "Put the client's own certificate first, and name the key that it was made with.",
    ),
}


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(content: t.Callable[[], bytes], message: str) -> None:
    with pytest.raises(DomainError) as raised:
        read(content())
    assert str(raised.value) == f"option: {message}"


def client(one: t.Callable[[], bytes], two: t.Callable[[], bytes] | None) -> None:
    first = read(one(), "one.pem")
    last, sources = (read(two(), "two.pem"), ("one.pem", "two.pem")) if two else (first, ("one.pem",))
    check_client(first, last, sources=sources, option="option")


@pytest.mark.parametrize(("one", "two"), CLIENTS.values(), ids=CLIENTS)
def test_client(one: t.Callable[[], bytes], two: t.Callable[[], bytes] | None) -> None:
    client(one, two)


@pytest.mark.parametrize(("one", "two", "message"), BAD_CLIENTS.values(), ids=BAD_CLIENTS)
def test_bad_client(one: t.Callable[[], bytes], two: t.Callable[[], bytes] | None, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        client(one, two)
    assert str(raised.value) == f"option: {message}"


def test_ca() -> None:
    check_ca(read(certificate() + certificate("b")), source="file.pem", option="option")


BAD_CAS: dict[str, tuple[t.Callable[[], bytes], str]] = {
    "no certificate": (
        lambda: (
            key("a")
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        ),
        "file.pem has no certificate in it. Name the CA's certificate.",
    ),
    "with its key": (
        lambda: certificate() + private(),
        "file.pem has a private key in it, and a CA's key does not belong on a node. "
        "Name a file with the certificate alone.",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_CAS.values(), ids=BAD_CAS)
def test_bad_ca(content: t.Callable[[], bytes], message: str) -> None:
    with pytest.raises(DomainError) as raised:
        check_ca(read(content()), source="file.pem", option="option")
    assert str(raised.value) == f"option: {message}"


def test_expiry() -> None:
    late = certificate("late", start=NOW + YEAR, end=NOW + 2 * YEAR)
    past = certificate("past", start=NOW - 2 * YEAR, end=NOW - YEAR)
    warnings = read(certificate() + past + late).expiry_warnings("file.pem", NOW)
    assert [warning.partition(" sha256 ")[0] for warning in warnings] == [
        "file.pem: certificate CN=past until 2025-01-01",
        "file.pem: certificate CN=late until 2028-01-01",
    ]
    assert [warning.rpartition(" sha256 ")[2].split(" ", 1)[1] for warning in warnings] == [
        "has expired",
        "is not valid yet",
    ]


def test_neither_summary_nor_representation_shows_a_key() -> None:
    pem = read(certificate() + private())
    assert pem.summary.splitlines()[1] == "private key (not shown)"
    body = private().split(b"\n")[1].decode()
    assert body not in pem.summary + repr(pem)
