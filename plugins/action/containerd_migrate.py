# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_migrate``."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_MIGRATE
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import config_diff, holds_secret, tree_diff
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import migrate, migrate_report, pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_changes import config_changes, without_copy
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_checks import check_versions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import about, absolute
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.legacy_registry import Legacy, read_legacy
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import plan_registries, reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release


class ActionModule(NodeAction):
    """Reads the tables and the tree, plans the tree and the edit of config.toml, and applies both at once."""

    ARGUMENT_SPEC = CONTAINERD_MIGRATE

    def execute(self, options: Result) -> Result:
        path = absolute(options["path"], "path")
        wish = migrate.Wish.read(options)
        usual = reading(Intent(wish.config_path or migrate.DEFAULT_TREE))
        usual["files"] += [path, pending_restart.MARK]
        usual["globs"] += USUAL_GLOBS
        state = self.read(programs=["containerd"], **usual)
        release = self.release(state, options["containerd_version"])
        state, config = self.read_config(state, path, release)
        with about(path):
            check_versions(config.files, release)
            legacy = read_legacy(config.files, release)
            if not migrate.is_needed(legacy, wish):
                waits = pending_restart.is_pending(state, path)
                told = [f"{path}: {warning}" for warning in migrate.left_behind(state, legacy, wish, release)]
                report = migrate_report.nothing_to_migrate(legacy, release, told)
                return {**report, "restart_required": waits}
            state, migration = self._migration(state, legacy, wish, release)
            tree = plan_registries(state, migration.intent, {}, release)
            proofs = migrate.prove(migration, state, tree, release)
            plan = plan_config(config.content, migration.config_intent, release, path=path, imported=config.imported)
        changes = config_changes(state, plan, backup=options["backup"], is_secret=holds_secret)
        # The tree leaves first: config.toml must not name what is not there yet.
        copies = self.apply(ChangeSet((*tree.changes.changes, *changes.changes)))
        result = migrate_report.migration_report(path, release, migration, tree=tree, plan=plan, proofs=proofs)
        result["restart_required"] = pending_restart.is_due(state, path, changed=plan.restart_required)
        result["backup_file"], result["backup_files"] = copies.get(path), list(copies.values())
        if options["backup"]:
            result["warnings"] += [f"{path}: {warning}" for warning in without_copy(state, plan)]
        if self._task.diff:
            result["diff"] = [*tree_diff(tree, {}), *config_diff(state, plan)]
        return result

    def _migration(
        self, state: NodeState, legacy: Legacy, wish: migrate.Wish, release: Release
    ) -> tuple[NodeState, migrate.Migration]:
        """The certificates that the tables name, and another tree than the usual one, have to be read first."""
        if migrate.tree_of(legacy, wish) != (wish.config_path or migrate.DEFAULT_TREE):
            state = state.and_also(self.read(**reading(Intent(migrate.tree_of(legacy, wish)))))
        migration = migrate.plan_migration(state, legacy, wish, release)
        if migration.intent.sources:
            state = state.and_also(self.read(**reading(migration.intent)))
            migrate.check_certificates(state, legacy, migration)
        return state, migration
