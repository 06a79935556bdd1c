# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only name server of a node, and all of the internet that it can reach; both write down who came.

    python3 sink.py ADDRESS NAME...

ADDRESS is that of the private registry, to which each NAME leads. Every other name leads to an address of the sink: a
node that gives in to a leak is seen to ask, and then to connect, and what it sends goes no further than its own
loopback interface. The log has one JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import socketserver
import ssl
import struct
import sys
import threading
import typing as t

LOG = pathlib.Path("/var/log/leaks")
#: Where names lead that are nobody's here (RFC 5737); every such address is one of the sink.
ELSEWHERE = "203.0.113.1"
#: The ports on which registries and proxies listen.
PORTS = (80, 443, 3128, 5000, 8080, 8443)
A, IN, NXDOMAIN = 1, 1, 3
#: Types for which a name that exists has no record here.
EMPTY_TYPES = frozenset({28, 65})
TYPE_NAMES = {A: "A", 12: "PTR", 28: "AAAA", 33: "SRV", 65: "HTTPS"}
_LOCK = threading.Lock()


def write_down(log: pathlib.Path, **entry: t.Any) -> None:
    with _LOCK, log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")


# --- names


class Question(t.NamedTuple):
    """What is asked; ``end`` is where its bytes end."""

    name: str
    type: int
    end: int


def parse(message: bytes) -> Question:
    """:raises ValueError: it is no question."""
    try:
        flags, count = struct.unpack_from("!HH", message, 2)
        if flags & 0x8000 or count != 1:
            raise ValueError("not one question")
        labels, at = [], 12
        while (size := message[at]) != 0:
            if size > 63 or at + 1 + size >= len(message):
                raise ValueError("a label that is none")
            labels.append(message[at + 1 : at + 1 + size].decode("ascii", "backslashreplace"))
            at += 1 + size
        kind, _class = struct.unpack_from("!HH", message, at + 1)
    except (struct.error, IndexError) as error:
        raise ValueError("cut short") from error
    return Question(".".join(labels), kind, at + 5)


def answer(message: bytes, question: Question, names: t.Mapping[str, str]) -> bytes:
    """Every name has one address, be it the sink's; what is asked beside that does not exist."""
    exists = question.type == A or question.type in EMPTY_TYPES
    records = b""
    if question.type == A:
        address = names.get(question.name.lower(), ELSEWHERE)
        # The name is a pointer to that of the question; for a second, so that each pull asks anew.
        records = struct.pack("!HHHIH", 0xC00C, A, IN, 1, 4) + socket.inet_aton(address)
    flags = 0x8180 | (0 if exists else NXDOMAIN)
    head = message[:2] + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0)
    return head + message[12 : question.end] + records


def asker(port: int) -> str:
    """The program that asks from a UDP port of this node: it waits for its answer, so it can be found."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for links in pathlib.Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(os.readlink(link) in sockets for link in links.iterdir()):
                return (links.parent / "comm").read_text().strip()
    return "?"


def _inodes(port: int) -> t.Iterator[str]:
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


class NameServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], names: t.Mapping[str, str], log: pathlib.Path = LOG) -> None:
        self.names, self.log = names, log
        super().__init__(address, Asked)


class Asked(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        message, connection = self.request
        server = t.cast(NameServer, self.server)
        try:
            question = parse(message)
        except ValueError as error:
            write_down(server.log, question="?", type=str(error), by=asker(self.client_address[1]))
            return
        kind = TYPE_NAMES.get(question.type, str(question.type))
        write_down(server.log, question=question.name, type=kind, by=asker(self.client_address[1]))
        connection.sendto(answer(message, question, server.names), self.client_address)


# --- connections


class Internet(socketserver.ThreadingTCPServer):
    """All that a name may lead to: who connects is written down, with the name that is meant, and gets nothing."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], log: pathlib.Path = LOG) -> None:
        self.log = log
        super().__init__(address, Connected)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Clients that go away are what this is for."""


class Connected(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(5)
        address, port = self.request.getsockname()[:2]
        is_tls = True
        try:
            is_tls = self.request.recv(1, socket.MSG_PEEK) == b"\x16"
            name = self._name_in_handshake() if is_tls else self._name_in_request()
        except OSError:
            name = ""
        log = t.cast(Internet, self.server).log
        write_down(log, connection=f"{address}:{port}", name=name, scheme="https" if is_tls else "http")

    def _name_in_handshake(self) -> str:
        """What the client calls the server; without a certificate there is no more to it."""
        asked: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _object, name, _context: asked.append(name or "")
        with contextlib.suppress(OSError):
            context.wrap_socket(self.request, server_side=True)
        return "".join(asked)

    def _name_in_request(self) -> str:
        head = self.request.recv(4096).decode("latin-1")
        self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        hosts = (line.partition(":")[2].strip() for line in head.splitlines() if line.lower().startswith("host:"))
        return next(hosts, "")


def ready() -> None:
    """Tells systemd, which starts containerd no sooner."""
    place = os.environ.get("NOTIFY_SOCKET")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", place.replace("@", "\0", 1))


def main(address: str, names: t.Sequence[str]) -> None:
    known = {**dict.fromkeys(names, address), "localhost": "127.0.0.1"}
    servers: list[socketserver.BaseServer] = [NameServer(("", 53), known), *(Internet(("", port)) for port in PORTS)]
    for server in servers:
        threading.Thread(target=server.serve_forever).start()
    ready()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
