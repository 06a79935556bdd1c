# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change-set that a plan for config.toml comes to. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import pending_restart
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_plan import ConfigPlan, FileEdit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse

IsSecret = t.Callable[[KeyPath, t.Any], bool]


def config_changes(
    state: NodeState,
    plan: ConfigPlan,
    *,
    backup: bool,
    is_secret: IsSecret,
    has_credentials: bool = False,
) -> ChangeSet:
    """The files that change, what is imported first, behind the mark that says that a restart is due.

    A file with a secret in it is not written so that others can read it, whatever it was before; with
    ``has_credentials`` the task owns credentials in these files, so that the mode of one that does not change is put
    right, too. No copy is left where containerd would read it, and none that others can read of a file with a secret.
    """
    marks = pending_restart.mark(state, plan.files[0].path) if plan.restart_required else ()
    changes: list[Change] = [*marks]
    for edit in reversed(plan.files):
        entry = state.file(edit.path)
        mode = "0600" if _is_open(entry) and _holds_secret(edit.text.encode(), is_secret) else None
        if edit.differences:
            changes += _change(
                edit,
                entry,
                mode=mode,
                backup=backup and not edit.copy_read_by,
                backup_mode="0600" if _is_open(entry) and _holds_secret(entry.content, is_secret) else None,
            )
        elif has_credentials and mode:
            changes += _change(edit, entry, mode=mode, backup=False)
    return ChangeSet(tuple(changes))


def left_open(state: NodeState, plan: ConfigPlan, *, is_secret: IsSecret) -> t.Iterator[str]:
    """Warnings of files that do not change, with a secret in them that others can read."""
    for edit in plan.files:
        entry = state.file(edit.path)
        if not edit.differences and _is_open(entry) and _holds_secret(entry.content, is_secret):
            name = "the file" if edit is plan.files[0] else edit.path
            yield (
                f"{name} has mode {entry.mode}, and a password, token or header value in it that others can read. "
                "Set it to 0600; a task that changes the file does."
            )


def _is_open(entry: Entry) -> bool:
    """Whether others can read the file, as they could one that is new."""
    return entry.mode is None or not entry.mode.endswith("00")


def without_copy(state: NodeState, plan: ConfigPlan) -> t.Iterator[str]:
    """Warnings of files of which no copy is left."""
    for edit in plan.edits:
        if edit.copy_read_by and state.file(edit.path).kind != "absent":
            yield f"no copy of {edit.path} was left: {edit.copy_read_by} in imports would make containerd read it."


def _holds_secret(content: bytes | None, is_secret: IsSecret) -> bool:
    return any(is_secret((key,), value) for key, value in parse((content or b"").decode()).items())


def _change(
    edit: FileEdit, entry: Entry, *, mode: str | None, backup: bool, backup_mode: str | None = None
) -> list[Change]:
    content = edit.text.encode()
    # What would read a copy would read the new content under the name that it has before it is in its place.
    aside = edit.copy_read_by is not None
    if entry.kind != "absent":
        return [
            Change(
                op="replace",
                path=edit.path,
                content=content,
                expect=entry.sha256,
                mode=mode,
                backup=backup,
                backup_mode=backup_mode if backup else None,
                aside=aside,
            )
        ]
    created = Change(op="create", path=edit.path, content=content, mode=mode or "0644", aside=aside)
    return [*_directories(edit.path), created]


def _directories(path: str) -> list[Change]:
    """All above the file; one that exists is left as it is."""
    names = path.split("/")[1:-1]
    parents = ("/" + "/".join(names[: depth + 1]) for depth in range(len(names)))
    return [Change(op="mkdir", path=parent, mode="0755") for parent in parents]
