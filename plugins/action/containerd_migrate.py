# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_migrate``."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_MIGRATE
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import holds_secret, toml_diff
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_changes import config_changes, without_copy
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
    Wish,
    check_certificates,
    is_needed,
    plan_migration,
    prove,
    tree_of,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.migrate_report import (
    migration_report,
    nothing_to_migrate,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import (
    Plan,
    plan_registries,
    reading,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release


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
                waits = pending_restart.is_pending(state, path)
                return {**nothing_to_migrate(legacy, overlooked, release), "restart_required": waits}
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
        copies = {step["path"]: step["backup_file"] for step in applied if step.get("backup_file")}
        result = migration_report(path, release, migration, tree=tree, plan=plan, proofs=proofs)
        result["restart_required"] = pending_restart.is_due(state, path, changed=plan.restart_required)
        result["backup_file"], result["backup_files"] = copies.get(path), list(copies.values())
        if options["backup"]:
            result["warnings"] += [f"{path}: {warning}" for warning in without_copy(state, plan)]
        if self._task.diff:
            result["diff"] = self._diff(state, tree, plan)
        return result

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

    def _diff(self, state: NodeState, tree: Plan, plan: ConfigPlan) -> list[dict[str, str]]:
        written = [change for change in tree.changes.changes if change.content]
        return [
            *(toml_diff(change.path, tree.before.get(change.path), change.content) for change in written),
            *(toml_diff(edit.path, state.file(edit.path).content, edit.text.encode()) for edit in plan.edits),
        ]
