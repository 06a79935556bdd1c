# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edit of config.toml, as ``containerd_config`` plans it. Private to this collection."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import (
    config_diff,
    holds_secret,
    masked_difference,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart, runtime_files
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_changes import (
    config_changes,
    left_open,
    without_copy,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_intent import read_intent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, plan_config
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import about, absolute, drop_in_of
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_upgrade import check_dumps
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import USUAL_GLOBS
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import Planned, Planner
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View


class ConfigPlanner(Planner):
    """Plans the edit of config.toml and of what it imports; a file in which nothing differs is left alone."""

    SPEC: t.ClassVar[t.Mapping[str, t.Any]] = CONTAINERD_CONFIG

    def __init__(self, options: Result, action: NodeAction) -> None:
        super().__init__(options, action)
        self.path = absolute(options["path"], "path")
        self.drop_in = drop_in_of(options, self.path)
        files = [self.path, *([self.drop_in] if self.drop_in else [])]
        self.reading = {"files": files, "globs": list(USUAL_GLOBS)}

    def plan(self, view: View) -> Planned:
        path, backup = self.path, self.options["backup"]
        release = self.action.release(view.state, self.options["containerd_version"])
        with about(path):
            intent = read_intent(self.options, release)
            config = view.config(path, release, self.drop_in)
            plan = plan_config(
                config.content, intent, release, path=path, imported=config.imported, drop_in=config.drop_in
            )
        unread = tuple(self.unread(view, path))
        self._check_upgrade(plan)
        self._check_runtimes(view, plan)
        state, has_credentials = view.state, bool(intent.credentials.wishes)
        changes = config_changes(state, plan, backup=backup, is_secret=holds_secret, has_credentials=has_credentials)
        result: Result = {
            "changed": bool(changes),
            "restart_required": pending_restart.is_due(state, path, changed=plan.restart_required),
            "config_version": plan.config_version,
            "containerd_version": str(release),
            "changes": [
                masked_difference(edit.path, difference) for edit in plan.files for difference in edit.differences
            ],
        }
        warnings = [*unread, *plan.warnings, *(without_copy(state, plan) if backup else ())]
        if not has_credentials:
            warnings += left_open(state, plan, is_secret=holds_secret)
        return Planned(
            result,
            changes,
            warnings=tuple(f"{path}: {warning}" for warning in warnings),
            diff=tuple(config_diff(state, plan)),
            restart=plan.restart_required,
            file=path,
            release=release,
            keys=self._must_count(plan),
        )

    def _must_count(self, plan: ConfigPlan) -> tuple[KeyPath, ...]:
        """What is set, unless the user said to write it all the same; under newer names, everything is set."""
        if self.options["unsupported"] == "write" or plan.upgrade is not None:
            return ()
        return tuple(difference.path for difference in plan.differences if difference.after is not None)

    def _check_runtimes(self, view: View, plan: ConfigPlan) -> None:
        """What a runtime class is made of has to be on the node, unless that is yet to get a containerd."""
        named = runtime_files.newly_named(plan.differences)
        if named and pending_restart.can_run(view.state) and self.options["unsupported"] != "write":
            with about(self.path):
                # Whether they are there is enough: programs are large.
                runtime_files.check_there(named, self.action.read(files=sorted(set(named.values())), max_bytes=1))

    def _check_upgrade(self, plan: ConfigPlan) -> None:
        """A file in a newer version has to be the same to the node's own containerd, where there is one."""
        if plan.upgrade is not None:
            contents = {"before": plan.upgrade.before, "after": plan.upgrade.after}
            encoded = {name: base64.b64encode(text.encode()).decode() for name, text in contents.items()}
            with about(self.path):
                check_dumps(self.action.dumps(encoded))
