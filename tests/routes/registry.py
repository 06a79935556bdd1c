# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All registries of a network namespace in one process, and everything that is said to any of them.

What begins is read off the loopback device: a connection that is refused and a question to a name server are seen there
too, and the order is the kernel's. What came over a connection is told by who took it. One request each, so that none
is hidden in a connection that somebody else began.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import selectors
import socket
import ssl
import struct
import threading
import time
import typing as t

from routes import world
from routes.world import Manner, Registry, Request, Tls

SECONDS = 5
_TLS_HANDSHAKE = 0x16
_SPEAKS_HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


@dataclasses.dataclass(frozen=True)
class Connection:
    """Who spoke to whom; what begins is known by it."""

    port_of_client: int
    address: str
    port: int


@dataclasses.dataclass
class Seen:
    """What came over a connection, as it is told to the test."""

    scheme: str = ""
    method: str = ""
    path: str = ""
    query: str = ""
    host: str = ""
    authorization: str = ""
    has_client: bool = False


Beginning = Connection | str


class Registries:
    """Listens at every address and port of the world that is not said to be empty."""

    def __init__(self, pki: pathlib.Path) -> None:
        self._contexts = {tls: _context(pki, tls) for tls in Tls if tls is not Tls.IS_HTTP}
        self._selector = selectors.DefaultSelector()
        self._listening: dict[tuple[str, int], socket.socket] = {}
        self._people: dict[tuple[str, int], Registry] = {}
        self._seen: dict[Connection, Seen | None] = {}
        self._lock = threading.Condition()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        threading.Thread(target=self._accept, daemon=True).start()

    def live(self, people: t.Mapping[tuple[str, int], Registry]) -> None:
        """Whoever is not among these people is somebody who has no image."""
        with self._lock:
            self._people = dict(people)
            self._seen = {}
            for place in ((address, port) for address in world.LISTENING for port in world.PORTS):
                is_there = self._registry(place).manner is not Manner.IS_NOT_THERE
                if is_there and place not in self._listening:
                    self._listening[place] = _listen(place)
                    self._selector.register(self._listening[place], selectors.EVENT_READ, place)
                elif not is_there and place in self._listening:
                    self._selector.unregister(self._listening[place])
                    self._listening.pop(place).close()
        self._wake.send(b".")

    def came_of(self, connection: Connection) -> Seen | None:
        """What came over it once it has ended; None if nobody was there to take it."""
        with self._lock:
            if (connection.address, connection.port) not in self._listening:
                return None
            self._lock.wait_for(lambda: self._seen.get(connection) is not None, timeout=SECONDS)
            return self._seen.get(connection)

    def _registry(self, place: tuple[str, int]) -> Registry:
        return self._people.get(place, Registry())

    def _accept(self) -> None:
        while True:
            for key, _events in self._selector.select():
                if key.data is None:
                    self._woken.recv(100)
                    continue
                with contextlib.suppress(OSError):
                    connection, client = t.cast(socket.socket, key.fileobj).accept()
                    who = Connection(client[1], *key.data)
                    threading.Thread(target=self._take, args=(connection, who), daemon=True).start()

    def _take(self, connection: socket.socket, who: Connection) -> None:
        registry = self._registry((who.address, who.port))
        seen = Seen()
        try:
            connection.settimeout(SECONDS)
            self._serve(connection, registry, seen)
        except OSError:
            pass
        finally:
            _hang_up(connection)
            with self._lock:
                self._seen[who] = seen
                self._lock.notify_all()

    def _serve(self, connection: socket.socket, registry: Registry, seen: Seen) -> None:
        first = connection.recv(1, socket.MSG_PEEK)
        if not first:
            return
        seen.scheme = "https" if first[0] == _TLS_HANDSHAKE else "http"
        if seen.scheme == "http":
            self._answer(connection, registry, seen)
        elif registry.tls is Tls.IS_HTTP or registry.manner is Manner.HANGS_UP:
            connection.recv(65536)
            if registry.tls is Tls.IS_HTTP:
                connection.sendall(_SPEAKS_HTTP)
        else:
            with self._contexts[registry.tls].wrap_socket(connection.dup(), server_side=True) as encrypted:
                seen.has_client = bool(encrypted.getpeercert())
                self._answer(encrypted, registry, seen)

    def _answer(self, connection: socket.socket, registry: Registry, seen: Seen) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            received = connection.recv(65536)
            if not received:
                return
            head += received
        text, _break, body = head.partition(b"\r\n\r\n")
        line, *lines = text.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _colon, value in (each.partition(":") for each in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        seen.method, target, _version = line.split(" ")
        seen.path, _mark, seen.query = target.partition("?")
        seen.host, seen.authorization = headers.get("host", ""), headers.get("authorization", "")
        request = Request(seen.method, seen.path, seen.authorization)
        response = world.answer(registry.manner, request, scheme=seen.scheme, host=seen.host)
        if response is not None:
            connection.sendall(_wire(response, with_body=seen.method != "HEAD"))


def _context(pki: pathlib.Path, tls: Tls) -> ssl.SSLContext:
    name = "own" if tls is Tls.OF_OWN_CA else "public"
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pki / f"{name}.pem", pki / f"{name}-key.pem")
    made.load_verify_locations(pki / "own-ca.pem")
    made.verify_mode = ssl.CERT_REQUIRED if tls is Tls.WANTS_CLIENT else ssl.CERT_OPTIONAL
    return made


def _listen(place: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind(place)
    made.listen(64)
    return made


def _wire(response: world.Response, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Other')}",
        *(f"{name}: {value}" for name, value in response.headers),
        f"Content-Length: {len(response.body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (response.body if with_body else b"")


def _hang_up(connection: socket.socket) -> None:
    """Says goodbye and waits for it to be said: a reset would take with it what was just sent."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    connection.close()


# --- what begins


class Beginnings:
    """Connections that somebody begins, be they taken or refused, and names that somebody asks for, in their order."""

    _OUTGOING = 4
    _EVERY_PROTOCOL = 3
    _DNS, _MARK = 53, 9

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(self._EVERY_PROTOCOL))
        self._socket.bind(("lo", self._EVERY_PROTOCOL))
        self._found: list[Beginning] = []
        self._marks = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def since_last_time(self) -> list[Beginning]:
        """What has begun up to now. A packet of our own tells that all before it has been read."""
        with self._changed:
            wanted = self._marks + 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"mark", ("127.0.0.1", self._MARK))
        with self._changed:
            if not self._changed.wait_for(lambda: self._marks >= wanted, timeout=SECONDS):
                raise RuntimeError("the loopback device cannot be read")
            found, self._found = self._found, []
        return found

    def _read(self) -> None:
        while True:
            packet, (_device, kind, direction, *_rest) = self._socket.recvfrom(65536)
            if direction != self._OUTGOING:
                continue
            family, protocol, address, segment = _of_packet(packet, kind)
            if len(segment) < 8:
                continue
            source, port = struct.unpack("!HH", segment[:4])
            with self._changed:
                if protocol == socket.IPPROTO_TCP and segment[13] & 0x12 == 0x02:
                    self._found.append(Connection(source, socket.inet_ntop(family, address), port))
                elif protocol == socket.IPPROTO_UDP and port == self._DNS:
                    self._found.append(_name_asked_for(segment[8:]))
                elif protocol == socket.IPPROTO_UDP and port == self._MARK:
                    self._marks += 1
                    self._changed.notify_all()


def _of_packet(packet: bytes, kind: int) -> tuple[int, int, bytes, bytes]:
    """The family, the protocol, where it goes and what is in it."""
    if kind == 0x86DD:
        return socket.AF_INET6, packet[6], packet[24:40], packet[40:]
    return socket.AF_INET, packet[9], packet[16:20], packet[(packet[0] & 0xF) * 4 :]


def _name_asked_for(query: bytes) -> str:
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels).lower()


def know_no_names() -> None:
    """A name server, for names that are not in /etc/hosts, which says of each that there is no such."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def serve() -> None:
        while True:
            query, client = server.recvfrom(4096)
            question = query[12:].split(b"\0", 1)[0]
            refusal = (
                query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + question + b"\0" + query[13 + len(question) :][:4]
            )
            server.sendto(refusal, client)

    threading.Thread(target=serve, daemon=True).start()


def wait_until(ready: t.Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return True
        time.sleep(0.02)
    return False
