# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_config``."""

from __future__ import annotations

import base64

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import config_diff, holds_secret, masked_difference
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_changes import (
    config_changes,
    left_open,
    without_copy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_intent import read_intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import about, absolute, drop_in_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_upgrade import check_dumps
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS


class ActionModule(NodeAction):
    """Reads config.toml and what it imports, plans the edit, replaces the files in which something has to change."""

    ARGUMENT_SPEC = CONTAINERD_CONFIG

    def execute(self, options: Result) -> Result:
        path = absolute(options["path"], "path")
        drop_in = drop_in_of(options, path)
        known = [path, pending_restart.MARK, *([drop_in] if drop_in else [])]
        state = self.read(files=known, globs=list(USUAL_GLOBS), programs=["containerd"])
        release = self.release(state, options["containerd_version"])
        with about(path):
            intent = read_intent(options, release)
            state, config = self.read_config(state, path, release, drop_in)
            plan = plan_config(
                config.content, intent, release, path=path, imported=config.imported, drop_in=config.drop_in
            )
        self._check_upgrade(plan, path)
        has_credentials = bool(intent.credentials.wishes)
        changes = config_changes(
            state, plan, backup=options["backup"], is_secret=holds_secret, has_credentials=has_credentials
        )
        copies = self.apply(changes)
        result: Result = {
            "changed": bool(changes),
            "restart_required": pending_restart.is_due(state, path, changed=plan.restart_required),
            "config_version": plan.config_version,
            "containerd_version": str(release),
            "backup_file": copies.get(path),
            "backup_files": list(copies.values()),
            "changes": [
                masked_difference(edit.path, difference) for edit in plan.files for difference in edit.differences
            ],
        }
        warnings = [*plan.warnings, *(without_copy(state, plan) if options["backup"] else ())]
        if not has_credentials:
            warnings += left_open(state, plan, is_secret=holds_secret)
        if warnings:
            result["warnings"] = [f"{path}: {warning}" for warning in warnings]
        if self._task.diff and plan.differences:
            result["diff"] = config_diff(state, plan)
        return result

    def _check_upgrade(self, plan: ConfigPlan, path: str) -> None:
        """A file in a newer version has to be the same to the node's own containerd, where there is one."""
        if plan.upgrade is not None:
            contents = {"before": plan.upgrade.before, "after": plan.upgrade.after}
            encoded = {name: base64.b64encode(text.encode()).decode() for name, text in contents.items()}
            with about(path):
                check_dumps(self.dumps(encoded))
