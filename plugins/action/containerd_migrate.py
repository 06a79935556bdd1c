# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_migrate``."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_MIGRATE
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import holds_secret, toml_diff
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_changes import config_changes
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_checks import check_versions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import about, absolute
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import (
    Legacy,
    passed_over,
    read_legacy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate import (
    DEFAULT_TREE,
    Migration,
    Proof,
    Wish,
    check_certificates,
    is_needed,
    kept_without_need,
    plan_migration,
    prove,
    tree_of,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import (
    Plan,
    plan_registries,
    reading,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.tree_routes import describe


class ActionModule(NodeAction):
    """Reads the tables and the tree, plans the tree and the edit of config.toml, and applies both at once."""

    ARGUMENT_SPEC = CONTAINERD_MIGRATE

    def execute(self, options: Result) -> Result:
        path = absolute(options["path"], "path")
        wish = Wish.read(options)
        state = self._read_first(path, wish)
        release = self.release(state, options["containerd_version"])
        state, config = self.read_config(state, path, release)
        with about(path):
            files = config.files
            check_versions(files, release)
            legacy = read_legacy(files, release)
            overlooked = passed_over(files, legacy)
            if not is_needed(legacy, wish):
                return _nothing(state, path, legacy, overlooked, release)
            state, migration = self._migration(state, legacy, wish, release, overlooked)
            tree = plan_registries(state, migration.intent, {}, release)
            proofs = prove(migration, state, tree, release)
            plan = plan_config(
                config.content,
                ConfigIntent(registry_config_path=migration.intent.config_path, absent=migration.absent),
                release,
                path=path,
                imported=config.imported,
            )
        changes = config_changes(state, plan, backup=options["backup"], is_secret=holds_secret)
        # The tree leaves first: config.toml must not name what is not there yet.
        applied = self.apply(ChangeSet((*tree.changes.changes, *changes.changes)))
        return self._result(state, path, release, _Outcome(migration, tree, plan, proofs, applied))

    def _read_first(self, path: str, wish: Wish) -> NodeState:
        tree = reading(Intent(wish.config_path or DEFAULT_TREE))
        return self.read(
            files=[path, pending_restart.MARK, *tree["files"]],
            globs=[*USUAL_GLOBS, *tree["globs"]],
            directories=tree["directories"],
            programs=["containerd"],
        )

    def _migration(
        self, state: NodeState, legacy: Legacy, wish: Wish, release: Release, overlooked: tuple[str, ...]
    ) -> tuple[NodeState, Migration]:
        """The certificates that the tables name, and another tree than the usual one, have to be read first."""
        if tree_of(legacy, wish) != (wish.config_path or DEFAULT_TREE):
            state = state.and_also(self.read(**reading(Intent(tree_of(legacy, wish)))))
        migration = plan_migration(state, legacy, wish, release, passed_over=overlooked)
        if migration.intent.sources:
            state = state.and_also(self.read(**reading(migration.intent)))
            check_certificates(state, legacy, migration)
        return state, migration

    def _result(self, state: NodeState, path: str, release: Release, done: _Outcome) -> Result:
        backups = [step for step in done.applied if step.get("backup_file")]
        result: Result = {
            **_empty(release),
            "changed": bool(done.tree.changes) or bool(done.plan.differences),
            "restart_required": pending_restart.is_pending(state, path)
            or (done.plan.restart_required and pending_restart.can_run(state)),
            "config_path": done.migration.intent.config_path,
            "namespaces": list(done.tree.registries),
            "proof": [_shown(proof) for proof in done.proofs],
            "losses": list(done.migration.losses),
            "kept": list(done.migration.kept),
            "adopted": list(done.tree.adopted),
            "backup_file": next((step["backup_file"] for step in backups if step["path"] == path), None),
            "backup_files": [step["backup_file"] for step in backups],
            "warnings": [
                *(f"{path}: {warning}" for warning in (*done.migration.warnings, *done.plan.warnings)),
                *done.tree.warnings,
            ],
        }
        if self._task.diff:
            result["diff"] = [
                *(
                    toml_diff(c.path, done.tree.before.get(c.path), c.content)
                    for c in done.tree.changes.changes
                    if c.content
                ),
                *(toml_diff(e.path, state.file(e.path).content, e.text.encode()) for e in done.plan.edits),
            ]
        return result


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """All that there is to tell."""

    migration: Migration
    tree: Plan
    plan: ConfigPlan
    proofs: tuple[Proof, ...]
    applied: list[Result]


def _empty(release: Release) -> Result:
    lists: dict[str, t.Any] = {
        key: [] for key in ("namespaces", "proof", "losses", "kept", "adopted", "backup_files", "warnings")
    }
    return {**lists, "backup_file": None, "config_path": None, "containerd_version": str(release)}


def _nothing(state: NodeState, path: str, legacy: Legacy, overlooked: tuple[str, ...], release: Release) -> Result:
    return {
        **_empty(release),
        "changed": False,
        "restart_required": pending_restart.is_pending(state, path),
        "config_path": legacy.config_path or None,
        "kept": list(kept_without_need(legacy)),
        "warnings": [f"{table}: containerd {release} reads nothing of it" for table in overlooked],
    }


def _shown(proof: Proof) -> Result:
    return {
        "namespace": proof.namespace,
        "before": [describe(endpoint) for endpoint in proof.before],
        "after": [describe(endpoint) for endpoint in proof.after],
    }
