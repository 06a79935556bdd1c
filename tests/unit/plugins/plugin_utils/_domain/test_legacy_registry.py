# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd asks by the legacy tables; whole files are in test_migrate.py."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import (
    Legacy,
    endpoints,
    is_loopback,
    read_legacy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import show_route

HUB = "https://registry-1.docker.io/v2"


def route(namespace: str, release: str = "1.7.24", **mirrors: tuple[str, ...]) -> str:
    named = {name.replace("every", "*").replace("hub", "docker.io"): urls for name, urls in mirrors.items()}
    return show_route(endpoints(namespace, Legacy(mirrors=named), Release.parse(release)))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (route("docker.io"), HUB),
        (route("quay.io"), "https://quay.io/v2"),
        (route("docker.io", hub=("https://a.example",)), f"https://a.example/v2, then {HUB}"),
        (route("quay.io", hub=("https://a.example",)), "https://quay.io/v2"),
        (route("quay.io", every=("https://a.example",)), "https://a.example/v2, then https://quay.io/v2"),
        (
            route("docker.io", every=("https://a.example",), hub=("https://b.example",)),
            f"https://b.example/v2, then {HUB}",
        ),
        (route("docker.io", every=("https://a.example",), hub=()), HUB),
        (
            route("a.example", every=("https://a.example", "https://b.example")),
            "https://a.example/v2, then https://b.example/v2",
        ),
        (route("_default", every=("https://a.example",)), "https://a.example/v2, then the registry itself"),
        (route("localhost:5000"), "http://localhost:5000/v2"),
        (route("docker.io", "1.4.13"), HUB),
        (route("docker.io", "1.4.13", every=("https://a.example",)), HUB),
        (route("docker.io", "1.4.13", hub=("https://a.example",)), f"https://a.example/v2, then {HUB}"),
        (route("quay.io", "1.4.13", every=("https://a.example",)), "https://a.example/v2, then https://quay.io/v2"),
    ],
    ids=[
        "nothing is said of Docker Hub",
        "nothing is said of a registry",
        "a mirror, then the registry",
        "a mirror of another",
        "of every registry",
        "the exact entry counts alone",
        "so does an empty one",
        "no registry is asked behind an endpoint of its name",
        "any other",
        "loopback by http",
        "1.4 has an entry for Docker Hub",
        "which counts alone",
        "and gives way to one of the file",
        "and is none for others",
    ],
)
def test_routes(found: str, expected: str) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("host", "since_1_6", "on_1_5"),
    [
        ("localhost", True, True),
        ("localhost:5000", True, True),
        ("127.0.0.1:80", True, True),
        ("127.0.0.2", True, False),
        ("[::1]:5000", True, True),
        ("::1", True, True),
        ("localhost.example", False, False),
        ("192.0.2.1:5000", False, False),
        ("registry.example.com", False, False),
    ],
)
def test_loopback(host: str, since_1_6: bool, on_1_5: bool) -> None:
    assert (is_loopback(host, Release.parse("1.6.20")), is_loopback(host, Release.parse("1.5.18"))) == (
        since_1_6,
        on_1_5,
    )


V1, V2, V3 = "plugins.cri", 'plugins."io.containerd.grpc.v1.cri"', 'plugins."io.containerd.cri.v1.images"'


def table(cri: str, host: str) -> str:
    return f'[{cri}.registry.mirrors."docker.io"]\nendpoint = ["https://{host}"]\n'


@pytest.mark.parametrize(
    ("texts", "release", "host"),
    [
        ([table(V1, "one")], "1.7.24", "one"),
        ([table(V1, "one")], "2.1.5", None),
        ([table(V1, "one")], "2.3.4", "one"),
        ([f"version = 2\n{table(V2, 'two')}{table(V3, 'three')}"], "1.7.24", "two"),
        ([f"version = 2\n{table(V2, 'two')}{table(V3, 'three')}"], "2.1.5", "two"),
        ([f"version = 2\n{table(V3, 'three')}"], "1.7.24", None),
        ([f"version = 3\n{table(V2, 'two')}"], "2.1.5", None),
        ([f"version = 3\n{table(V2, 'two')}"], "2.3.4", "two"),
        ([f"version = 2\n{table(V2, 'two')}", f"version = 2\n[{V2}]\nsandbox_image = 'a/b'\n"], "1.7.24", None),
        ([f"version = 2\n{table(V2, 'two')}", f"version = 2\n[{V2}]\nsandbox_image = 'a/b'\n"], "2.1.5", "two"),
    ],
    ids=[
        "version 1 on 1.x",
        "version 1 on 2.1",
        "version 1 on 2.3",
        "both tables on 1.x",
        "both tables on 2.x",
        "newer tables on 1.x",
        "older tables in version 3 on 2.1",
        "older tables in version 3 on 2.3",
        "a drop-in replaces the table on 1.x",
        "a drop-in joins the table on 2.x",
    ],
)
def test_only_tables_that_count_are_read(texts: list[str], release: str, host: str | None) -> None:
    files = [ConfigFile(f"/{number}.toml", parse(text)) for number, text in enumerate(texts)]
    legacy = read_legacy(files, Release.parse(release))
    assert legacy.mirrors == ({} if host is None else {"docker.io": (f"https://{host}",)})
    assert len(legacy.passed_over) == "".join(texts).count("mirrors") - len(legacy.mirrors)


def test_no_secret_is_shown_by_accident() -> None:
    text = f'version = 2\n[{V2}.registry.configs."a.example".auth]\nusername = "u"\npassword = "hush"\n'
    text += f'[{V2}.registry.headers]\nX-Token = ["hush"]\n'
    legacy = read_legacy([ConfigFile("/a.toml", parse(text))], Release.parse("1.7.24"))
    assert legacy.auth["a.example"]["password"] == "hush"
    assert "hush" not in repr(legacy)
