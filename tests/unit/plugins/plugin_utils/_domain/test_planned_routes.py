# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a plan would still be open, in one error for each thing that has to be mended."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.planned_routes import check_closed, judged, trusted
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.routes import Config, reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import Trust

TREE = "/etc/containerd/certs.d"
V2 = "io.containerd.grpc.v1.cri"
HOSTS = [{"url": "https://m.example.com"}]


def config(sandbox_image: str = "m.example.com/pause:3.10") -> Config:
    table = {"sandbox_image": sandbox_image, "registry": {"config_path": TREE}}
    file = ConfigFile("/etc/containerd/config.toml", {"version": 2, "plugins": {V2: table}})
    return Config.read([file], Release.parse("1.7.24"))


def with_directories(entries: t.Mapping[str, Entry]) -> NodeState:
    (pattern,) = reading(TREE)["globs"]
    return NodeState(directories={TREE: Entry("directory")}, listings={TREE: entries}, globs={pattern: {}})


def closing(*names: str) -> t.Any:
    return read_registries([{"namespace": name, "fallback": False, "hosts": HOSTS} for name in names], None)


def test_who_is_trusted_where_nobody_says_so() -> None:
    entries = [
        {"namespace": "quay.io", "fallback": False, "hosts": HOSTS},
        {"namespace": "docker.io", "fallback": True, "server": "https://registry-1.docker.io", "hosts": HOSTS},
        {"namespace": "ghcr.io", "fallback": True, "server": "http://192.0.2.7:5000"},
    ]
    # To ask the registry itself is a wish, and not closed.
    assert trusted(read_registries(entries, None)) == ["m.example.com", "m.example.com", "192.0.2.7:5000"]


def refusal(names: t.Sequence[str], state: NodeState) -> str:
    listed = closing(*names)
    found = judged(state, config(), Trust.parse(trusted(listed)), listed)
    with pytest.raises(DomainError) as caught:
        check_closed(listed, found, config(), TREE)
    return str(caught.value)


def test_what_one_place_opens_is_one_error() -> None:
    names = ["quay.io", "ghcr.io", "docker.io", "gcr.io"]
    assert refusal(names, with_directories({})) == (
        "/etc/containerd/certs.d: registries[2]: docker.io, gcr.io, ghcr.io (and 1 more) would still be open on "
        "containerd 1.7.24: registry-1.docker.io is asked, since /etc/containerd/certs.d has no directory for "
        "docker.io. Nothing was changed. See to /etc/containerd/certs.d: the run does not mend it."
    )


def test_what_several_places_open_is_an_error_each() -> None:
    closed = Entry("directory", error="Permission denied")
    text = refusal(["quay.io", "ghcr.io"], with_directories({"quay.io": closed, "ghcr.io": Entry("directory")}))
    assert text == (
        "(1) /etc/containerd/certs.d/ghcr.io/hosts.toml: registries[1]: ghcr.io would still be open on containerd "
        "1.7.24: ghcr.io is asked, since /etc/containerd/certs.d/ghcr.io has no hosts.toml. Nothing was changed. See "
        "to /etc/containerd/certs.d/ghcr.io/hosts.toml: the run does not mend it. "
        "(2) /etc/containerd/certs.d/quay.io/hosts.toml: registries[0]: quay.io would still be open on containerd "
        "1.7.24: It cannot be told whether it is closed, since /etc/containerd/certs.d/quay.io/hosts.toml could not be "
        "read: Permission denied. Nothing was changed. Run the task as a user who may read "
        "/etc/containerd/certs.d/quay.io/hosts.toml."
    )


def test_a_sandbox_image_that_is_none_leads_nowhere() -> None:
    found = judged(with_directories({}), config("-"), Trust(), ())
    assert [each.namespace for each in found] == ["docker.io", "k8s.gcr.io", "registry.k8s.io"]
