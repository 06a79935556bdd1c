# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every legacy file, and whom containerd asks by it: before by the tables, after by the tree.

The routes below were asked of containerd itself, see tests/integration_nodes/test_migrate.py.
"""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest
import tomlkit
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import registries_plan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import (
    Legacy,
    read_legacy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate import (
    Migration,
    Wish,
    is_needed,
    plan_migration,
    prove,
    tree_of,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import Plan, plan_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, parse
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import show_route
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = {
    path.stem: path.read_bytes().decode()
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "legacy").glob("*.toml"))
}
# Sanity tests let no such file into the repository.
FIXTURES["crlf"] = FIXTURES["crlf"].replace("\n", "\r\n")
RELEASES = ("1.6.20", "1.7.24", "2.0.7", "2.1.5", "2.2.1", "2.3.4")
TREE = "/etc/containerd/certs.d"
REGISTRY = ("plugins", "io.containerd.cri.v1.images", "registry")
PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CA = "/etc/ssl/private-ca.pem"

HUB = "https://registry-1.docker.io/v2"
PRIVATE = f"https://private.example.com/v2 (ca {CA})"
MIRROR = "https://mirror.example.com/v2"
MIRROR_B = "https://mirror-b.example.com/v2"

# The endpoints of each namespace in the order in which containerd asks them.
ROUTES: dict[str, dict[str, str]] = {
    "auth-identity-token": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "auth-in-base64": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "auth-of-a-mirror": {
        "docker.io": f"{PRIVATE}, then {HUB}",
        "private.example.com": PRIVATE,
    },
    "auth-of-a-registry-without-mirror": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "auths-by-url": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "crlf": {
        "docker.io": f"https://hub-cache.example.com/v2, then {HUB}",
    },
    "dotted-keys": {
        "docker.io": f"{MIRROR}, then {HUB}",
        "quay.io": "https://mirror.example.com/v2/quay, then https://quay.io/v2",
    },
    "empty-entry-alone": {
        "docker.io": HUB,
    },
    "endpoint-is-its-own-registry": {
        "docker.io": "https://docker.io/v2",
        "gcr.example.com": "https://gcr.example.com/v2",
        "ghcr.example.com": f"{MIRROR}, then https://ghcr.example.com/v2",
    },
    "endpoint-own-registry-first": {
        "quay.example.com": f"https://quay.example.com/v2, then {MIRROR}",
    },
    "endpoint-own-registry-other-spelling": {
        "quay.example.com": "https://quay.example.com:443/v2, then https://quay.example.com/v2",
        "registry.example.com:443": "https://registry.example.com/v2, then https://registry.example.com:443/v2",
    },
    "endpoint-twice": {
        "docker.io": f"{MIRROR}, then {MIRROR_B}, then {HUB}",
    },
    "endpoint-with-user-and-query": {
        "docker.io": f"{MIRROR}, then {MIRROR_B}, then {HUB}",
    },
    "every-registry-and-empty-one": {
        "_default": f"{MIRROR}, then the registry itself",
        "ghcr.io": "https://ghcr.io/v2",
        "quay.io": "https://quay.io/v2",
        "mirror.example.com": MIRROR,
    },
    "every-registry-asks-itself": {
        "_default": f"https://registry.example.com:5000/v2, then {MIRROR}, then the registry itself",
        "registry.example.com:5000": f"https://registry.example.com:5000/v2, then {MIRROR}",
        "mirror.example.com": f"https://registry.example.com:5000/v2, then {MIRROR}",
    },
    "every-registry-but-one": {
        "_default": f"{MIRROR}, then https://mirror-b.example.com/v2/all, then the registry itself",
        "quay.io": "https://quay-cache.example.com/v2, then https://quay.io/v2",
        "mirror.example.com": f"{MIRROR}, then https://mirror-b.example.com/v2/all",
        "mirror-b.example.com": f"{MIRROR}, then https://mirror-b.example.com/v2/all",
    },
    "every-registry-with-tls": {
        "_default": f"{PRIVATE}, then the registry itself",
        "private.example.com": PRIVATE,
        "private-b.example.com": f"{PRIVATE}, then https://private-b.example.com/v2 (ca /etc/ssl/private-ca.pem)",
    },
    "every-registry": {
        "_default": f"{MIRROR}, then the registry itself",
        "mirror.example.com": MIRROR,
    },
    "headers": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "hub-default-of-1.4": {
        "docker.io": HUB,
    },
    "hub-mirror-before-registry-1": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "hub-one-mirror": {
        "docker.io": f"https://hub-cache.example.com/v2, then {HUB}",
    },
    "hub-registry-1-before-mirror": {
        "docker.io": f"{HUB}, then {MIRROR}",
    },
    "hub-three-mirrors-in-order": {
        "docker.io": (
            f"https://mirror-c.example.com/v2, then https://mirror-a.example.com/v2, then {MIRROR_B}, then {HUB}"
        ),
    },
    "inline-tables": {
        "docker.io": f"https://mirror.example.com/v2 (skip_verify), then {HUB}",
        "quay.io": "https://quay.io/v2",
        "mirror.example.com": "https://mirror.example.com/v2 (skip_verify)",
    },
    "loopback-registry": {
        "localhost:5000": "http://localhost:5000/v2",
        "127.0.0.1:5000": f"{MIRROR}, then http://127.0.0.1:5000/v2",
    },
    "many-registries": {
        "docker.io": f"https://mirror-a.example.com/v2, then {MIRROR_B}, then {HUB}",
        "gcr.io": "https://gcr-mirror.example.com/v2, then https://gcr.io/v2",
        "k8s.gcr.io": "https://mirror-a.example.com/google_containers, then https://k8s.gcr.io/v2",
        "quay.io": "https://quay-mirror.example.com/v2, then https://quay.io/v2",
        "ghcr.io": "https://ghcr-mirror.example.com/v2, then https://ghcr.io/v2",
        "192.0.2.10:5000": "http://192.0.2.10:5000/v2",
    },
    "mirror-key-misspelt": {
        "docker.io": HUB,
        "quay.io": f"{MIRROR}, then https://quay.io/v2",
    },
    "mirror-of-nobody": {
        "docker.io": f"{MIRROR_B}, then {HUB}",
    },
    "no-final-newline": {
        "_default": f"{MIRROR}, then the registry itself",
        "mirror.example.com": MIRROR,
    },
    "path-below-v2": {
        "docker.io": (
            "https://harbor.example.com/v2/hub-cache, then "
            "https://nexus.example.com:8443/repository/docker/v2/proxy, then "
            f"{HUB}"
        ),
    },
    "path-ends-in-v2": {
        "quay.io": f"{MIRROR}, then https://mirror.example.com/artifactory/api/docker/quay/v2, then https://quay.io/v2",
    },
    "path-lone-slash": {
        "docker.io": f"https://mirror.example.com, then {MIRROR_B}, then {HUB}",
    },
    "path-with-slash-behind": {
        "docker.io": f"https://harbor.example.com/v2/hub-cache, then https://harbor.example.com/double/up, then {HUB}",
    },
    "path": {
        "registry.k8s.io": "https://harbor.example.com/k8s-cache, then https://registry.k8s.io/v2",
    },
    "port-443-written": {
        "docker.io": f"https://mirror.example.com:443/v2 (skip_verify), then {HUB}",
        "mirror.example.com:443": "https://mirror.example.com:443/v2 (skip_verify)",
    },
    "registry-by-address": {
        "192.0.2.10:5000": "http://192.0.2.10:5000/v2",
    },
    "registry-with-port": {
        "registry.example.com:5000": (
            "https://registry.example.com:5000/v2, then https://registry-b.example.com:5000/v2"
        ),
        "registry.example.com": "https://registry.example.com:5000/v2, then https://registry.example.com/v2",
    },
    "registry-without-dot": {
        "localhost:5001": "http://kind-registry:5000/v2, then http://localhost:5001/v2",
        "discovery:5000": "http://discovery:5000/v2",
    },
    "scheme-http": {
        "docker.io": f"http://mirror.example.com:5000/v2, then http://mirror-b.example.com/v2, then {HUB}",
    },
    "scheme-in-capitals": {
        "docker.io": f"{MIRROR}, then http://mirror-b.example.com:5000/v2, then {HUB}",
    },
    "scheme-left-out": {
        "docker.io": (
            f"{MIRROR}, then "
            "https://mirror-b.example.com:8443/cache, then "
            "http://localhost:5000/v2, then "
            "http://127.0.0.1:5000/v2, then "
            f"{HUB}"
        ),
    },
    "split-and-unordered": {
        "docker.io": f"https://mirror.example.com/v2 (skip_verify), then {HUB}",
        "quay.io": f"{MIRROR_B}, then https://quay.io/v2",
        "mirror.example.com": "https://mirror.example.com/v2 (skip_verify)",
    },
    "tabs-and-trailing-spaces": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "tls-ca": {
        "harbor.example.com": (
            "https://private1.example.com:5000/v2 (ca /etc/ssl/private-ca.pem), then "
            "https://private2.example.com:5000/v2 (ca /etc/ssl/private-ca.pem), then "
            "https://harbor.example.com/v2"
        ),
        "private1.example.com:5000": "https://private1.example.com:5000/v2 (ca /etc/ssl/private-ca.pem)",
        "private2.example.com:5000": "https://private2.example.com:5000/v2 (ca /etc/ssl/private-ca.pem)",
    },
    "tls-client": {
        "registry.k8s.io": (
            "https://private.example.com/v2/k8s (ca /etc/ssl/private-ca.pem, client /etc/ssl/client.pem), then "
            f"{MIRROR}, then "
            "https://registry.k8s.io/v2"
        ),
        "private.example.com": (
            "https://private.example.com/v2 (ca /etc/ssl/private-ca.pem, client /etc/ssl/client.pem)"
        ),
    },
    "tls-empty-table": {
        "docker.io": f"{MIRROR}, then {HUB}",
    },
    "tls-empty-texts": {
        "discovery:5000": "http://discovery:5000/v2",
    },
    "tls-of-a-registry-without-mirror": {
        "private.example.com": "https://private.example.com/v2 (skip_verify)",
        "private.example.com:8443": "https://private.example.com:8443/v2 (ca /etc/ssl/private-ca.pem)",
    },
    "tls-of-docker-hub": {
        "docker.io": f"{PRIVATE}, then https://registry-1.docker.io/v2 (ca /etc/ssl/private-ca.pem)",
        "private.example.com": PRIVATE,
    },
    "tls-of-nobody": {
        "docker.io": f"https://mirror.example.com:5000/v2, then {HUB}",
    },
    "tls-of-one-host-in-many-registries": {
        "docker.io": f"https://private.example.com/v2/hub (ca /etc/ssl/private-ca.pem), then {HUB}",
        "quay.io": "https://private.example.com/v2/quay (ca /etc/ssl/private-ca.pem), then https://quay.io/v2",
        "registry.k8s.io": (
            "https://private.example.com/v2/k8s (ca /etc/ssl/private-ca.pem), then "
            "http://private.example.com:5000/v2, then "
            "https://registry.k8s.io/v2"
        ),
        "private.example.com": PRIVATE,
    },
    "tls-relative-path": {
        "docker.io": f"{PRIVATE}, then {HUB}",
        "private.example.com": PRIVATE,
    },
    "tls-skip-verify": {
        "docker.io": f"https://private.example.com/v2 (skip_verify), then {HUB}",
        "private.example.com": "https://private.example.com/v2 (skip_verify)",
    },
    "version-1": {
        "docker.io": f"{MIRROR}, then {HUB}",
        "192.0.2.10:5000": "http://192.0.2.10:5000/v2",
    },
    "version-3": {
        "docker.io": f"{MIRROR}, then https://mirror-b.example.com/v2/hub, then {HUB}",
    },
}
LOSSES = {
    "mirror-of-nobody": ['registry.mirrors."registry-1.docker.io"', 'registry.mirrors."https://quay.io"'],
    "tls-of-nobody": ['registry.configs."https://mirror.example.com:5000".tls', 'registry.configs."docker.io".tls'],
}
# Files that say nothing to a release.
SILENT = {"version-1": ("2.0.7", "2.1.5", "2.2.1"), "version-3": ("1.6.20", "1.7.24")}


@dataclasses.dataclass(frozen=True)
class Done:
    """One migration, as far as it goes without a node."""

    legacy: Legacy
    migration: Migration
    plan: Plan
    routes: dict[str, tuple[str, str]]

    @property
    def tree(self) -> dict[str, str]:
        changes = self.plan.changes.changes
        return {change.path: change.content.decode() for change in changes if change.content is not None}


def files(text: str) -> tuple[ConfigFile, ...]:
    return (ConfigFile("/etc/containerd/config.toml", parse(text)),)


def node(**hosts_toml: str) -> NodeState:
    """A node with the certificates that the fixtures name, and with hosts.toml files by directory."""
    paths = {f"{TREE}/{name}/hosts.toml": text for name, text in hosts_toml.items() if text is not None}
    listing = {name: Entry("directory") for name in hosts_toml}
    listing |= {f"{name}/hosts.toml": Entry("file") for name, text in hosts_toml.items() if text}
    texts = {path: Entry("file", text.encode(), "0" * 64, mode="0644") for path, text in paths.items() if text}
    return NodeState(
        files={
            CA: Entry("file", PEM, "0" * 64, len(PEM)),
            "/etc": Entry("directory"),
            "/etc/containerd": Entry("directory"),
        },
        directories={
            "/etc/ssl/client.pem": Entry("file", size=9),
            "/etc/ssl/client-key.pem": Entry("file", size=9),
            TREE: Entry("directory" if hosts_toml else "absent"),
        },
        listings={TREE: listing},
        globs={f"{TREE}/*/hosts.toml": texts},
    )


def migrated(text: str, release: str = "1.7.24", state: NodeState | None = None, **options: t.Any) -> Done:
    known, state, wish = Release.parse(release), state or node(), Wish(**options)
    legacy = read_legacy(files(text), known)
    migration = plan_migration(state, legacy, wish, known)
    plan = plan_registries(state, migration.intent, {}, known)
    proofs = prove(migration, state, plan, known)
    routes = {proof.namespace: (show_route(proof.before), show_route(proof.after)) for proof in proofs}
    return Done(legacy, migration, plan, routes)


def edited(text: str, migration: Migration, release: Release) -> tuple[ConfigFile, ...]:
    """config.toml as the migration leaves it."""
    return files(plan_config(text.encode(), migration.config_intent, release).text)


def refusal(text: str, release: str = "1.7.24", state: NodeState | None = None, **options: t.Any) -> str:
    with pytest.raises(DomainError) as caught:
        migrated(text, release, state, **options)
    return str(caught.value)


def registry(rest: str) -> str:
    """A version 2 file; @ stands for the registry table."""
    return "version = 2\n" + rest.replace("@", 'plugins."io.containerd.grpc.v1.cri".registry')


def mirror(namespace: str, *endpoints: str) -> str:
    quoted = ", ".join(f'"{endpoint}"' for endpoint in endpoints)
    return registry(f'[@.mirrors."{namespace}"]\nendpoint = [{quoted}]\n')


def test_there_are_enough_files() -> None:
    assert len(FIXTURES) >= 40
    assert FIXTURES.keys() == ROUTES.keys()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", FIXTURES)
def test_every_file(name: str, release: str) -> None:
    known = Release.parse(release)
    if release in SILENT.get(name, ()):
        assert not is_needed(read_legacy(files(FIXTURES[name]), known), Wish())
        return
    done = migrated(FIXTURES[name], release, accept_losses=True)
    assert done.routes == {namespace: (route, route) for namespace, route in ROUTES[name].items()}
    assert [loss.split(": ")[0] for loss in done.migration.losses] == LOSSES.get(name, [])


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", FIXTURES)
def test_nothing_is_left_to_migrate_and_nothing_else_changes(name: str, release: str) -> None:
    known = Release.parse(release)
    before = files(FIXTURES[name])
    if release in SILENT.get(name, ()):
        return
    migration = migrated(FIXTURES[name], release, accept_losses=True).migration
    after = edited(FIXTURES[name], migration, known)
    assert not is_needed(read_legacy(after, known), Wish())
    assert not read_legacy(after, known).tls
    old, new = effective(before, known), effective(after, known)
    table = look_up(new, REGISTRY)
    assert table["config_path"] == TREE
    assert table.keys() <= {"config_path", "configs", "auths", "headers"}
    assert [key for key in table.get("configs", {}).values() if key.keys() != {"auth"}] == []
    old["plugins"][REGISTRY[1]].pop("registry")
    new["plugins"][REGISTRY[1]].pop("registry")
    assert {**old, "plugins": {k: v for k, v in old["plugins"].items() if v}} == {
        **new,
        "plugins": {k: v for k, v in new["plugins"].items() if v},
    }


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_refused_unless_accepted(name: str) -> None:
    message = refusal(FIXTURES[name])
    assert message.startswith("accept_losses: ")
    assert all(loss in message for loss in LOSSES[name])


@pytest.mark.parametrize(
    ("name", "release", "reason"),
    [
        ("hub-one-mirror", "1.4.13", "containerd 1.4.13 reads no hosts.toml"),
        ("every-registry", "1.6.16", "does not know the _default namespace, which is what * becomes"),
        ("every-registry", "1.5.18", "does not know the _default namespace, which is what * becomes"),
        ("path", "1.5.18", "needs override_path in hosts.toml, which containerd 1.5.18 does not know"),
    ],
)
def test_what_a_release_has_no_form_for_is_refused(name: str, release: str, reason: str) -> None:
    assert reason in refusal(FIXTURES[name], release)


@pytest.mark.parametrize("name", ["hub-one-mirror", "path-ends-in-v2", "tls-client", "loopback-registry"])
def test_what_1_5_has_a_form_for_is_migrated(name: str) -> None:
    if name == "tls-client":
        assert "override_path" in refusal(FIXTURES[name], "1.5.18")
    else:
        assert migrated(FIXTURES[name], "1.5.18").routes


WRONG = {
    "no host": (mirror("docker.io", "https://"), "names no host"),
    "no URL at all": (mirror("docker.io", ""), "names no host"),
    "another scheme": (mirror("docker.io", "ftp://a.example"), "neither http nor https"),
    "an escape in the path": (mirror("docker.io", "https://a.example/a%2Fb"), "characters that not every containerd"),
    "with and without a slash": (mirror("docker.io", "https://a.example", "https://a.example/"), "cannot tell apart"),
    "mirrors is a text": (registry('[@]\nmirrors = "a"\n'), "registry.mirrors: is not a table"),
    "endpoint is a text": (registry('[@.mirrors."a.b"]\nendpoint = "a"\n'), "is not a list of texts"),
    "a key without certificate": (
        registry('[@.configs."a.example".tls]\nkey_file = "/k"\n'),
        "has no cert_file, so that every pull from a.example fails",
    ),
    "skip_verify is a text": (
        registry('[@.configs."a.example".tls]\ninsecure_skip_verify = "yes"\n'),
        "is not true or false",
    ),
    "no certificate in the ca": (
        registry('[@.configs."a.example".tls]\nca_file = "/etc/ssl/nothing.pem"\n'),
        "/etc/ssl/nothing.pem does not exist on the node",
    ),
    "IPv6 before 2.0": (
        mirror("docker.io", "https://[2001:db8::1]:5000"),
        "cannot read a host with an IPv6 address in brackets",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_tables_are_refused(name: str) -> None:
    text, reason = WRONG[name]
    assert reason in refusal(text)


def test_no_secret_of_an_endpoint_is_told() -> None:
    message = refusal(mirror("docker.io", "https://puller:hush@"))
    assert "hush" not in message


# --- what is on the node already

HUB_ONE = mirror("docker.io", "https://a.example")


def test_a_file_that_says_the_same_is_left() -> None:
    done = migrated(HUB_ONE, state=node(**{"docker.io": '[host."https://a.example"]\n'}))
    assert done.migration.kept == (f"{TREE}/docker.io/hosts.toml",)
    assert done.plan.changes == ChangeSet()
    assert done.routes["docker.io"][0] == f"https://a.example/v2, then {HUB}"


ELSEWHERE = {
    "another host": ("docker.io", '[host."https://b.example"]\n'),
    "another order": ("docker.io", 'server = "https://a.example"\n[host]\n'),
    "not for tags": ("docker.io", '[host."https://a.example"]\ncapabilities = ["pull"]\n'),
    "not readable": ("docker.io", '[host."https://a.example"]\ncapabilities = ["pul"]\n'),
    "a namespace without a table": ("quay.io", '[host."https://b.example"]\n'),
    "any other registry": ("_default", '[host."https://b.example"]\n'),
    "with a port": ("quay.io_5000_", '[host."https://b.example"]\n'),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_file_that_says_something_else_is_refused(name: str) -> None:
    directory, text = ELSEWHERE[name]
    message = refusal(HUB_ONE, state=node(**{directory: text}))
    assert message.startswith(f"{TREE}/{directory}/hosts.toml: asks ")
    assert "overwrite: true" in message


@pytest.mark.parametrize("name", ELSEWHERE)
def test_overwritten_it_says_what_the_tables_say(name: str) -> None:
    directory, text = ELSEWHERE[name]
    done = migrated(HUB_ONE, state=node(**{directory: text}), overwrite=True)
    assert done.plan.adopted == (f"{TREE}/{directory}/hosts.toml",)
    assert [change.backup for change in done.plan.changes.changes if change.op == "replace"] == [True]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_left_alone_it_stays(name: str) -> None:
    directory, text = ELSEWHERE[name]
    namespace = "quay.io:5000" if "5000" in directory else directory
    done = migrated(HUB_ONE, state=node(**{directory: text}), leave=frozenset({namespace}))
    assert namespace not in done.routes
    assert f"{TREE}/{directory}/hosts.toml" not in done.tree


def test_a_bare_directory_would_hide_default() -> None:
    every = mirror("*", "https://a.example")
    done = migrated(every, state=node(**{"quay.io": ""}))
    assert done.routes["quay.io"][1] == "https://a.example/v2, then https://quay.io/v2"
    assert f"{TREE}/quay.io/hosts.toml" in done.tree


def test_certificates_of_docker_would_be_read() -> None:
    state = node(**{"quay.io": ""})
    listing = {**state.listings[TREE], "quay.io/ca.crt": Entry("file")}
    state = dataclasses.replace(state, listings={TREE: listing})
    assert "for the certificates in it" in refusal(HUB_ONE, state=state)
    assert "quay.io" not in migrated(HUB_ONE, state=state, leave=frozenset({"quay.io"})).routes
    assert "quay.io" in migrated(HUB_ONE, state=state, overwrite=True).routes


def test_what_is_listed_elsewhere_takes_its_certificates_along() -> None:
    done = migrated(FIXTURES["tls-empty-texts"], leave=frozenset({"discovery:5000"}))
    assert (done.routes, done.migration.losses) == ({}, ())


# --- beside config_path

BESIDE = registry(f'[@]\nconfig_path = "{TREE}"\n[@.configs."a.example".tls]\ninsecure_skip_verify = true\n')


def test_tls_beside_config_path_is_lost_on_1_x() -> None:
    assert "config_path is set, and what the tree says of a.example stays as it is" in refusal(BESIDE)
    done = migrated(BESIDE, accept_losses=True)
    assert (done.routes, done.plan.changes) == ({}, ChangeSet())
    assert done.migration.absent == ((*REGISTRY, "configs"),)


def test_tls_beside_config_path_goes_on_2_x() -> None:
    done = migrated(BESIDE, "2.1.5", state=node(**{"a.example": '[host."https://b.example"]\n'}))
    assert done.migration.losses == ()
    assert done.migration.intent.config_path == TREE
    assert "reads no such table" in done.migration.warnings[0]


def test_an_empty_table_of_tls_keeps_cri_from_loading() -> None:
    text = registry(f'[@]\nconfig_path = "{TREE}"\n[@.configs."a.example".tls]\n')
    legacy = read_legacy(files(text), Release.parse("1.7.24"))
    assert is_needed(legacy, Wish())
    assert migrated(text).migration.absent == ((*REGISTRY, "configs"),)


def test_mirrors_beside_config_path_win_in_the_directory_that_it_names() -> None:
    text = mirror("docker.io", "https://a.example") + registry('[@]\nconfig_path = "/etc/tree"\n').removeprefix(
        "version = 2\n"
    )
    done = migrated(text)
    assert list(done.tree) == ["/etc/tree/docker.io/hosts.toml"]
    assert "has not loaded CRI with both" in done.migration.warnings[0]
    assert tree_of(done.legacy, Wish(config_path="/etc/other")) == "/etc/other"


def test_without_mirrors_2_2_reads_the_usual_directory_already() -> None:
    text = registry('[@.configs."a.example".tls]\ninsecure_skip_verify = true\n')
    state = node(**{"quay.io": '[host."https://b.example"]\n'})
    assert list(migrated(text, "2.2.7", state=state).routes) == ["a.example"]
    assert "quay.io/hosts.toml: asks" in refusal(text, "2.1.5", state=state)


# --- credentials and headers


def test_credentials_stay_by_default() -> None:
    done = migrated(FIXTURES["auth-of-a-mirror"])
    assert done.migration.kept == ('registry.configs."private.example.com".auth',)
    assert done.migration.absent == ((*REGISTRY, "mirrors"), (*REGISTRY, "configs", "private.example.com", "tls"))
    assert not any("Authorization" in text for text in done.tree.values())


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("auth-of-a-mirror", "cHVsbGVyOmZpeHR1cmUtcGFzc3dvcmQtMQ=="),
        ("auth-in-base64", "cHVsbGVyOmZpeHR1cmUtcGFzc3dvcmQtMg=="),
        ("auth-of-a-registry-without-mirror", "cHVsbGVyOmZpeHR1cmUtcGFzc3dvcmQtMw=="),
    ],
)
def test_credentials_become_a_header(name: str, header: str) -> None:
    done = migrated(FIXTURES[name], "2.1.5", auth="header")
    changes = [
        c for c in done.plan.changes.changes if c.content and f'Authorization = "Basic {header}"'.encode() in c.content
    ]
    assert changes
    assert {change.mode for change in changes} == {"0600"}
    assert done.migration.kept == ()
    assert (*REGISTRY, "configs") in done.migration.absent
    assert not done.migration.warnings or all("passed over" in warning for warning in done.migration.warnings)
    assert not done.plan.warnings
    assert "fixture-password" not in str(done.routes)


@pytest.mark.parametrize("release", ["1.6.20", "1.7.24", "2.0.7"])
def test_a_header_that_services_of_tokens_never_see_is_a_loss(release: str) -> None:
    loss = 'registry.configs."private.example.com".auth: '
    message = refusal(FIXTURES["auth-of-a-mirror"], release, auth="header")
    assert message.startswith(f"accept_losses: {loss}")
    assert "hand out tokens" in message
    assert "auth: keep" in message
    done = migrated(FIXTURES["auth-of-a-mirror"], release, auth="header", accept_losses=True)
    assert [text.startswith(loss) for text in done.migration.losses] == [True]
    assert done.plan.warnings == ()


SHARED = mirror("docker.io", "https://a.example") + registry(
    '[@.mirrors."quay.io"]\nendpoint = ["https://a.example"]\n'
    '[@.configs."a.example".auth]\nusername = "u"\npassword = "p"\n'
    '[@.configs."b.example".auth]\nusername = "u"\npassword = "p"\n'
).removeprefix("version = 2\n")
ASKS_A = '[host."https://a.example"]\n'
WITH_HEADER = ASKS_A + '[host."https://a.example".header]\nAuthorization = "Basic dTpw"\n'


@pytest.mark.parametrize(
    ("left", "stays"),
    [
        ({"quay.io": ASKS_A}, {"a.example"}),
        ({"quay.io": None}, {"a.example"}),
        ({"quay.io": "[[ no TOML"}, {"a.example"}),
        ({"quay.io": WITH_HEADER}, set()),
        ({"quay.io": '[host."https://c.example"]\n'}, set()),
        ({"quay.io": WITH_HEADER, "ghcr.io": ASKS_A}, {"a.example"}),
        ({"a.example": None, "quay.io": WITH_HEADER}, {"a.example"}),
        ({"quay.io": WITH_HEADER, "ghcr.io": '[host."https://b.example"]\n'}, {"b.example"}),
    ],
    ids=[
        "its file sends none",
        "it has no file",
        "its file cannot be read",
        "its file sends its own",
        "its file asks another host",
        "a file of which no table speaks sends none",
        "the host itself is left",
        "a registry and a file that is left",
    ],
)
def test_credentials_stay_that_a_namespace_needs_which_is_left(left: dict[str, str | None], stays: set[str]) -> None:
    listed = {name: text for name, text in left.items() if text is not None}
    done = migrated(SHARED, "2.1.5", state=node(**listed), auth="header", leave=frozenset(left))
    assert {path for path in done.migration.kept if path.endswith(".auth")} == {
        f'registry.configs."{host}".auth' for host in stays
    }
    told = [warning for warning in done.migration.warnings if "which is left out" in warning]
    assert len(told) == len(stays)
    moved = edited(SHARED, done.migration, Release.parse("2.1.5"))
    assert read_legacy(moved, Release.parse("2.1.5")).auth.keys() == stays
    sends = any("Authorization" in text for path, text in done.tree.items() if "docker.io" in path)
    assert sends == ("a.example" not in stays)


def test_an_identity_token_stays() -> None:
    done = migrated(FIXTURES["auth-identity-token"], "2.1.5", auth="header")
    assert done.migration.kept == ('registry.configs."mirror.example.com".auth',)
    assert "without its transfer service" in done.migration.warnings[0]


def test_credentials_alone_are_migrated_only_when_they_are_to_move() -> None:
    text = registry('[@.configs."a.example".auth]\nusername = "u"\npassword = "p"\n')
    legacy = read_legacy(files(text), Release.parse("2.1.5"))
    assert not is_needed(legacy, Wish())
    assert is_needed(legacy, Wish(auth="header"))
    done = migrated(text, "2.1.5", auth="header")
    assert done.routes["a.example"] == ("https://a.example/v2", "https://a.example/v2 (header Authorization)")
    moved = edited(text, done.migration, Release.parse("2.1.5"))
    assert not is_needed(read_legacy(moved, Release.parse("2.1.5")), Wish(auth="header"))


def test_auths_stay() -> None:
    done = migrated(FIXTURES["auths-by-url"], "2.1.5", auth="header")
    assert done.migration.kept == ('registry.auths."https://mirror.example.com"',)


def test_headers_stay_or_are_carried() -> None:
    assert migrated(FIXTURES["headers"]).migration.kept == ("registry.headers",)
    for release, is_told in {"1.6.20": True, "1.7.24": True, "2.1.5": False}.items():
        told = [text for text in migrated(FIXTURES["headers"], release).migration.warnings if "journal" in text]
        assert len(told) == is_told
    assert "no longer to those of any other" in refusal(FIXTURES["headers"], headers="carry")
    done = migrated(FIXTURES["headers"], headers="carry", accept_losses=True)
    assert done.routes["docker.io"] == (
        f"{MIRROR}, then {HUB}",
        f"{MIRROR} (header X-Meta-Node), then {HUB} (header X-Meta-Node)",
    )
    assert (*REGISTRY, "headers") in done.migration.absent


# --- the rest


def test_an_endpoint_that_is_written_twice_is_asked_once() -> None:
    done = migrated(mirror("docker.io", "https://registry-1.docker.io", "https://registry-1.docker.io/v2"))
    assert done.routes["docker.io"][1] == HUB


def test_tables_that_the_release_does_not_read_are_not_dropped_in_silence() -> None:
    text = (
        HUB_ONE
        + '[plugins."io.containerd.cri.v1.images".registry.mirrors."quay.io"]\nendpoint = ["https://b.example"]\n'
    )
    assert "containerd 1.7.24 reads nothing of it" in refusal(text)


def test_the_proof_would_see_a_tree_that_says_something_else() -> None:
    done = migrated(HUB_ONE)
    changes = tuple(
        dataclasses.replace(change, content=change.content.replace(b"a.example", b"b.example"))
        if change.content
        else change
        for change in done.plan.changes.changes
    )
    forged = dataclasses.replace(done.plan, changes=ChangeSet(changes))
    with pytest.raises(DomainError, match=r"would ask https://b.example/v2, then .* instead of https://a.example/v2"):
        prove(done.migration, node(), forged, Release.parse("1.7.24"))


@pytest.mark.parametrize(
    ("release", "warns"), [("1.5.18", True), ("1.6.20", False), ("1.7.24", False), ("2.1.5", False)]
)
def test_1_5_asks_registries_on_the_node_by_tls_only(release: str, warns: bool) -> None:
    told = [text for text in migrated(HUB_ONE, release).migration.warnings if "localhost" in text]
    assert bool(told) is warns


# --- whatever the tables say

HOSTS = st.sampled_from(
    ["a.example", "b.example:5000", "docker.io", "registry-1.docker.io", "quay.io", "localhost:5000"]
)
NAMESPACES = st.sampled_from(["docker.io", "quay.io", "a.example", "b.example:5000", "localhost:5000", "*"])
PATHS = st.sampled_from(["", "", "/", "/v2", "/v2/", "/v2/hub", "/cache", "/cache//deep/"])
ENDPOINTS = st.builds(
    lambda *parts: "".join(parts), st.sampled_from(["https://", "http://", "", "HTTP://"]), HOSTS, PATHS
)
TLS = st.fixed_dictionaries({}, optional={"ca_file": st.just(CA), "insecure_skip_verify": st.booleans()})
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "mirrors": st.dictionaries(NAMESPACES, st.fixed_dictionaries({"endpoint": st.lists(ENDPOINTS, max_size=4)})),
        "configs": st.dictionaries(HOSTS, st.fixed_dictionaries({"tls": TLS})),
    },
)


@given(tables=TABLES, release=st.sampled_from(RELEASES))
def test_any_tables_are_carried_or_refused_for_a_reason(tables: dict[str, t.Any], release: str) -> None:
    text = "version = 2\n" + tomlkit.dumps({"plugins": {"io.containerd.grpc.v1.cri": {"registry": tables}}})
    known = Release.parse(release)
    if not is_needed(read_legacy(files(text), known), Wish()):
        return
    try:
        done = migrated(text, release, accept_losses=True)
    except DomainError as refused:
        assert "cannot tell apart" in str(refused)
        return
    assert all(before == after for before, after in done.routes.values())
    moved = edited(text, done.migration, known)
    assert not is_needed(read_legacy(moved, known), Wish())
    assert "configs" not in (look_up(effective(moved, known), REGISTRY) or {})


def test_a_migrated_file_is_read_again_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = registries_plan.render
    for old, new in (("[host.", "[hosts."), ("override_path = true", "")):
        monkeypatch.setattr(registries_plan, "render", lambda *asked, o=old, n=new: sound(*asked).replace(o, n))
        for release in RELEASES:
            assert refusal(mirror("quay.io", "https://a.example/quay"), release).endswith(
                f"containerd {release} would not read this entry as it is meant. Nothing was changed. This is a fault "
                "of the collection: please report the entry."
            )
