# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration tells. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import Legacy
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate import (
    Migration,
    Proof,
    kept_without_need,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import Plan
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import describe

Report = dict[str, t.Any]


def migration_report(
    path: str, release: Release, migration: Migration, *, tree: Plan, plan: ConfigPlan, proofs: tuple[Proof, ...]
) -> Report:
    """All that is known before anything is written."""
    return {
        **_empty(release),
        "changed": bool(tree.changes) or bool(plan.differences),
        "config_path": migration.intent.config_path,
        "namespaces": list(tree.registries),
        "proof": [_shown(proof) for proof in proofs],
        "losses": list(migration.losses),
        "kept": list(migration.kept),
        "adopted": list(tree.adopted),
        "warnings": [
            *(f"{path}: {warning}" for warning in (*migration.warnings, *plan.warnings)),
            *tree.warnings,
        ],
    }


def nothing_to_migrate(legacy: Legacy, release: Release, warnings: t.Sequence[str] = ()) -> Report:
    """The same keys where nothing is to do."""
    return {
        **_empty(release),
        "config_path": legacy.config_path or None,
        "kept": list(kept_without_need(legacy)),
        "warnings": [
            *(f"{table}: containerd {release} reads nothing of it" for table in legacy.passed_over),
            *warnings,
        ],
    }


def _empty(release: Release) -> Report:
    lists: Report = {
        key: [] for key in ("namespaces", "proof", "losses", "kept", "adopted", "backup_files", "warnings")
    }
    return {
        **lists,
        "changed": False,
        "backup_file": None,
        "config_path": None,
        "containerd_version": str(release),
    }


def _shown(proof: Proof) -> Report:
    return {
        "namespace": proof.namespace,
        "before": [describe(endpoint) for endpoint in proof.before],
        "after": [describe(endpoint) for endpoint in proof.after],
    }
