# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sink that misses a question, or takes one for another, would prove nothing."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
import typing as t
from pathlib import Path

import pytest

from leaks.on_node import sink

if t.TYPE_CHECKING:
    import socketserver
    from collections.abc import Iterator

NAMES = {"registry.example.test": "192.0.2.10"}


def question(name: str, kind: int = sink.A, *, flags: int = 0x0100, count: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    return struct.pack("!HHHHHH", 7, flags, count, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


@pytest.mark.parametrize("name", ["registry.k8s.io", "HTTP", "a.b.c.d.e.example.com", ""])
@pytest.mark.parametrize("kind", [1, 12, 28])
def test_a_question_is_read(name: str, kind: int) -> None:
    message = question(name, kind)
    # Resolvers add a record about themselves.
    assert sink.parse(message + b"\0\0\x29\x05\xc0\0\0\0\0\0\0") == (name, kind, len(message))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 11,
        question("a.example")[:-1],
        question("a.example")[:14],
        question("a.example", flags=0x8180),
        question("a.example", count=2),
        question("a.example", count=0),
        question("")[:12] + b"\xc0\x0c\0\1\0\1",
    ],
)
def test_what_is_no_question(message: bytes) -> None:
    with pytest.raises(ValueError):
        sink.parse(message)


def test_a_name_that_is_no_text_is_read_all_the_same() -> None:
    message = question("")[:12] + b"\2\xff\n\0\0\1\0\1"
    assert sink.parse(message).name == "\\xff\n"


@pytest.mark.parametrize(
    ("name", "address"), [("registry.example.test", "192.0.2.10"), ("Registry.Example.Test", "192.0.2.10")]
)
def test_the_private_registry_has_its_address(name: str, address: str) -> None:
    message = question(name)
    answer = sink.answer(message, sink.parse(message), NAMES)
    assert answer[:8] == message[:2] + struct.pack("!HHH", 0x8180, 1, 1)
    assert answer[-4:] == socket.inet_aton(address)


def test_every_other_name_leads_to_the_sink() -> None:
    message = question("registry.k8s.io")
    assert sink.answer(message, sink.parse(message), NAMES)[-4:] == socket.inet_aton(sink.ELSEWHERE)


@pytest.mark.parametrize(("kind", "code"), [(28, 0), (65, 0), (12, 3), (33, 3)])
def test_other_types_have_no_record(kind: int, code: int) -> None:
    message = question("registry.k8s.io", kind)
    flags, _questions, records = struct.unpack_from("!HHH", sink.answer(message, sink.parse(message), NAMES), 2)
    assert (flags & 15, records) == (code, 0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def entries(log: Path, count: int) -> list[dict[str, str]]:
    """Once there are as many; what is refused is written down a moment after the client knows."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and (not log.exists() or len(log.read_text().splitlines()) < count):
        time.sleep(0.01)
    return [json.loads(line) for line in log.read_text().splitlines()]


def started(server: socketserver.BaseServer) -> Iterator[t.Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    with server:
        yield server.server_address
        server.shutdown()
    thread.join()


@pytest.fixture
def name_server(log: Path) -> Iterator[t.Any]:
    yield from started(sink.NameServer(("127.0.0.1", 0), NAMES, log))


@pytest.fixture
def internet(log: Path) -> Iterator[t.Any]:
    yield from started(sink.Internet(("127.0.0.1", 0), log))


def test_a_question_is_written_down_with_who_asks(name_server: t.Any, log: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(question("registry.k8s.io"), name_server)
        assert client.recv(512)[-4:] == socket.inet_aton(sink.ELSEWHERE)
        client.sendto(b"nonsense", name_server)
        found = entries(log, 2)
    own = Path("/proc/self/comm").read_text().strip()
    assert found == [
        {"question": "registry.k8s.io", "type": "A", "by": own},
        {"question": "?", "type": "not one question", "by": own},
    ]


def test_who_has_gone_is_not_known() -> None:
    assert sink.asker(1) == "?"


def test_a_handshake_is_written_down_with_the_name(internet: t.Any, log: Path) -> None:
    context = ssl.create_default_context()
    with socket.create_connection(internet, timeout=5) as client, pytest.raises(OSError):
        context.wrap_socket(client, server_hostname="registry.k8s.io")
    assert entries(log, 1) == [{"connection": f"127.0.0.1:{internet[1]}", "name": "registry.k8s.io", "scheme": "https"}]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b"HEAD /v2/ HTTP/1.1\r\nUser-Agent: a\r\nHost: quay.io:5000\r\n\r\n", "quay.io:5000"),
        (b"HEAD /v2/ HTTP/1.0\r\n\r\n", ""),
        (b"", ""),
        (b"\x16", ""),
    ],
)
def test_a_connection_is_written_down_whatever_is_sent(internet: t.Any, log: Path, sent: bytes, name: str) -> None:
    with socket.create_connection(internet, timeout=5) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        client.recv(512)
    assert [entry["name"] for entry in entries(log, 1)] == [name]
