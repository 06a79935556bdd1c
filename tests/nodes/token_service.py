# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for the token service of Harbor, Artifactory and their like, run as `python token_service.py SETTINGS`.

It speaks Docker's token authentication and signs what docker-registry's `auth: token` verifies:

- GET with the user's password (Basic): a token for what was asked, as far as it is a pull;
- GET without: a token that allows nothing, so it is the registry that refuses;
- POST with `grant_type=refresh_token`: the same for who holds the identity token;
- POST with a password: 405, as Harbor has it. Clients then ask with GET.

SETTINGS is a JSON file; the access log goes to standard output, in the registry's own format.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hmac
import http.server
import json
import ssl
import sys
import time
import typing as t
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SECONDS = 300
PATH = "/token"

Form = dict[str, list[str]]


@dataclass(frozen=True)
class Settings:
    address: str
    port: int
    certificate: str
    key: str
    signing_certificate: str
    signing_key: str
    issuer: str
    service: str
    user: str
    password: str
    identity_token: str


@dataclass(frozen=True)
class Signer:
    """Writes JSON web tokens with one key; the certificate in them leads to what the registry trusts."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, certificate: str, key: str) -> Signer:
        loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key} is no elliptic curve key")
        return cls(x509.load_pem_x509_certificate(Path(certificate).read_bytes()), loaded)

    def sign(self, claims: dict[str, t.Any]) -> str:
        chain = [base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()]
        head = {"typ": "JWT", "alg": "ES256", "x5c": chain}
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (head, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def granted(scopes: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Of what is asked for (`repository:team/hello:pull,push`) what a puller may have."""
    asked = [scope.split(":", 2) for line in scopes for scope in line.split() if scope.count(":") >= 2]
    return [
        {"type": kind, "name": name, "actions": ["pull"]}
        for kind, name, actions in asked
        if kind == "repository" and "pull" in actions.split(",")
    ]


def claims(settings: Settings, subject: str, access: list[dict[str, t.Any]], *, now: float) -> dict[str, t.Any]:
    return {
        "iss": settings.issuer,
        "sub": subject,
        "aud": settings.service,
        # Clocks may differ by a little even on one machine: the registry looks at another one a moment later.
        "nbf": int(now) - 10,
        "iat": int(now),
        "exp": int(now) + SECONDS,
        "jti": uuid.uuid4().hex,
        "access": access,
    }


def basic(header: str) -> tuple[str, str]:
    """User and password of an Authorization header; empty if it holds none."""
    scheme, _space, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _colon, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    settings: Settings
    signer: Signer
    user = "-"

    def do_GET(self) -> None:
        self.user = "-"
        header = self.headers.get("Authorization")
        if header is None:
            self._answer("", [])
        elif _same(basic(header), (self.settings.user, self.settings.password)):
            self._answer(self.settings.user, self._asked().get("scope", []))
        else:
            self._refuse(HTTPStatus.UNAUTHORIZED, "unknown user or wrong password")

    def do_POST(self) -> None:
        self.user = "-"
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        if form.get("grant_type") != ["refresh_token"]:
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "passwords are taken by GET")
        elif _same(tuple(form.get("refresh_token", [])), (self.settings.identity_token,)):
            self._answer(self.settings.user, form.get("scope", []), field="access_token")
        else:
            self._refuse(HTTPStatus.UNAUTHORIZED, "unknown identity token")

    def _asked(self) -> Form:
        return parse_qs(urlsplit(self.path).query)

    def _answer(self, subject: str, scopes: list[str], *, field: str = "token") -> None:
        self.user = subject or "-"
        token = self.signer.sign(
            claims(self.settings, subject, granted(scopes) if subject else [], now=time.time()),
        )
        issued = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._send(HTTPStatus.OK, {field: token, "expires_in": SECONDS, "issued_at": issued})

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(status, {"errors": [{"code": status.name, "message": why}]})

    def _send(self, status: HTTPStatus, document: dict[str, t.Any]) -> None:
        if urlsplit(self.path).path != PATH:
            status, document = HTTPStatus.NOT_FOUND, {}
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """As the registry logs. Whom a token was made out to stands where logs have the user; secrets are nowhere."""
        when = datetime.datetime.now().astimezone().strftime("%d/%b/%Y:%H:%M:%S %z")
        status = int(code) if isinstance(code, int) else code
        agent = self.headers.get("User-Agent", "")
        line = f'{self.client_address[0]} - {self.user} [{when}] "{self.requestline}" {status} {size} "" "{agent}"'
        print(line, flush=True)

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002
        print(format % args, file=sys.stderr, flush=True)


def _same(given: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return hmac.compare_digest("\0".join(given).encode(), "\0".join(wanted).encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, settings: Settings) -> None:
        handler = type("Handler", (Handler,), {"settings": settings, "signer": _signer(settings)})
        super().__init__((settings.address, settings.port), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.certificate, settings.key)
        # The handshake belongs to the thread of the request: a client that stalls must not keep others waiting.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:  # noqa: ARG002
        """In a line; a client that does not trust the certificate is no mishap here."""
        print(f"{client_address[0]}: {sys.exception()}", file=sys.stderr, flush=True)


def _signer(settings: Settings) -> Signer:
    return Signer.read(settings.signing_certificate, settings.signing_key)


if __name__ == "__main__":
    Server(Settings(**json.loads(Path(sys.argv[1]).read_text()))).serve_forever()
