# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of registries: what goes into config.toml, what into hosts.toml, what is doubtful."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.credentials import (
    NodeCredentials,
    header_warnings,
    node_credentials,
    with_headers,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Registry, read_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

Raw = dict[str, t.Any]

A, B = "https://a.example", "https://b.example:5000"
PAIR: Raw = {"username": "node", "password": "x"}
OTHER: Raw = {"username": "node", "password": "y"}
TOKEN: Raw = {"identity_token": "z"}
IN_HEADER: Raw = {**PAIR, "method": "header"}
IN_CONFIG: Raw = {**PAIR, "method": "config"}
BASIC = ("Authorization", ("Basic bm9kZTp4",))


def host(url: str = A, auth: Raw | None = None, **more: t.Any) -> Raw:
    return {"url": url, "auth": auth, **more}


def entry(*hosts: Raw, namespace: str = "quay.io", fallback: bool = True, **more: t.Any) -> Raw:
    return {"namespace": namespace, "fallback": fallback, "hosts": list(hosts), **more}


def read(*raw: Raw) -> tuple[Registry, ...]:
    return read_registries(list(raw), None)


def judge(*raw: Raw, release: str) -> NodeCredentials:
    return node_credentials(read(*raw), Release.parse(release))


# entries, release, wishes, released
FOUND: dict[str, tuple[list[Raw], str, Raw, set[str]]] = {
    "none": ([entry(host())], "1.7.24", {}, set()),
    "password before 2.1": ([entry(host(B, PAIR))], "1.7.24", {"b.example:5000": PAIR}, set()),
    "password since 2.1": ([entry(host(B, PAIR))], "2.1.5", {}, {"b.example:5000"}),
    "token": ([entry(host(A, TOKEN))], "2.3.4", {"a.example": {"identitytoken": "z"}}, set()),
    "header asked for": ([entry(host(A, IN_HEADER))], "1.7.24", {}, {"a.example"}),
    "config asked for": ([entry(host(A, IN_CONFIG))], "2.3.4", {"a.example": PAIR}, set()),
    "host as it is written": ([entry(host("https://A.example:443/v2/x", PAIR, override_path=True))], "1.7.24",
                              {"A.example:443": PAIR}, set()),
    "IPv6": ([entry(host("https://[fd00::1]:5000", PAIR))], "1.7.24", {"[fd00::1]:5000": PAIR}, set()),
    "server": ([entry(server=A, auth=PAIR)], "1.7.24", {"a.example": PAIR}, set()),
    "server beside a host": ([entry(host(B), server=A, auth=PAIR)], "1.7.24", {"a.example": PAIR}, set()),
    "upstream": ([entry(auth=PAIR)], "1.7.24", {"quay.io": PAIR}, set()),
    "upstream with a port": ([entry(namespace="a.example:5000", auth=PAIR)], "1.7.24", {"a.example:5000": PAIR}, set()),
    "Docker Hub": ([entry(namespace="docker.io", auth=PAIR)], "1.7.24", {"registry-1.docker.io": PAIR}, set()),
    "Docker Hub as server": ([entry(namespace="docker.io", server="https://registry-1.docker.io", auth=PAIR)], "1.7.24",
                             {"registry-1.docker.io": PAIR}, set()),
    "one host in two namespaces": (
        [entry(host(A, PAIR)), entry(host(A, {"auth": "bm9kZTp4"}), namespace="docker.io")],
        "1.7.24",
        {"a.example": PAIR},
        set(),
    ),
    "one host with two passwords, in headers": (
        [entry(host(A, PAIR)), entry(host(A, OTHER), namespace="docker.io")],
        "2.1.5",
        {},
        {"a.example"},
    ),
    "one host, header here and config there": (
        [entry(host(A, PAIR)), entry(host(A, TOKEN), namespace="docker.io")],
        "2.1.5",
        {"a.example": {"identitytoken": "z"}},
        set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "release", "wishes", "released"), FOUND.values(), ids=FOUND)
def test_found(raw: list[Raw], release: str, wishes: Raw, released: set[str]) -> None:
    found = judge(*raw, release=release)
    assert found.wishes == wishes
    assert found.released == released


def test_one_host_has_room_for_one() -> None:
    with pytest.raises(DomainError) as raised:
        judge(entry(host(A, PAIR)), entry(host(A, OTHER), namespace="docker.io"), release="1.7.24")
    assert str(raised.value) == (
        "registries[1].hosts[0].auth: differs from registries[0].hosts[0].auth, and config.toml has one place for the "
        "credentials of a.example. Write the same for both, or a method: header for one of them."
    )


def test_a_host_is_one_key_of_the_path() -> None:
    found = judge(entry(host(B, TOKEN), host(A, PAIR)), release="2.3.4")
    images = ("plugins", "io.containerd.cri.v1.images", "registry", "configs")
    assert found.paths == {(*images, "b.example:5000", "auth"): {"identitytoken": "z"}}
    assert found.released_paths == ((*images, "a.example", "auth"),)


def test_what_a_release_means_is_told_where_no_entry_speaks_of_the_host() -> None:
    listed = entry(server=A, auth=PAIR, namespace="a.example")
    assert judge(entry(host(A, PAIR)), listed, release="2.3.4").released_warnings == {}
    assert judge(entry(host(A, PAIR)), release="2.3.4").released_warnings == {
        "a.example": (
            "registry.configs had credentials for a.example, which are a header in hosts.toml now: only pulls through "
            "the listed namespaces send it. If images of a.example itself are pulled, list it as a namespace with auth"
        )
    }


LOCAL: dict[str, tuple[Raw, str, str | None]] = {
    "token": (TOKEN, "2.1.5", "identity tokens work nowhere else"),
    "config": (IN_CONFIG, "2.3.4", "method is config"),
    "token before the transfer service": (TOKEN, "2.0.11", None),
    "config before the transfer service": (IN_CONFIG, "1.7.24", None),
    "header": (PAIR, "2.3.4", None),
}


@pytest.mark.parametrize(("auth", "release", "reason"), LOCAL.values(), ids=LOCAL)
def test_local_pulls_are_told(auth: Raw, release: str, reason: str | None) -> None:
    expected = (
        f"registries[0].hosts[0].auth: goes into registry.configs of config.toml ({reason}). As long as one entry is "
        f"there, containerd {release} pulls all images by its older local way and not by the transfer service"
    )
    assert judge(entry(host(A, auth)), release=release).warnings == ((expected,) if reason else ())


# --- headers

HEADERS: dict[str, tuple[Raw, str, bool]] = {
    "password before 2.1": (PAIR, "1.7.24", False),
    "password since 2.1": (PAIR, "2.1.5", True),
    "header asked for": (IN_HEADER, "1.6.20", True),
    "config asked for": (IN_CONFIG, "2.3.4", False),
    "token": (TOKEN, "2.3.4", False),
}


@pytest.mark.parametrize(("auth", "release", "expected"), HEADERS.values(), ids=HEADERS)
def test_header(auth: Raw, release: str, expected: bool) -> None:
    """On a host that becomes the server, beside other headers; and on a server of its own."""
    more: Raw = {"header": {"X-A": "1", "Accept": "b"}}
    last = read(entry(host(A, auth, **more), fallback=False))[0]
    own = read(entry(host(B), server=A, auth=auth, **more))[0]
    others = (("Accept", ("b",)), ("X-A", ("1",)))
    for registry in (last, own):
        server = with_headers(registry, Release.parse(release)).file.server
        assert server is not None
        assert server.header == (tuple(sorted((*others, BASIC))) if expected else others)


def test_a_header_goes_to_its_endpoint_alone() -> None:
    registry = with_headers(read(entry(host(A, PAIR), host(B)))[0], Release.parse("2.1.5"))
    assert [one.header for one in registry.file.endpoints] == [(BASIC,), ()]


NO_TOKENS = (
    "an Authorization header does not reach registries that hand out tokens before containerd 2.1: they are asked "
    "without it, and then the next endpoint"
)
FORGOTTEN = (
    "registries[1].hosts[0]: has no auth, while registries[0].hosts[0].auth is for the same host. It is asked without "
    "credentials wherever those are sent as a header, as from containerd 2.1 on; write auth here too"
)
BY_HAND: Raw = {"header": {"authorization": "Basic x"}}
DOUBTS: dict[str, tuple[list[Raw], str, list[str]]] = {
    "auto": ([entry(host(A, PAIR))], "1.7.24", []),
    "header asked for": ([entry(host(A, IN_HEADER))], "1.7.24", [f"registries[0].hosts[0].auth: {NO_TOKENS}"]),
    "header asked for since 2.1": ([entry(host(A, IN_HEADER))], "2.1.5", []),
    "written by hand": (
        [entry(host(**BY_HAND))],
        "2.0.11",
        [f"registries[0].hosts[0].header.Authorization: {NO_TOKENS}. With auth, every release can be served"],
    ),
    "written by hand since 2.1": ([entry(host(**BY_HAND))], "2.1.5", []),
    "another header": ([entry(host(header={"X-A": "1"}))], "1.7.24", []),
    "no auth elsewhere": ([entry(host(A, PAIR)), entry(host(A), namespace="docker.io")], "1.7.24", [FORGOTTEN]),
    "no auth elsewhere since 2.1": (
        [entry(host(A, PAIR)), entry(host(A), namespace="docker.io")],
        "2.1.5",
        [FORGOTTEN],
    ),
    "no auth elsewhere, in config": ([entry(host(A, IN_CONFIG)), entry(host(A), namespace="docker.io")], "2.1.5", []),
    "no auth elsewhere, token": ([entry(host(A, TOKEN)), entry(host(A), namespace="docker.io")], "2.1.5", []),
    "another port": ([entry(host(A, PAIR)), entry(host(f"{A}:8443"), namespace="docker.io")], "2.1.5", []),
    "header elsewhere": ([entry(host(A, PAIR)), entry(host(**BY_HAND), namespace="docker.io")], "2.1.5", []),
}


@pytest.mark.parametrize(("raw", "release", "expected"), DOUBTS.values(), ids=DOUBTS)
def test_doubts(raw: list[Raw], release: str, expected: list[str]) -> None:
    assert list(header_warnings(read(*raw), Release.parse(release))) == expected


def test_no_secret_in_the_representation() -> None:
    raw = entry(host(A, {"username": "node", "password": "hush-7"}), server=B, auth={"identity_token": "hush-8"})
    registries = read(raw)
    for release in ("1.7.24", "2.3.4"):
        judged = node_credentials(registries, Release.parse(release))
        shown = repr((registries, judged, [with_headers(one, Release.parse(release)) for one in registries]))
        assert "hush" not in shown
        assert "Basic" not in shown
