# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd asks, from files as they lie on a node."""

from __future__ import annotations

import base64
import dataclasses
import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import (
    Config,
    Image,
    Obstacle,
    Route,
    reading,
    route,
    to_wire,
    unread,
)

CONFIG, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
V2 = "io.containerd.grpc.v1.cri"
IMAGE = Image("registry.k8s.io", "pause", "3.10")
MIRROR = b'server = "https://m.example.com"\n[host]\n'


def _globs(root: str) -> list[str]:
    return reading(root)["globs"]


def with_files(tree: t.Mapping[str, bytes | Entry], /, *, root: str = TREE, **more: t.Any) -> NodeState:
    listing = {path.partition("/")[0]: Entry("directory") for path in tree}
    entries = {path: found if isinstance(found, Entry) else Entry("file", found) for path, found in tree.items()}
    listing.update({path: Entry("file") for path in tree if not path.endswith("/")})
    hosts = {f"{root}/{path}": entry for path, entry in entries.items() if path.endswith("/hosts.toml")}
    (pattern,) = _globs(root)
    return NodeState(directories={root: Entry("directory")}, listings={root: listing}, globs={pattern: hosts}, **more)


def config(registry: t.Mapping[str, t.Any] | None = None, version: str = "1.7.24") -> Config:
    stated = {"config_path": TREE} if registry is None else registry
    data = {"version": 2, "plugins": {V2: {"registry": stated}}}
    return Config.read([ConfigFile(CONFIG, data)], Release.parse(version))


def urls(found: Route) -> list[str]:
    return [f"{s.endpoint.scheme}://{s.endpoint.host}{s.endpoint.path}" for s in found.steps]


def kinds(found: Route) -> list[str]:
    return [obstacle.kind for obstacle in found.obstacles]


UPSTREAM = ["https://registry.k8s.io/v2"]


# --- the tree


def test_hosts_in_order_and_the_registry_itself_last() -> None:
    text = b'[host."https://a.example.com"]\n[host."http://b.example.com:5000/x"]\noverride_path = true\n'
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": text}), config())
    assert urls(found) == ["https://a.example.com/v2", "http://b.example.com:5000/x", *UPSTREAM]
    assert [step.is_upstream for step in found.steps] == [False, False, True]
    assert (found.source, found.entry, found.obstacles) == (f"{TREE}/registry.k8s.io/hosts.toml", IMAGE.registry, ())


def test_a_server_takes_the_place_of_the_registry_itself() -> None:
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": MIRROR}), config())
    assert urls(found) == ["https://m.example.com/v2"]


def test_settings_at_the_root_are_for_the_registry_itself() -> None:
    text = b'ca = "ca.pem"\n[host."https://a.example.com"]\n'
    first, last = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": text}), config()).steps
    assert (first.endpoint.ca, last.endpoint.ca) == ((), (f"{TREE}/registry.k8s.io/ca.pem",))


@pytest.mark.parametrize(
    ("directories", "source"),
    [
        (["r.example.com_5000_", "r.example.com:5000", "_default"], "r.example.com_5000_"),
        (["r.example.com:5000", "_default"], "r.example.com:5000"),
        (["_default", "r.example.com"], "_default"),
    ],
)
def test_the_first_directory_that_is_there_counts(directories: list[str], source: str) -> None:
    files = {f"{name}/hosts.toml": MIRROR for name in directories}
    found = route(Image("r.example.com:5000", "x", "1"), with_files(files), config())
    assert found.source == f"{TREE}/{source}/hosts.toml"
    assert found.entry == ("_default" if source == "_default" else "r.example.com:5000")


@pytest.mark.parametrize(
    "written", [f"{TREE}/", "etc/containerd/certs.d", "/etc//x/../containerd/certs.d", f":{TREE}:"]
)
def test_a_tree_is_looked_for_where_the_daemon_looks(written: str) -> None:
    known = config({"config_path": written})
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": MIRROR}), known)
    assert (known.roots, urls(found)) == ((TREE,), ["https://m.example.com/v2"])


def test_hosts_are_asked_as_often_as_they_are_seen() -> None:
    text = b'[host."https://a.example.com"]\n[host."https://b.example.com"]\n[host."https://a.example.com".header]\n'
    state = with_files({"registry.k8s.io/hosts.toml": text})
    a, b = "https://a.example.com/v2", "https://b.example.com/v2"
    assert urls(route(IMAGE, state, config(version="2.3.4"))) == [a, b, a, *UPSTREAM]
    assert urls(route(IMAGE, state, config(version="1.7.24"))) == [a, b, *UPSTREAM]
    found = route(IMAGE, state, config(version="2.3.4"))
    assert [step.endpoint.host for step in found.distinct] == ["a.example.com", "b.example.com", "registry.k8s.io"]
    assert [step.place.line for step in found.steps] == [1, 2, 1, None]


@pytest.mark.parametrize("kind", ["file", "other"])
def test_what_is_no_directory_is_still_the_first_that_is_there(kind: str) -> None:
    state = with_files({"_default/hosts.toml": MIRROR})
    state.listings[TREE]["registry.k8s.io"] = Entry(kind)  # type: ignore[index]
    found = route(IMAGE, state, config())
    assert (kinds(found), found.asked) == (["no_directory"], ())


def test_a_host_that_names_nobody_is_gone_through() -> None:
    text = b'server = "https://m.example.com"\n[host."httpmirror:5000"]\n[host."https:/lost"]\n'
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": text}), config(version="2.3.4"))
    assert len(found.steps) == 3
    assert [step.endpoint.host for step in found.asked] == ["m.example.com"]
    assert found.obstacles == tuple(
        Obstacle("host_lost", f"{TREE}/registry.k8s.io/hosts.toml", "", line) for line in (2, 3)
    )


def test_what_capabilities_keep_from_a_host() -> None:
    text = (
        b'[host."https://a.example.com"]\ncapabilities = ["push"]\n'
        b'[host."https://b.example.com"]\ncapabilities = ["Pull", "resolve"]\n'
    )
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": text}), config())
    assert [step.tags for step in found.steps] == [False, True, True]
    # Once the tag is resolved, all of them are asked for what it means.
    assert all(step.delivers for step in found.steps)


def test_without_a_host_that_may_pull_nothing_is_delivered() -> None:
    text = b'server = "https://m.example.com"\ncapabilities = ["push"]\n[host]\n'
    (step,) = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": text}), config()).steps
    assert (step.tags, step.delivers) == (False, False)


def test_releases_without_a_default_do_not_see_one() -> None:
    found = route(IMAGE, with_files({"_default/hosts.toml": MIRROR}), config(version="1.6.16"))
    assert (urls(found), kinds(found)) == (UPSTREAM, ["no_entry"])


@pytest.mark.parametrize(
    ("registry", "directory"),
    [
        ("docker.io", "registry-1.docker.io"),
        ("r.example.com", "r.example.com_443_"),
        ("r.example.com:443", "r.example.com"),
        ("r.example.com", "R.example.com"),
    ],
)
def test_a_directory_that_was_meant_for_it(registry: str, directory: str) -> None:
    found = route(Image(registry, "x", "1"), with_files({f"{directory}/hosts.toml": MIRROR}), config())
    assert found.obstacles == (Obstacle("no_entry", TREE, directory),)


def test_a_directory_for_another_is_none_of_those() -> None:
    found = route(IMAGE, with_files({"r.example.com/hosts.toml": MIRROR}), config())
    assert found.obstacles == (Obstacle("no_entry", TREE),)
    assert (found.source, found.entry) == ("", "")


def test_a_tree_that_is_not_there() -> None:
    state = NodeState(directories={TREE: Entry("absent")}, listings={TREE: {}})
    assert route(IMAGE, state, config()).obstacles == (Obstacle("config_path_missing", TREE),)


@pytest.mark.parametrize(
    ("content", "version", "obstacle"),
    [
        (
            b'[host."https://a.example.com"]\ncapabilities = "pull"',
            "1.7.24",
            ("dropped", "capabilities has the wrong type", 2),
        ),
        (
            b"[host",
            "2.3.4",
            ("dropped", "not valid TOML: Expected ']' at the end of a table declaration (at end of document)", 1),
        ),
        (b'[host]\na = 1\nb = "2"\n', "1.7.24", ("crashes", "", 2)),
        (Entry("file", error="Input/output error"), "1.7.24", ("unreadable", "Input/output error", None)),
        (Entry("directory"), "1.7.24", ("unreadable", "it is a directory", None)),
        (Entry("file", error="Permission denied"), "1.7.24", ("unknown", "Permission denied", None)),
        # Of /dev/null, containerd would read nothing.
        (Entry("other"), "1.7.24", ("unknown", "it is no plain file", None)),
    ],
)
def test_a_file_that_is_not_used(content: bytes | Entry, version: str, obstacle: tuple[str, str, int | None]) -> None:
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": content}), config(version=version))
    kind, detail, line = obstacle
    assert found.obstacles == (Obstacle(kind, f"{TREE}/registry.k8s.io/hosts.toml", detail, line),)
    assert urls(found) == UPSTREAM
    assert bool(found.asked) == (kind == "dropped")


def test_a_directory_without_the_file_has_certificates_as_docker_has_them() -> None:
    files = {f"registry.k8s.io/{name}": b"" for name in ("ca.crt", "c.cert", "c.key", "both.cert", "note.txt")}
    found = route(IMAGE, with_files(files), config())
    here = f"{TREE}/registry.k8s.io"
    assert kinds(found) == ["no_hosts_toml"]
    assert found.steps[0].endpoint.ca == (f"{here}/ca.crt",)
    assert found.steps[0].endpoint.client == (
        (f"{here}/both.cert", f"{here}/both.cert"),
        (f"{here}/c.cert", f"{here}/c.key"),
    )


def test_a_symlink_to_a_directory_is_a_certificate_that_cannot_be_read() -> None:
    state = with_files({"registry.k8s.io/note.txt": b""})
    listing = {**state.listings[TREE], "registry.k8s.io/a.crt": Entry("directory")}
    assert kinds(route(IMAGE, dataclasses.replace(state, listings={TREE: listing}), config())) == ["no_hosts_toml"]
    listing["registry.k8s.io/a.crt"] = Entry("directory", link="/etc")
    found = route(IMAGE, dataclasses.replace(state, listings={TREE: listing}), config())
    assert (kinds(found), found.asked) == (["no_hosts_toml", "pull_file"], ())


def test_hosts_that_may_not_resolve_a_tag() -> None:
    text = b'server = "https://m.example.com"\ncapabilities = ["pull"]\n[host]\n'
    state = with_files({"registry.k8s.io/hosts.toml": text})
    assert kinds(route(IMAGE, state, config())) == ["nobody_resolves"]
    assert kinds(route(Image("registry.k8s.io", "pause", "sha256:00"), state, config())) == []


# --- config.toml

DEFAULT_LIST = "/etc/containerd/certs.d:/etc/docker/certs.d"


@pytest.mark.parametrize(
    ("registry", "version", "roots"),
    [
        ({"config_path": TREE}, "2.3.4", (TREE,)),
        ({"config_path": "/a:/b"}, "1.7.24", ("/a", "/b")),
        ({"config_path": "/a:/b"}, "2.1.5", ()),
        # An entry there makes CRI pull by itself, as all older releases do.
        ({"config_path": "/a:/b", "configs": {"h": {"auth": {"username": "u"}}}}, "2.1.5", ("/a", "/b")),
        ({}, "1.7.24", ()),
        ({}, "2.3.4", ()),
        ({"configs": {"h": {"auth": {"username": "u"}}}}, "2.3.4", tuple(DEFAULT_LIST.split(":"))),
        ({"mirrors": {"x": {"endpoint": []}}}, "2.3.4", ()),
        ({"config_path": TREE}, "1.4.13", ()),
    ],
)
def test_which_directories_are_searched(registry: dict[str, t.Any], version: str, roots: tuple[str, ...]) -> None:
    assert config(registry, version).roots == roots
    assert unread(config(registry, version), NodeState()) == list(roots)


@pytest.mark.parametrize(
    ("registry", "version", "obstacle"),
    [
        ({}, "1.7.24", Obstacle("config_path_unset", CONFIG)),
        ({}, "2.3.4", Obstacle("config_path_unset", CONFIG)),
        ({"config_path": "/a:/b"}, "2.3.4", Obstacle("config_path_list", CONFIG, "/a:/b")),
    ],
)
def test_no_tree_is_read(registry: dict[str, t.Any], version: str, obstacle: Obstacle) -> None:
    found = route(IMAGE, NodeState(), config(registry, version))
    assert (urls(found), found.obstacles, found.source) == (UPSTREAM, (obstacle,), "")


def test_a_directory_whose_name_is_the_list() -> None:
    listed = config({"config_path": "/a:/b"}, "2.3.4")
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": MIRROR}, root="/a:/b"), listed)
    assert urls(found) == ["https://m.example.com/v2"]


def test_the_first_of_several_trees_that_has_a_directory_counts() -> None:
    listed = config({"config_path": f"/a:{TREE}"})
    first = with_files({"_default/hosts.toml": MIRROR}, root="/a")
    second = with_files({"registry.k8s.io/hosts.toml": b'server = "https://n.example.com"\n[host]\n'})
    assert urls(route(IMAGE, first.and_also(second), listed)) == ["https://m.example.com/v2"]
    absent = NodeState(directories={"/a": Entry("absent")}, listings={"/a": {}})
    assert urls(route(IMAGE, absent.and_also(second), listed)) == ["https://n.example.com/v2"]
    # Of a tree that nobody looked into, it cannot be told that it has none.
    assert kinds(route(IMAGE, second, listed)) == ["unknown"]


@pytest.mark.parametrize(
    ("version", "registry", "url", "skip_verify"),
    [
        ("1.7.24", {}, "http://localhost:5000/v2", None),
        ("2.3.4", {}, "http://localhost:5000/v2", True),
        ("2.3.4", {"mirrors": {"x": {"endpoint": []}}}, "http://localhost:5000/v2", None),
    ],
)
def test_a_registry_on_the_node_that_nothing_is_about(
    version: str, registry: dict[str, t.Any], url: str, skip_verify: bool | None
) -> None:
    found = route(Image("localhost:5000", "x", "1"), NodeState(), config(registry, version))
    assert (urls(found), found.steps[0].endpoint.skip_verify) == ([url], skip_verify)
    assert found.steps[0].is_upstream


MIRRORS: dict[str, tuple[dict[str, list[str]], list[str]]] = {
    "an exact entry, and the registry itself after it": (
        {"registry.k8s.io": ["https://a.example"], "*": ["https://b.example"]},
        ["https://a.example/v2", *UPSTREAM],
    ),
    "for all others": ({"docker.io": [], "*": ["https://b.example"]}, ["https://b.example/v2", *UPSTREAM]),
    "an empty exact entry keeps the one for all others out": (
        {"registry.k8s.io": [], "*": ["https://b.example"]},
        UPSTREAM,
    ),
    "the registry itself among them": (
        {"registry.k8s.io": ["http://registry.k8s.io", "https://a.example"]},
        ["http://registry.k8s.io/v2", "https://a.example/v2"],
    ),
    "a path as it is written": (
        {"registry.k8s.io": ["https://a.example/", "https://a.example/x/"]},
        ["https://a.example/", "https://a.example/x/", *UPSTREAM],
    ),
    "without a scheme": (
        {"registry.k8s.io": ["a.example:5000", "127.0.0.1:5000"]},
        ["https://a.example:5000/v2", "http://127.0.0.1:5000/v2", *UPSTREAM],
    ),
    "twice": (
        {"registry.k8s.io": ["https://a.example", "https://a.example"]},
        ["https://a.example/v2", "https://a.example/v2", *UPSTREAM],
    ),
}


@pytest.mark.parametrize("version", ["1.4.13", "1.7.24", "2.1.9"])
@pytest.mark.parametrize("name", MIRRORS)
def test_whom_tables_name(name: str, version: str) -> None:
    mirrors, expected = MIRRORS[name]
    tables = {"mirrors": {key: {"endpoint": endpoints} for key, endpoints in mirrors.items()}}
    assert urls(route(IMAGE, NodeState(), config(tables, version))) == expected


def test_docker_hub_is_asked_again_though_its_host_is_among_them() -> None:
    tables = {"mirrors": {"docker.io": {"endpoint": ["https://registry-1.docker.io"]}}}
    hub = "https://registry-1.docker.io/v2"
    assert urls(route(Image("docker.io", "library/x", "1"), NodeState(), config(tables))) == [hub, hub]


def test_tables_with_an_endpoint_that_is_no_url_fail_every_pull() -> None:
    tables = {"mirrors": {"*": {"endpoint": ["https://a.example", "https://b.example:port"]}}}
    found = route(IMAGE, NodeState(), config(tables))
    assert (kinds(found), found.asked) == (["tables_broken"], ())


@pytest.mark.parametrize(("written", "expected"), [("//etc/./gone.pem", ["pull_file"]), ("/etc/a/../gone.pem", [])])
def test_where_tables_say_a_certificate_is(written: str, expected: list[str]) -> None:
    configs = {"a.example": {"tls": {"ca_file": written}}}
    tables = {"mirrors": {"*": {"endpoint": ["https://a.example"]}}, "configs": configs}
    state = NodeState(files={"/etc/gone.pem": Entry("absent")})
    assert kinds(route(IMAGE, state, config(tables, "1.7.24"))) == expected


def test_tables_with_an_endpoint_that_not_every_release_takes_tell_nothing() -> None:
    tables = {"mirrors": {"*": {"endpoint": ["https://a.example:5000:1"]}}}
    found = route(IMAGE, NodeState(), config(tables))
    assert (found.unknown.kind, found.fails) == ("tables_uncertain", None)


@pytest.mark.parametrize("endpoint", ["https://%C3%A9vil.example.net", "https://[fe80::1%25eth0]"])
def test_tables_with_an_unusual_endpoint_have_it_asked(endpoint: str) -> None:
    found = route(IMAGE, NodeState(), config({"mirrors": {"*": {"endpoint": [endpoint]}}}))
    assert (kinds(found), len(found.asked)) == ([], 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"{TREE}//registry.k8s.io/ca.crt", []),
        (f"{TREE}/./registry.k8s.io/./ca.crt", []),
        (f"{TREE}/registry.k8s.io//gone.crt", ["pull_file"]),
        # Symlinks decide where these are.
        (f"{TREE}/../certs.d/registry.k8s.io/ca.crt", []),
        (f"{TREE}/registry.k8s.io/..", []),
    ],
)
def test_a_certificate_is_found_however_its_path_is_written(written: str, expected: list[str]) -> None:
    hosts = f'ca = "{written}"\n[host]\n'.encode()
    state = with_files({"registry.k8s.io/hosts.toml": hosts, "registry.k8s.io/ca.crt": b""})
    listing = {**state.listings[TREE], "registry.k8s.io/ca.crt": Entry("file", pem=("CERTIFICATE",))}
    assert kinds(route(IMAGE, dataclasses.replace(state, listings={TREE: listing}), config())) == expected


@pytest.mark.parametrize(("version", "expected"), [("1.7.24", ["pull_file"]), ("2.1.9", [])])
def test_tables_with_a_certificate_that_is_not_there(version: str, expected: list[str]) -> None:
    # The table is gone from 2.0 on.
    tls = {"a.example": {"tls": {"ca_file": "/etc/gone.pem"}}}
    tables = {"mirrors": {"*": {"endpoint": ["https://a.example"]}}, "configs": tls}
    state = NodeState(files={"/etc/gone.pem": Entry("absent")})
    assert kinds(route(IMAGE, state, config(tables, version))) == expected


@pytest.mark.parametrize(
    ("registry", "version", "expected"),
    [
        ({"config_path": TREE, "mirrors": {"x": {"endpoint": []}}}, "1.5.18", ["cri_stopped"]),
        ({"config_path": TREE, "mirrors": {"x": {"endpoint": []}}}, "2.3.4", ["cri_stopped"]),
        ({"config_path": TREE, "configs": {"x": {"tls": {"insecure_skip_verify": True}}}}, "1.7.24", ["cri_stopped"]),
        ({"config_path": TREE, "configs": {"x": {"tls": {"insecure_skip_verify": True}}}}, "2.3.4", ["unknown"]),
        # 1.4 knows no config_path.
        ({"config_path": TREE, "mirrors": {"x": {"endpoint": []}}}, "1.4.13", []),
        # It is in the printed defaults of these two.
        ({"mirrors": {"x": {"endpoint": []}}}, "2.2.1", ["cri_stopped"]),
        # Which lose an empty one of version 2.
        ({"config_path": "", "mirrors": {"x": {"endpoint": []}}}, "2.2.1", ["cri_stopped"]),
        ({"mirrors": {"x": {"endpoint": []}}}, "2.2.2", []),
    ],
)
def test_tables_that_keep_cri_from_being_loaded(registry: dict[str, t.Any], version: str, expected: list[str]) -> None:
    assert kinds(route(IMAGE, NodeState(), config(registry, version))) == expected


def test_mirrors_of_old() -> None:
    mirrors = {"mirrors": {"registry.k8s.io": {"endpoint": ["http://a.example.com", "https://b.example.com/x"]}}}
    tls = {"b.example.com": {"tls": {"ca_file": "/etc/ca.pem"}, "auth": {"auth": "dTpw"}}}
    found = route(IMAGE, NodeState(), config({**mirrors, "configs": tls}))
    assert urls(found) == ["http://a.example.com/v2", "https://b.example.com/x", *UPSTREAM]
    assert (found.source, found.entry, found.obstacles) == (CONFIG, "", ())
    assert [(step.endpoint.ca, step.auth) for step in found.steps] == [((), ""), (("/etc/ca.pem",), "dTpw"), ((), "")]


def test_credentials_and_headers_of_config_toml_go_along() -> None:
    registry = {
        "config_path": TREE,
        "configs": {"m.example.com": {"auth": {"username": "u", "password": "p"}}},
        "headers": {"X-Meta": ["1"]},
    }
    (step,) = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": MIRROR}), config(registry)).steps
    assert base64.b64decode(step.auth) == b"u:p"
    assert step.endpoint.header == (("X-Meta", ("1",)),)
    assert step.auth not in repr(step)


@pytest.mark.parametrize(("mtime", "expected"), [(200.0, ["not_restarted"]), (50.0, [])])
def test_a_config_toml_that_was_not_read_yet(mtime: float, expected: list[str]) -> None:
    files = {CONFIG: Entry("file", b"", mtime=mtime)}
    unit = {"started": 100.0}
    state = with_files({"registry.k8s.io/hosts.toml": MIRROR}, files=files, unit=unit)
    assert kinds(route(IMAGE, state, config())) == expected


# --- for the probe


def test_an_endpoint_for_the_probe() -> None:
    text = b"""server = "https://m.example.com:5000/v2/k8s"
override_path = true
ca = "ca.pem"
client = [["c.pem", "k.pem"]]
[header]
Authorization = "Basic x"
[host]
"""
    (step,) = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": text}), config()).steps
    here = f"{TREE}/registry.k8s.io"
    assert to_wire(step, IMAGE, Release.parse("1.7.24")) == {
        "scheme": "https",
        "host": "m.example.com:5000",
        "path": "/v2/k8s",
        "repository": "pause",
        "reference": "3.10",
        "ns": "registry.k8s.io",
        "ca": [f"{here}/ca.pem"],
        "client": [[f"{here}/c.pem", f"{here}/k.pem"]],
        "skip_verify": False,
        "tls_first": True,
        "header": [["Authorization", "Basic x"]],
        "header_to_token": False,
        "auth": "",
    }


@pytest.mark.parametrize("registry", ["registry.k8s.io", "docker.io", "localhost:5000"])
def test_the_registry_itself_is_not_told_whose_images_they_are(registry: str) -> None:
    image = Image(registry, "x", "1")
    (step,) = route(image, with_files({}), config()).steps
    assert to_wire(step, image, Release.parse("2.3.4"))["ns"] == ""


@pytest.mark.parametrize(
    ("host", "version", "first"),
    [
        ('"http://m.example.com:5000"]\nskip_verify = false', "1.7.24", True),
        ('"http://m.example.com:5000"]\nskip_verify = true', "1.6.20", False),
        ('"http://m.example.com:80"]\nskip_verify = true', "2.3.4", False),
        ('"http://m.example.com:5000"]', "2.3.4", False),
        ('"http://m.example.com:5000"]\ndial_timeout = "1s"', "2.0.11", True),
        ('"http://m.example.com:5000"]\ndial_timeout = "1s"', "2.1.9", False),
    ],
)
def test_when_tls_is_tried_first(host: str, version: str, first: bool) -> None:
    state = with_files({"registry.k8s.io/hosts.toml": f"[host.{host}\n".encode()})
    step = route(IMAGE, state, config(version=version)).steps[0]
    assert to_wire(step, IMAGE, Release.parse(version))["tls_first"] is first


def test_1_6_takes_no_image_of_a_registry_by_its_ipv6_address() -> None:
    image = Image("[fd00::1]:5000", "pause", "1")
    state = with_files({"[fd00::1]_5000_/hosts.toml": MIRROR})
    assert urls(route(image, state, config())) == ["https://m.example.com/v2"]
    found = route(image, state, config(version="1.6.39"))
    assert (found.asked, kinds(found), bool(found.fails)) == ((), ["no_name"], True)


def test_what_1_may_read_and_others_not_is_unknown() -> None:
    twice = b"[host.\"https://a\"]\n[host.'https://a']\n"
    found = route(IMAGE, with_files({"registry.k8s.io/hosts.toml": twice}), config())
    assert found.unknown is not None
    assert found.unknown.kind == "uncertain"
    assert kinds(route(IMAGE, with_files({"registry.k8s.io/hosts.toml": twice}), config(version="2.3.4"))) == [
        "dropped"
    ]


@pytest.mark.parametrize(
    ("text", "by_chance"),
    [
        (b'[host]\n"https://a" = {}\n"https://b" = {}\n', True),
        (b'host = {"https://a" = {}, "https://b" = {}}\n', True),
        (b'[host."https://a"]\r[host."https://b"]\r', True),
        (b'[host]\n"https://a" = {}\n[host."https://b"]\n', False),
        (b'[host]\n"https://a" = {}\n', False),
        (b'[host."https://a"]\r\n[host."https://b"]\r\n', False),
    ],
)
def test_hosts_that_share_a_line_come_to_1_in_no_order(text: bytes, by_chance: bool) -> None:
    state = with_files({"registry.k8s.io/hosts.toml": text})
    assert ("order_by_chance" in kinds(route(IMAGE, state, config()))) is by_chance
    assert "order_by_chance" not in kinds(route(IMAGE, state, config(version="2.3.4")))


def test_1_does_not_start_with_a_bracket_in_the_name_of_a_table() -> None:
    text = b'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."[::1]:5000"]\n'
    state = with_files({"registry.k8s.io/hosts.toml": MIRROR}, files={CONFIG: Entry("file", text)})
    found = route(IMAGE, state, config())
    assert found.unknown is not None
    assert (found.unknown.path, found.unknown.line) == (CONFIG, 2)
    assert route(IMAGE, state, config(version="2.3.4")).unknown is None
