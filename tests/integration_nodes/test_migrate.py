# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom containerd itself asks, before and after a migration, on every node that runs.

Each legacy file is put on a node as its config.toml, containerd is restarted, and an image that nobody has is pulled
from every namespace: a registry on the node writes down who is asked, in which order, at which path, with what. Then
the file is migrated, and all is done again. A few files are enough to see that it works; all of them take some minutes:

    AIRGAP_NODES_MIGRATE=all pytest tests/integration_nodes/test_migrate.py
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import os
import re
import tarfile
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import REGISTRY_CONFIG_PATH
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import (
    Legacy,
    endpoints,
    read_legacy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate import (
    Migration,
    Wish,
    is_needed,
    plan_migration,
    prove,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import plan_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, parse

if t.TYPE_CHECKING:
    from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
    from nodes.node import Node

try:
    from nodes import Testbed
    from nodes.authorities import certificates

    # 1.4 has no hosts.toml.
    NODES = {node.release.name: node for node in Testbed().nodes() if node.release.name != "1.4"}
except ImportError as error:
    pytest.skip(f"the testbed cannot be used: {error}", allow_module_level=True)
if not NODES:
    pytest.skip("no nodes are up; start them with `make nodes`", allow_module_level=True)

FIXTURES = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parents[1] / "unit" / "plugins" / "fixtures" / "legacy").glob("*.toml"))
}
# Sanity tests let no such file into the repository.
FIXTURES["crlf"] = FIXTURES["crlf"].replace("\n", "\r\n")
FEW = ("every-registry-and-empty-one", "hub-three-mirrors-in-order", "path-below-v2", "scheme-left-out", "tls-client")
# All of them take a node two minutes: one of each parser of hosts.toml by default.
THOROUGH = NODES if os.environ.get("AIRGAP_NODES_MIGRATE") == "all" else ("1.7", "2.3")
CHOSEN = {on: sorted(FIXTURES) if on in THOROUGH else FEW for on in NODES}

FILE = "/etc/containerd/config.toml"
TREE = "/etc/containerd/certs.d"
STUB = "/run/airgap-migrate"
PORTS = ("80", "443", "5000", "5001", "8443")
# A registry that no table names.
OTHER = "other.example.net"
IMAGE = "guarded/probe"
ADDRESS = "192.0.2.10"
# The names of every endpoint and namespace of the fixtures.
HOSTS = sorted(
    {
        *re.findall(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|io|dev)\b", "\n".join(FIXTURES.values())),
        *("kind-registry", "discovery", "registry-1.docker.io", "any.example.com", OTHER),
    }
)


@dataclasses.dataclass(frozen=True)
class Ask:
    """One endpoint as the registry saw it: address and path, the client's certificate, and what else came along."""

    url: str
    client: bool = False
    refused: bool = False
    authorization: str = ""
    meta: str = ""
    query: str = ""
    method: str = ""


@dataclasses.dataclass
class Measured:
    """Whom containerd asked for each namespace."""

    before: dict[str, list[Ask]]
    after: dict[str, list[Ask]]
    expected: dict[str, tuple[Endpoint, ...]]
    legacy: Legacy
    # With passwords as headers; empty where there are none.
    with_headers: dict[str, list[Ask]] = dataclasses.field(default_factory=dict)


# --- one node


@contextlib.contextmanager
def registry_on(node: Node, pems: dict[str, bytes]) -> t.Iterator[None]:
    """The registry answers on the node to all names, and the node trusts its first authority."""
    files = {f"{STUB}/{name}": content for name, content in pems.items()}
    files |= {f"/etc/ssl/{name}": pems[name] for name in ("private-ca.pem", "client.pem", "client-key.pem")}
    files[f"{STUB}/registry.py"] = (Path(__file__).parent / "logging_registry.py").read_bytes()
    files[f"{STUB}/hosts"] = "".join(f"127.0.0.1 {name}\n" for name in HOSTS).encode()
    node.shell(f"mkdir -p {STUB}").checked("mkdir")
    _put(node, files)
    node.shell(
        f"cp /etc/hosts {STUB}/hosts.old; cp /etc/ssl/certs/ca-certificates.crt {STUB}/trust.old; cp {FILE} {STUB}/old;"
        f"cat {STUB}/hosts >> /etc/hosts; cat {STUB}/public-ca.pem >> /etc/ssl/certs/ca-certificates.crt;"
        f"ip address replace {ADDRESS}/32 dev lo;"
        f"systemd-run --quiet --unit airgap-migrate python3 {STUB}/registry.py {STUB} {' '.join(PORTS)};"
        f"for i in $(seq 100); do [ -e {STUB}/ready ] && exit 0; sleep 0.1; done; exit 1"
    ).checked("the registry on the node")
    try:
        yield
    finally:
        node.shell(
            f"systemctl stop airgap-migrate; cat {STUB}/hosts.old > /etc/hosts; ip address del {ADDRESS}/32 dev lo;"
            f"cp {STUB}/trust.old /etc/ssl/certs/ca-certificates.crt; cp {STUB}/old {FILE}; rm -rf {STUB} {TREE};"
            "cd /etc/ssl && rm private-ca.pem client.pem client-key.pem;"
            "systemctl reset-failed containerd; systemctl restart containerd; node-ready"
        )


def _put(node: Node, files: dict[str, bytes]) -> None:
    script = "".join(
        f"mkdir -p {os.path.dirname(path)}; echo {base64.b64encode(content).decode()} | base64 -d > '{path}'\n"
        for path, content in files.items()
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("put.sh")
        entry.size = len(script)
        archive.addfile(entry, io.BytesIO(script.encode()))
    container = node.container
    assert container is not None
    container.put_archive("/root", packed.getvalue())
    node.run(["/bin/sh", "-e", "/root/put.sh"]).checked("files for the node")


def asked(node: Node, namespaces: t.Iterable[str]) -> dict[str, list[Ask]]:
    """Restarts containerd, pulls from each namespace, and reads what the registry has written down."""
    names = list(namespaces)
    pulls = "".join(
        f"echo '\"{name}\"' >> {STUB}/requests; timeout 20 crictl pull {_image(name)} >/dev/null 2>&1;"
        for name in names
    )
    log = node.shell(
        f": > {STUB}/requests; systemctl reset-failed containerd; systemctl restart containerd || exit 1;"
        "for i in $(seq 200); do crictl version >/dev/null 2>&1 && break; sleep 0.1; done;"
        f"crictl version >/dev/null || exit 1; {pulls} sleep 0.2; cat {STUB}/requests"
    ).checked(f"{node.name}: containerd with the file")
    return {name: _with_credentials(route) for name, route in routes(log).items()}


def routes(log: str) -> dict[str, list[Ask]]:
    """The endpoints of each namespace in the order in which they were asked."""
    entries = list(map(json.loads, log.splitlines()))
    ends = {entry["number"]: entry for entry in entries if isinstance(entry, dict) and "number" in entry}
    found: dict[str, list[Ask]] = {}
    route: list[Ask] = []
    for entry in entries:
        if isinstance(entry, str):
            route = found.setdefault(entry, [])
        elif "begins" in entry and (ask := _ask(ends[entry["begins"]])) not in route:
            route.append(ask)
    return found


def _image(namespace: str) -> str:
    return f"{'any.example.com' if namespace == '_default' else namespace}/{IMAGE}:1"


def _ask(entry: dict[str, t.Any]) -> Ask:
    prefix = entry["path"].partition(f"/{IMAGE}")[0]
    return Ask(
        url=f"{entry['scheme']}://{entry['host']}{prefix}",
        client=entry["client"],
        refused=entry["refused"],
        authorization=entry.get("authorization", ""),
        meta=entry.get("meta", ""),
        query=entry.get("query", ""),
        method=entry.get("method", ""),
    )


def _with_credentials(route: list[Ask]) -> list[Ask]:
    """Each endpoint once: the request without credentials only leads to the one with them."""
    better = {ask.url for ask in route if ask.authorization}
    return [ask for ask in route if ask.authorization or ask.url not in better]


def release(node: Node) -> Release:
    return Release.parse(node.run(["containerd", "--version"]).checked("containerd --version").split()[2])


def measure(node: Node, its_release: Release, text: str, pems: dict[str, bytes]) -> Measured | None:
    """None where the release does not read the file's tables."""
    files = (ConfigFile(FILE, parse(text)),)
    legacy = read_legacy(files, its_release)
    if not is_needed(legacy, Wish()):
        return None
    migration, changed = migrated(text, Wish(accept_losses=True), its_release, pems)
    names = [*migration.expected, OTHER]
    node.shell(f"rm -rf {TREE}")
    _put(node, {FILE: text.encode()})
    before = asked(node, names) if loads_cri(files, its_release) else {}
    _put(node, changed)
    found = Measured(before, asked(node, names), {}, legacy)
    found.expected = {**migration.expected, OTHER: endpoints(OTHER, legacy, its_release)}
    if any("password" in auth or "auth" in auth for auth in legacy.auth.values()):
        migration, changed = migrated(text, Wish(accept_losses=True, auth="header"), its_release, pems)
        node.shell(f"rm -rf {TREE}")
        _put(node, changed)
        found.with_headers = asked(node, names)
    return found


def loads_cri(files: tuple[ConfigFile, ...], its_release: Release) -> bool:
    """containerd 2.2.0 and 2.2.1 have a config_path that nobody asked for, beside which no mirrors may stand."""
    is_set = look_up(effective(files, its_release), REGISTRY_CONFIG_PATH) is not None
    return is_set or not its_release.rules.registry.default_stands_beside_mirrors


def migrated(text: str, wish: Wish, its_release: Release, pems: dict[str, bytes]) -> tuple[Migration, dict[str, bytes]]:
    """The migration, and every file as it leaves it."""
    state = NodeState(
        files={"/etc/ssl/private-ca.pem": Entry("file", pems["private-ca.pem"], "0" * 64, 9)},
        directories={f"/etc/ssl/{name}": Entry("file", size=9) for name in ("client.pem", "client-key.pem")},
    )
    files = (ConfigFile(FILE, parse(text)),)
    legacy = read_legacy(files, its_release)
    migration = plan_migration(state, legacy, wish, its_release)
    plan = plan_registries(state, migration.intent, {}, its_release)
    prove(migration, state, plan, its_release)
    edited = plan_config(text.encode(), migration.config_intent, its_release)
    tree = {change.path: change.content for change in plan.changes.changes if change.content is not None}
    return migration, {FILE: edited.text.encode(), **tree}


def measure_all(on: str, pems: dict[str, bytes]) -> dict[str, Measured | Exception | None]:
    found: dict[str, Measured | Exception | None] = {}
    node, its_release = NODES[on], release(NODES[on])
    with registry_on(node, pems):
        for name in CHOSEN[on]:
            try:
                found[name] = measure(node, its_release, FIXTURES[name], pems)
            except Exception as error:  # noqa: BLE001  it is told by the test of this file
                found[name] = error
    return found


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Measured | Exception | None]]:
    pems = certificates("public", "private", hosts=(*HOSTS, "localhost"), addresses=(ADDRESS, "127.0.0.1"))
    with ThreadPoolExecutor() as pool:
        return dict(zip(NODES, pool.map(lambda on: measure_all(on, pems), NODES), strict=True))


def expected_asks(route: tuple[Endpoint, ...], namespace: str, *, tls_counts: bool) -> list[tuple[str, bool, bool]]:
    """URL, with a client's certificate, not trusted."""
    found = []
    for end in route:
        host = end.host or ("any.example.com" if namespace == "_default" else namespace)
        is_private = host.startswith("private") and (end.scheme or "https") == "https"
        trusted = not is_private or (tls_counts and bool(end.ca or end.skip_verify))
        default = {"http": ":80", "https": ":443"}[end.scheme or "https"]
        bare = host.removesuffix(default) if not trusted else host
        path = (end.path if end.host else "/v2") if trusted else ""
        found.append((f"{end.scheme or 'https'}://{bare}{path}", bool(end.client) and tls_counts, not trusted))
    return found


def shape(route: list[Ask]) -> list[tuple[str, bool, bool]]:
    return [(ask.url, ask.client, ask.refused) for ask in route]


@pytest.mark.parametrize(("on", "name"), [(on, name) for on, names in CHOSEN.items() for name in names])
def test_the_same_endpoints_are_asked(
    measured: dict[str, dict[str, Measured | Exception | None]], on: str, name: str
) -> None:
    found = measured[on][name]
    if found is None:
        pytest.skip("the release does not read the tables of this file")
    if isinstance(found, Exception):
        raise found
    is_1 = on.startswith("1.")
    for namespace, route in found.expected.items():
        assert shape(found.after[namespace]) == expected_asks(route, namespace, tls_counts=True), "after"
        # containerd 2.x has no such table as configs.*.tls any more.
        if found.before:
            assert shape(found.before[namespace]) == expected_asks(route, namespace, tls_counts=is_1), "before"
    if found.before and (is_1 or not any(found.legacy.tls.values())):
        assert found.after == found.before
    assert found.with_headers in ({}, found.after)


HUB = "https://registry-1.docker.io/v2"
MIRROR = "https://mirror.example.com/v2"
# What the tables of old mean, rule by rule: a file, a namespace, and whom containerd itself asks for it, in order.
RULES: dict[str, tuple[str, str, list[str]]] = {
    "/v2 follows an endpoint without a path, and the registry itself comes last": (
        "hub-one-mirror",
        "docker.io",
        ["https://hub-cache.example.com/v2", HUB],
    ),
    "a path is taken as it stands, without /v2": (
        "path",
        "registry.k8s.io",
        ["https://harbor.example.com/k8s-cache", "https://registry.k8s.io/v2"],
    ),
    "a lone slash is a path, and /v2 is lost": (
        "path-lone-slash",
        "docker.io",
        ["https://mirror.example.com", "https://mirror-b.example.com/v2", HUB],
    ),
    "* serves a registry that has no entry": (
        "every-registry-but-one",
        OTHER,
        [MIRROR, "https://mirror-b.example.com/v2/all", f"https://{OTHER}/v2"],
    ),
    "an entry keeps its registry from *": (
        "every-registry-but-one",
        "quay.io",
        ["https://quay-cache.example.com/v2", "https://quay.io/v2"],
    ),
    "an empty entry keeps its registry from *": (
        "every-registry-and-empty-one",
        "ghcr.io",
        ["https://ghcr.io/v2"],
    ),
    "a registry among its own endpoints is not asked once more": (
        "endpoint-is-its-own-registry",
        "ghcr.example.com",
        [MIRROR, "https://ghcr.example.com/v2"],
    ),
    "without a scheme it is https, on loopback http": (
        "scheme-left-out",
        "docker.io",
        [
            MIRROR,
            "https://mirror-b.example.com:8443/cache",
            "http://localhost:5000/v2",
            "http://127.0.0.1:5000/v2",
            HUB,
        ],
    ),
}


def taken(measured: dict[str, dict[str, Measured | Exception | None]], on: str, name: str) -> Measured:
    found = measured[on][name]
    assert isinstance(found, Measured)
    return found


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("on", [on for on in NODES if on in THOROUGH])
def test_rule(measured: dict[str, dict[str, Measured | Exception | None]], on: str, rule: str) -> None:
    name, namespace, urls = RULES[rule]
    found = taken(measured, on, name)
    # Beside the config_path that 2.2.0 and 2.2.1 have by themselves, no tables count.
    for route in filter(None, (found.before.get(namespace), found.after[namespace])):
        assert [ask.url for ask in route] == urls


@pytest.mark.parametrize("on", [on for on in NODES if on in THOROUGH])
def test_rule_a_mirror_resolves_and_is_told_whose_image_it_is(
    measured: dict[str, dict[str, Measured | Exception | None]], on: str
) -> None:
    found = taken(measured, on, "hub-one-mirror")
    for route in filter(None, (found.before.get("docker.io"), found.after["docker.io"])):
        assert [(ask.method, ask.query) for ask in route] == [("HEAD", "ns=docker.io"), ("HEAD", "")]


@pytest.mark.parametrize("on", [on for on in NODES if on in THOROUGH])
def test_rule_tls_and_credentials_are_those_of_the_host_and_port_of_an_endpoint(
    measured: dict[str, dict[str, Measured | Exception | None]], on: str
) -> None:
    """In whichever registry's entry the endpoint stands; another port of the same host is another one."""
    trusted = taken(measured, on, "tls-of-one-host-in-many-registries").after
    assert [trusted[name][0].refused for name in ("docker.io", "quay.io", "registry.k8s.io")] == [False] * 3
    mirror, upstream = taken(measured, on, "auth-of-a-mirror").after["docker.io"]
    assert (mirror.refused, bool(mirror.authorization), bool(upstream.authorization)) == (False, True, False)


def test_how_many(
    measured: dict[str, dict[str, Measured | Exception | None]], capsys: pytest.CaptureFixture[str]
) -> None:
    ran = {on: sum(isinstance(found, Measured) for found in results.values()) for on, results in measured.items()}
    with capsys.disabled():
        counts = ", ".join(f"{count} on {on}" for on, count in ran.items())
        print(f"\nof {len(FIXTURES)} legacy files, migrations on the nodes: {counts}")
    for on, count in ran.items():
        assert count >= (40 if on in THOROUGH else len(FEW))
