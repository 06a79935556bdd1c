# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_config``."""

from __future__ import annotations

import pathlib
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_CONFIG
from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import (
    holds_secret,
    mask_urls,
    mask_value,
    toml_diff,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import (
    ConfigIntent,
    ConfigPlan,
    plan_config,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import parse_key_path


class ActionModule(NodeAction):
    """Reads config.toml, plans the edit, replaces the file when something has to change."""

    ARGUMENT_SPEC = CONTAINERD_CONFIG

    def execute(self, options: Result) -> Result:
        path = _absolute(options["path"])
        intent = _intent(options)
        state = self.read(files=[path, pending_restart.MARK], programs=["containerd"])
        release = self.release(state, options["containerd_version"])
        entry = _usable(path, state.file(path))
        try:
            plan = plan_config(entry.content, intent, release)
        except DomainError as error:
            # An error about an option is not one about the file.
            raise error if error.option else error.in_file(path) from None
        marks = pending_restart.mark(state, path) if plan.restart_required else ()
        edits = _edits(path, entry, plan, backup=options["backup"]) if plan.differences else ()
        applied = self.apply(ChangeSet((*marks, *edits)))
        result: Result = {
            "changed": bool(plan.differences),
            "restart_required": pending_restart.is_pending(state, path)
            or (plan.restart_required and pending_restart.can_run(state)),
            "config_version": plan.config_version,
            "containerd_version": str(release),
            "backup_file": next((step["backup_file"] for step in applied if step.get("backup_file")), None),
            "changes": [
                _shown(difference.path, difference.before, difference.after) for difference in plan.differences
            ],
        }
        if plan.warnings:
            result["warnings"] = [f"{path}: {warning}" for warning in plan.warnings]
        if self._task.diff and plan.differences:
            result["diff"] = [toml_diff(path, entry.content, plan.text.encode())]
        return result


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise DomainError(f"{path!r} is not an absolute path", option="path", fix="Write /etc/containerd/config.toml.")
    return posixpath.normpath(path)


def _intent(options: Result) -> ConfigIntent:
    return ConfigIntent(
        sandbox_image=options["sandbox_image"],
        registry_config_path=options["registry_config_path"],
        settings=options["settings"],
        absent=tuple(_key_path(written, f"absent[{index}]") for index, written in enumerate(options["absent"])),
    )


def _key_path(written: t.Any, option: str) -> KeyPath:
    if isinstance(written, list) and written and all(isinstance(key, str) for key in written):
        return tuple(written)
    try:
        return parse_key_path(str(written))
    except ValueError:
        raise DomainError(
            f"{written!r} is not a key path",
            option=option,
            fix='Write a list of keys, or TOML: plugins."io.containerd.grpc.v1.cri".registry.mirrors.',
        ) from None


def _usable(path: str, entry: Entry) -> Entry:
    if entry.error is not None:
        raise DomainError(
            f"cannot be read: {entry.error}", file=path, fix="Nothing was changed; see to the file on the node."
        )
    if entry.kind not in ("file", "absent"):
        raise DomainError(
            f"is not a file ({entry.kind})", file=path, fix="Nothing was changed; move it away on the node."
        )
    return entry


def _edits(path: str, entry: Entry, plan: ConfigPlan, *, backup: bool) -> tuple[Change, ...]:
    content = plan.text.encode()
    # A secret that we write must not be readable by all, whatever the file was before.
    private = "0600" if any(holds_secret(change.path, change.after) for change in plan.differences) else None
    if entry.kind == "absent":
        create = Change(op="create", path=path, content=content, mode=private or "0644")
        return (*_directories(path), create)
    return (Change(op="replace", path=path, content=content, expect=entry.sha256, mode=private, backup=backup),)


def _directories(path: str) -> list[Change]:
    """All above the file; one that exists is left as it is."""
    parents = [str(parent) for parent in reversed(pathlib.PurePosixPath(path).parents)]
    return [Change(op="mkdir", path=parent, mode="0755") for parent in parents[1:]]


def _shown(path: KeyPath, before: t.Any, after: t.Any) -> Result:
    shown = mask_urls(show_key_path(path))
    return {"key_path": shown, "before": mask_value(path, before), "after": mask_value(path, after)}
