# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The legacy tables and the tree in their place, as ``containerd_migrate`` plans them. Private to this collection."""

from __future__ import annotations

import dataclasses
import typing as t

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
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import Intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import plan_registries, reading
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import Planned, Planner
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View


class MigratePlanner(Planner):
    """Plans the tree that the tables come to, and the edit of config.toml, at once."""

    SPEC: t.ClassVar[t.Mapping[str, t.Any]] = CONTAINERD_MIGRATE

    def __init__(self, options: Result, action: NodeAction) -> None:
        super().__init__(options, action)
        self.path = absolute(options["path"], "path")
        self.wish = migrate.Wish.read(options)
        self.reading = reading(Intent(self._usual_tree))
        self.reading["files"] += [self.path]
        self.reading["globs"] += USUAL_GLOBS

    def leave_out(self, namespaces: t.Iterable[str]) -> None:
        """Some are already said whom to ask for."""
        self.wish = dataclasses.replace(self.wish, leave=self.wish.leave.union(namespaces))

    @property
    def _usual_tree(self) -> str:
        return self.wish.config_path or migrate.DEFAULT_TREE

    def plan(self, view: View) -> Planned:
        path, backup = self.path, self.options["backup"]
        release = self.action.release(view.state, self.options["containerd_version"])
        config = view.config(path, release)
        with about(path):
            check_versions(config.files, release)
            legacy = read_legacy(config.files, release)
            if not migrate.is_needed(legacy, self.wish):
                return self._nothing(view, legacy, release)
            migration = self._migration(view, legacy, release)
            tree = plan_registries(view.state, migration.intent, {}, release)
            proofs = migrate.prove(migration, view.state, tree, release)
            plan = plan_config(config.content, migration.config_intent, release, path=path, imported=config.imported)
        unread = tuple(self.unread(view, path))
        changes = config_changes(view.state, plan, backup=backup, is_secret=holds_secret)
        result = migrate_report.migration_report(path, release, migration, tree=tree, plan=plan, proofs=proofs)
        warnings = [*unread, *(without_copy(view.state, plan) if backup else ())]
        return self._planned(
            {**result, "restart_required": pending_restart.is_due(view.state, path, changed=plan.restart_required)},
            warnings=[f"{path}: {warning}" for warning in warnings],
            # The tree leaves first: config.toml must not name what is not there yet.
            changes=ChangeSet((*tree.changes.changes, *changes.changes)),
            diff=(*tree_diff(tree, {}), *config_diff(view.state, plan)),
            restart=plan.restart_required,
            release=release,
        )

    def _nothing(self, view: View, legacy: Legacy, release: Release) -> Planned:
        waits = pending_restart.is_pending(view.state, self.path)
        told = [f"{self.path}: {each}" for each in migrate.left_behind(view.state, legacy, self.wish, release)]
        report = migrate_report.nothing_to_migrate(legacy, release, told)
        return self._planned({**report, "restart_required": waits})

    def _planned(self, result: Result, *, warnings: t.Iterable[str] = (), **more: t.Any) -> Planned:
        told = (*result.pop("warnings"), *warnings)
        return Planned(result, file=self.path, warnings=told, **more)

    def _migration(self, view: View, legacy: Legacy, release: Release) -> migrate.Migration:
        """The certificates that the tables name, and another tree than the usual one, have to be read first."""
        tree = migrate.tree_of(legacy, self.wish)
        if tree != self._usual_tree:
            view.read(**reading(Intent(tree)))
        migration = migrate.plan_migration(view.state, legacy, self.wish, release)
        if migration.intent.sources:
            view.read(**reading(migration.intent))
            migrate.check_certificates(view.state, legacy, migration)
        return migration
