# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd itself makes of edited files: its own ``config dump`` on every node that runs.

The files are put below /run of a node; its configuration and its daemon are left alone.
"""

from __future__ import annotations

import base64
import re
import tomllib
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigIntent, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

if t.TYPE_CHECKING:
    from nodes.node import Node

try:
    from nodes import Testbed

    NODES = {node.release.name: node for node in Testbed().nodes()}
except ImportError as error:
    pytest.skip(f"the testbed cannot be used: {error}", allow_module_level=True)
if not NODES:
    pytest.skip("no nodes are up; start them with `make nodes`", allow_module_level=True)

IMAGE = "registry.example.com/k8s/pause:3.10"
TREE = "/etc/containerd/certs.d"
INTENT = ConfigIntent(sandbox_image=IMAGE, registry_config_path=TREE)
FILE = "/run/airgap-config-dump.toml"

FIXTURES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "unit" / "plugins" / "fixtures" / "config").glob("*.toml"))
    # containerd 2.3 itself picks one of the two tables of that file by chance, a different one from start to start.
    if path.stem != "none-both"
}
# With CRI disabled a dump has no CRI settings to compare with.
ENABLED = {name: content.replace(b'disabled_plugins = ["cri"]', b"") for name, content in FIXTURES.items()}

Place = tuple[str, ...]
V2 = ("plugins", "io.containerd.grpc.v1.cri")
V3 = ("plugins", "io.containerd.cri.v1.images")
PLACES: dict[bool, tuple[Place, Place]] = {
    False: ((*V2, "sandbox_image"), (*V2, "registry", "config_path")),
    True: ((*V3, "pinned_images", "sandbox"), (*V3, "registry", "config_path")),
}


@dataclass(frozen=True)
class Dump:
    """Effective values by key path, and what containerd warned of."""

    values: dict[Place, t.Any]
    warnings: set[str]


def release(node: Node) -> Release:
    return Release.parse(node.run(["containerd", "--version"]).checked("containerd --version").split()[2])


def dump(node: Node, content: bytes) -> Dump:
    encoded = base64.b64encode(content).decode()
    script = f"echo {encoded} | base64 -d > {FILE} && containerd -c {FILE} config dump; rc=$?; rm {FILE}; exit $rc"
    output = node.shell(script)
    text = output.checked(f"{node.name}: config dump")
    warnings = {re.sub(r'^time=\S+|^time="[^"]*"', "", line).strip() for line in output.stderr.splitlines()}
    return Dump(dict(leaves(tomllib.loads(text))), {line for line in warnings if "unknown key" in line})


def leaves(data: dict[str, t.Any], above: Place = ()) -> t.Iterator[tuple[Place, t.Any]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def differing(one: Dump, other: Dump) -> set[Place]:
    keys = one.values.keys() | other.values.keys()
    return {key for key in keys if one.values.get(key) != other.values.get(key)}


@pytest.fixture(scope="module", params=NODES)
def node(request: pytest.FixtureRequest) -> Node:
    return NODES[request.param]


@pytest.fixture(scope="module")
def its_release(node: Node) -> Release:
    return release(node)


@pytest.mark.parametrize("name", FIXTURES)
def test_only_what_was_asked_takes_effect(node: Node, its_release: Release, name: str) -> None:
    try:
        planned = plan_config(FIXTURES[name], INTENT, its_release)
    except DomainError as refusal:
        pytest.skip(f"refused on {its_release}: {refusal}")
    before, after = dump(node, ENABLED[name]), dump(node, planned.text.encode())
    sandbox, registry = PLACES[its_release.line >= (2, 0)]
    assert (after.values[sandbox], after.values[registry]) == (IMAGE, TREE)
    assert differing(before, after) <= {sandbox, registry}
    assert after.warnings <= before.warnings


def test_mirrors_make_way_for_the_directory(node: Node, its_release: Release) -> None:
    content = FIXTURES["2-mirrors-trailing-spaces"]
    configs = (*V2, "registry", "configs", "one.example.com:5000")
    intent = ConfigIntent(registry_config_path=TREE, absent=((*V2, "registry", "mirrors"), (*configs, "tls")))
    before = dump(node, content)
    after = dump(node, plan_config(content, intent, its_release).text.encode())
    registry = PLACES[its_release.line >= (2, 0)][1]
    assert after.values[registry] == TREE
    assert after.values[(*registry[:-1], "configs", "one.example.com:5000", "auth", "password")] == "fixture-password-4"
    gone = differing(before, after) - {registry}
    assert gone
    assert {key[3] for key in gone if "tls" not in key} == {"mirrors"}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_file_from_nothing(node: Node, its_release: Release, line_end: bytes) -> None:
    planned = plan_config(None, INTENT, its_release)
    before, after = dump(node, b""), dump(node, planned.text.encode().replace(b"\n", line_end))
    assert differing(before, after) == set(PLACES[its_release.line >= (2, 0)])


def test_the_nodes_own_default(node: Node, its_release: Release) -> None:
    default = node.run(["containerd", "config", "default"]).checked("containerd config default").encode()
    planned = plan_config(default, INTENT, its_release)
    assert len(planned.differences) == 2
    assert differing(dump(node, default), dump(node, planned.text.encode())) == set(PLACES[its_release.line >= (2, 0)])
