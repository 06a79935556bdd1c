# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a tree on a node asks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import tree_routes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import upstream
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import TreeOnNode, show_route

TREE = "/etc/containerd/certs.d"


def tree(release: str = "1.7.24", **hosts_toml: str) -> TreeOnNode:
    listing = {name: Entry("directory") for name in hosts_toml}
    listing |= {f"{name}/hosts.toml": Entry("file") for name in hosts_toml}
    texts = {f"{TREE}/{name}/hosts.toml": Entry("file", text.encode()) for name, text in hosts_toml.items()}
    state = NodeState(listings={TREE: listing}, globs={f"{TREE}/*/hosts.toml": texts})
    return TreeOnNode(state, TREE, Release.parse(release))


@pytest.mark.parametrize(
    ("namespace", "release", "route"),
    [
        ("docker.io", "1.7.24", "https://registry-1.docker.io/v2"),
        ("quay.io", "1.7.24", "https://quay.io/v2"),
        ("quay.io:5000", "1.5.18", "https://quay.io:5000/v2"),
        ("192.0.2.1:5000", "2.1.5", "https://192.0.2.1:5000/v2"),
        ("localhost:5000", "1.5.18", "https://localhost:5000/v2"),
        ("localhost:5000", "1.6.20", "http://localhost:5000/v2 (skip_verify)"),
        ("localhost:5000", "2.3.4", "http://localhost:5000/v2 (skip_verify)"),
        ("127.0.0.1:80", "1.6.24", "http://127.0.0.1:80/v2 (skip_verify)"),
        ("127.0.0.1:80", "1.6.25", "http://127.0.0.1:80/v2"),
        ("127.8.9.1:443", "1.7.24", "https://127.8.9.1:443/v2 (skip_verify)"),
        ("localhost", "1.6.20", "http://localhost/v2 (skip_verify)"),
        ("localhost", "1.7.24", "https://localhost/v2 (skip_verify)"),
        ("[::1]:5000", "1.7.24", "http://[::1]:5000/v2 (skip_verify)"),
        ("[::1]", "1.7.24", "https://[::1]/v2 (skip_verify)"),
        ("localhost.example:5000", "1.7.24", "https://localhost.example:5000/v2"),
    ],
)
def test_the_registry_itself(namespace: str, release: str, route: str) -> None:
    assert show_route((upstream(namespace, Release.parse(release)),)) == route
    assert show_route(tree(release).read(namespace, None)) == route


READ = {
    "hosts, then the registry": ('[host."https://a.example"]\n', "https://a.example/v2, then https://quay.io/v2"),
    "a server": ('server = "https://a.example"\n[host]\n', "https://a.example/v2"),
    "each once": ('server = "https://a.example"\n[host."https://a.example"]\n', "https://a.example/v2"),
    "not for tags": (
        '[host."https://a.example"]\ncapabilities = ["pull"]\n',
        "https://a.example/v2 (not for every pull), then https://quay.io/v2",
    ),
    # Read in ConfigureHosts: what stands there is replaced where no server is named.
    "the registry is asked for everything": ('capabilities = ["pull"]\n[host]\n', "https://quay.io/v2"),
    "settings of the registry": ("skip_verify = true\n[host]\n", "https://quay.io/v2 (skip_verify)"),
    "dropped": ("[[", "whom an unreadable hosts.toml leaves"),
}


@pytest.mark.parametrize("name", READ)
def test_a_file(name: str) -> None:
    text, route = READ[name]
    assert show_route(tree(**{"quay.io": text}).says("quay.io")) == route


def test_namespaces_are_those_of_directories() -> None:
    assert list(tree(**{"quay.io": "", "a.example_5000_": "", "_default": "", "README": ""}).namespaces) == [
        "_default",
        "a.example:5000",
        "quay.io",
    ]


def test_the_tree_is_read_without_the_rules_of_the_tables() -> None:
    """Both are compared: a fault that they shared would be seen by neither."""
    source = Path(tree_routes.__file__).read_text(encoding="utf-8")
    imported = {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in imported if module.endswith(("legacy_registry", "migrate"))}
