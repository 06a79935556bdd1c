# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the running containerd still has to read what was written for it. Private to this collection.

containerd reads config.toml at its start only. A run can end between the edit and the restart: another node of the
batch fails, a key is pressed, the restart is left to somebody. So the edit leaves a mark, as does undoing it on the
node; it counts until containerd is started anew, by whomever. A change that the node's journal holds open counts alike.
An edit by hand leaves none: what has no effect must not restart anything.

The mark names the start of the unit that it was made after, since a clock can be set in between. One that names none,
from a systemd that does not count its starts, counts if it is newer than the running containerd.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import RESTART_MARK, Change
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import Entry, Journaled, NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.unit_command import is_read

UNIT = "containerd.service"
MARK = RESTART_MARK
_TEXT = "config.toml was changed by airgap.nodes after containerd had started.\n"
_INVOCATION = re.compile(r"^invocation=(\S+)$", re.MULTILINE)
_NOT_UP = ("activating", "failed")


def unit_name(name: str) -> str:
    """The full name of a service, which systemd takes without its suffix too."""
    return name if "." in name else f"{name}.service"


def check_unit(state: NodeState, name: str) -> None:
    """Where no systemd runs, or no containerd is installed, as in an image build, no unit has to be there.

    :raises DomainError: the unit that starts containerd is not there: the restart would fail after everything else.
    """
    is_missing = state.unit is not None and state.unit["load_state"] == "not-found"
    if is_missing and state.programs.get("containerd") is not None:
        raise DomainError(
            f"this node has containerd and no unit {name}",
            option="unit",
            fix="Name the unit that starts containerd, in the role with containerd_service; where that unit is yet to "
            "come, name the release in containerd_version.",
        )


def can_run(state: NodeState) -> bool:
    """Whether a containerd may run here at all; in an image build there is none, or no systemd to run it."""
    return state.unit is not None and state.programs.get("containerd") is not None


def is_pending(state: NodeState, file: str) -> bool:
    """Whether containerd runs with an older file than an edit of ours left behind, or does not get up with it."""
    if not is_read(state, file):
        return False
    unit = state.unit or {}
    if unit["active_state"] in _NOT_UP:
        return True
    waits = (not _is_older(change, unit) for change in state.journal if change.is_open and change.restart)
    return bool(unit["main_pid"]) and (_is_marked(state.file(MARK), unit) or any(waits))


def _is_marked(mark: Entry, unit: t.Mapping[str, t.Any]) -> bool:
    """Whether the mark was made while this one start of the unit was running."""
    if mark.kind != "file":
        return False
    named = _INVOCATION.search((mark.content or b"").decode(errors="replace"))
    if named and unit.get("invocation"):
        return bool(named[1] == unit["invocation"])
    return bool((mark.mtime or 0) > unit["started"])


def _is_older(change: Journaled, unit: t.Mapping[str, t.Any]) -> bool:
    return bool(unit["started"] > datetime.datetime.fromisoformat(change.created).timestamp())


def is_due(state: NodeState, file: str, *, changed: bool) -> bool:
    """Whether containerd has to be restarted: an effective value is ``changed`` now, or an earlier edit still waits."""
    return is_pending(state, file) or (changed and can_run(state))


def mark(state: NodeState, file: str) -> tuple[Change, ...]:
    """The changes that leave the mark, for in front of the edit: a mark without an edit costs a restart at worst."""
    if not is_read(state, file):
        return ()
    unit = state.unit or {}
    content = f"{_TEXT}invocation={unit['invocation']}\n" if unit.get("invocation") else _TEXT
    found = state.file(MARK)
    if found.kind == "file":
        return (Change(op="replace", path=MARK, content=content.encode(), expect=found.sha256),)
    directory = Change(op="mkdir", path=MARK.rpartition("/")[0], mode="0755")
    return (directory, Change(op="create", path=MARK, content=content.encode(), mode="0644"))
