# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that has no image, answers to every name on every port, and writes down who asked it for what.

It runs on the node itself, so that names, addresses and ports can be whatever a configuration says: http and https on
the same port, told apart by the first byte. Hosts whose name begins with "private" have a certificate of another
authority than the rest. Of a handshake that fails, the name is written down.

    python3 logging_registry.py DIRECTORY PORT...
"""

from __future__ import annotations

import itertools
import json
import socket
import socketserver
import ssl
import sys
import threading
import typing as t
from pathlib import Path

DIRECTORY = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
DEFAULT_PORTS = {"http": 80, "https": 443}
LOCK = threading.Lock()
NUMBERS = itertools.count()


def context(name: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(DIRECTORY / f"{name}.pem", DIRECTORY / f"{name}-key.pem")
    made.load_verify_locations(DIRECTORY / "private-ca.pem")
    made.verify_mode = ssl.CERT_OPTIONAL
    return made


def write_down(**entry: t.Any) -> None:
    with LOCK, (DIRECTORY / "requests").open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        # The order of connections is that of asking; when they end is up to this machine.
        self.number = next(NUMBERS)
        write_down(begins=self.number)
        self.request.settimeout(10)
        connection: t.Any = self.request
        scheme, name = "http", ""
        try:
            if connection.recv(1, socket.MSG_PEEK) == b"\x16":
                scheme = "https"
                connection, name = self.with_tls()
            head = b""
            while b"\r\n\r\n" not in head:
                received = connection.recv(4096)
                if not received:
                    raise ConnectionError
                head += received
        except OSError:
            self.refused(scheme, name)
            return
        client = bool(connection.getpeercert()) if scheme == "https" else False
        self.answer(connection, head.decode("latin-1"), scheme=scheme, client=client)

    def with_tls(self) -> tuple[ssl.SSLSocket, str]:
        asked: list[str] = []

        def choose(on: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            asked.append(name or "")
            on.context = PRIVATE if (name or "").startswith("private") else PUBLIC

        outer = context("public")
        outer.sni_callback = choose
        try:
            return outer.wrap_socket(self.request, server_side=True), "".join(asked)
        except OSError:
            self.name = "".join(asked)
            raise

    def refused(self, scheme: str, name: str) -> None:
        """The certificate is not trusted, or no request came."""
        port = t.cast("tuple[str, int]", self.server.server_address)[1]
        suffix = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
        host = f"{name or getattr(self, 'name', '')}{suffix}"
        write_down(number=self.number, scheme=scheme, host=host, path="", client=False, refused=True)

    def answer(self, connection: t.Any, head: str, *, scheme: str, client: bool) -> None:
        request, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
        path, _mark, query = request.split(" ")[1].partition("?")
        write_down(
            number=self.number,
            scheme=scheme,
            host=headers.get("host", ""),
            path=path,
            query=query,
            method=request.split(" ")[0],
            client=client,
            refused=False,
            authorization=headers.get("authorization", ""),
            meta=headers.get("x-meta-node", ""),
        )
        guarded = "/guarded/" in request and "authorization" not in headers
        status = '401 Unauthorized\r\nWWW-Authenticate: Basic realm="a"' if guarded else "404 Not Found"
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        connection.close()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    PUBLIC, PRIVATE = context("public"), context("private")
    for port in map(int, sys.argv[2:]):
        threading.Thread(target=Server(("", port), Handler).serve_forever).start()
    (DIRECTORY / "ready").touch()
