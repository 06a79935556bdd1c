# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries that are broken each in a way of its own, run as `python faulty_registry.py SETTINGS`.

SETTINGS is a JSON file with the address, and where the testbed's CA and its key are. The ports are those of FAULTS.
"""

from __future__ import annotations

import datetime
import hashlib
import http.server
import ipaddress
import json
import ssl
import sys
import tempfile
import threading
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

#: Port of each fault. `dead` has no listener.
FAULTS = {
    "expired": 5450,
    "early": 5451,
    "stranger": 5452,
    "broken": 5453,
    "slow": 5454,
    "limited": 5455,
    "forbidden": 5456,
    "scattered": 5457,
    "portal": 5458,
    "proxy": 5459,
    "lost_issuer": 5460,
    "dead": 5469,
}
TLS = ("expired", "early", "stranger")
SLOW_SECONDS = 60
_CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}'
_DIGEST = f"sha256:{hashlib.sha256(_CONFIG).hexdigest()}"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": _MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _DIGEST, "size": len(_CONFIG)},
        "layers": [],
    }
).encode()


@dataclass(frozen=True)
class Settings:
    address: str
    host: str
    ca: str
    ca_key: str


class Answer(t.NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes = b""


def answer(fault: str, path: str, settings: Settings) -> Answer:
    """What a registry with this fault answers."""
    if fault == "slow":
        time.sleep(SLOW_SECONDS)
    if fault == "limited":
        body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'
        return Answer(429, {"Retry-After": "60", "Content-Type": "application/json"}, body)
    if fault == "forbidden":
        return Answer(403, {"Content-Type": "application/json"}, b'{"errors":[{"code":"DENIED"}]}')
    if fault == "portal":
        return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Sign in</html>")
    if fault == "proxy":
        return Answer(503, {})
    if fault == "lost_issuer":
        realm = f"https://{settings.host}:{FAULTS['dead']}/token"
        return Answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="lost"'})
    if fault == "scattered":
        return _scattered(path, settings)
    return Answer(500, {}, b"storage is gone")


def _scattered(path: str, settings: Settings) -> Answer:
    """It has manifests of its own, and sends to a store that is not there for the rest."""
    if "/blobs/" in path:
        return Answer(307, {"Location": f"http://{settings.host}:{FAULTS['dead']}/store?signature=not-to-be-seen"})
    if "/manifests/" in path:
        digest = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
        return Answer(200, {"Content-Type": _MANIFEST_TYPE, "Docker-Content-Digest": digest}, MANIFEST)
    return Answer(200, {"Docker-Distribution-Api-Version": "registry/2.0"}, b"{}")


def handler(fault: str, settings: Settings) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(fault, self.path, settings)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_CONNECT = do_GET  # noqa: N815 (names that http.server looks for)

        def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002 (http.server's own name)
            """No log: what is of interest is what clients say."""

    return Handler


def certificate(fault: str, settings: Settings) -> bytes:
    """Certificate and key in one PEM, signed by the testbed's CA."""
    ca = x509.load_pem_x509_certificate(Path(settings.ca).read_bytes())
    ca_key = serialization.load_pem_private_key(Path(settings.ca_key).read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{settings.ca_key} is no elliptic curve key")
    now, day = datetime.datetime.now(tz=datetime.UTC), datetime.timedelta(days=1)
    start, end = {"expired": (now - 20 * day, now - 10 * day), "early": (now + 10 * day, now + 20 * day)}.get(
        fault, (now - day, now + 365 * day)
    )
    name = "somebody.example.test" if fault == "stranger" else settings.host
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if fault != "stranger":
        names.append(x509.IPAddress(ipaddress.ip_address(settings.address)))
    key = ec.generate_private_key(ec.SECP256R1())
    signed = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM) + private


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Clients that refuse a certificate are what this is for."""


def serve(fault: str, settings: Settings) -> Server:
    server = Server((settings.address, FAULTS[fault]), handler(fault, settings))
    if fault in TLS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(certificate(fault, settings))
            file.flush()
            context.load_cert_chain(file.name)
        # The handshake is for the thread of each connection: one that hangs must not hold up the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    settings = Settings(**json.loads(Path(sys.argv[1]).read_text()))
    for fault in FAULTS:
        if fault != "dead":
            serve(fault, settings)
    threading.Event().wait()


if __name__ == "__main__":
    main()
