# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, FileEdit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.hosts_reader import Endpoint
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import Legacy
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate import Migration, Proof
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate_report import (
    migration_report,
    nothing_to_migrate,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import Plan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference

FILE, TREE = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
RELEASE = Release.parse("2.1.5")
WRITTEN = ChangeSet((Change("create", f"{TREE}/docker.io/hosts.toml", content=b"", mode="0644"),))
EDITED = (Difference(("plugins", "x"), 1, None),)
TREES, FILES = (WRITTEN, ChangeSet()), (EDITED, ())
BEFORE = (Endpoint("https", "a.example", "/v2"),)
AFTER = (Endpoint("https", "a.example", "/v2", header=(("Authorization", ("Basic aHVzaA==",)),)),)


def report(changes: ChangeSet = WRITTEN, differences: tuple[Difference, ...] = EDITED) -> dict[str, t.Any]:
    migration = Migration(
        Intent(TREE), {}, absent=(), losses=("a loss",), kept=("what stays",), warnings=("of the tables",)
    )
    tree = Plan(changes, registries=({"namespace": "docker.io"},), adopted=("/a",), warnings=("of the tree",))
    plan = ConfigPlan((FileEdit(FILE, "", differences),), 2, restart_required=False, warnings=("of the file",))
    return migration_report(FILE, RELEASE, migration, tree=tree, plan=plan, proofs=(Proof("docker.io", BEFORE, AFTER),))


def test_all_of_a_migration_is_told() -> None:
    told = report()
    proof = told.pop("proof")
    assert told == {
        "changed": True,
        "config_path": TREE,
        "containerd_version": "2.1.5",
        "namespaces": [{"namespace": "docker.io"}],
        "losses": ["a loss"],
        "kept": ["what stays"],
        "adopted": ["/a"],
        "backup_file": None,
        "backup_files": [],
        "warnings": [f"{FILE}: of the tables", f"{FILE}: of the file", "of the tree"],
    }
    (shown,) = proof
    assert shown["namespace"] == "docker.io"
    assert shown["before"][0]["url"] == shown["after"][0]["url"] == "https://a.example/v2"


def test_a_proof_names_headers_and_not_their_values() -> None:
    (shown,) = report()["proof"]
    assert [shown[key][0]["headers"] for key in ("before", "after")] == [[], ["Authorization"]]
    assert "aHVzaA" not in str(report())


def test_either_of_the_two_is_a_change() -> None:
    told = [
        report(changes, differences)["changed"] for changes in (WRITTEN, ChangeSet()) for differences in (EDITED, ())
    ]
    assert told == [True, True, True, False]


def test_nothing_to_migrate_has_the_same_keys() -> None:
    legacy = Legacy(
        auth={"a.example": {"username": "u", "password": "hush"}},
        config_path="/etc/tree",
        passed_over=(f"{FILE}: plugins.cri.registry.mirrors.x",),
    )
    told = nothing_to_migrate(legacy, RELEASE)
    assert told.keys() == report().keys()
    assert (told["changed"], told["config_path"], told["kept"]) == (
        False, "/etc/tree", ['registry.configs."a.example".auth']
    )  # fmt: skip
    assert told["warnings"] == [f"{FILE}: plugins.cri.registry.mirrors.x: containerd 2.1.5 reads nothing of it"]
    assert nothing_to_migrate(Legacy(), RELEASE)["config_path"] is None
