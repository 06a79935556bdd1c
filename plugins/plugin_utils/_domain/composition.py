# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several change-sets, each planned on what the former leaves, as one. Private to this collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, sha256

# The copy of a file of which nobody said whether it holds a secret.
_CLOSED = "0600"


def composed(sets: t.Iterable[ChangeSet], *, last: str | None = None) -> ChangeSet:
    """One change for each path, where its latest one stands; a directory where it is made first.

    The file named as ``last`` comes after all others: config.toml must not name what is not there yet.

    :raises ValueError: a set was not planned on what those before it leave.
    """
    merged: dict[str, Change] = {}
    for change in (change for changes in sets for change in changes.changes):
        former = merged.get(change.path)
        both = change if former is None else _both(former, change)
        if both is not former:
            merged.pop(change.path, None)
            if both is not None:
                merged[change.path] = both
    return ChangeSet(tuple(sorted(merged.values(), key=lambda change: change.path == last)))


def _both(first: Change, second: Change) -> Change | None:
    """What two changes of one path come to; None where the second takes the first back."""
    if {first.op, second.op} <= {"mkdir", "rmdir"}:
        return first if first.op == second.op else second
    if first.op == "delete" and second.op == "create":
        return dataclasses.replace(second, op="replace", expect=first.expect, **_copy(first, second))
    if first.content is None or second.expect != sha256(first.content):
        raise ValueError(f"{second.op} {second.path} does not go with {first.op} before it")
    if second.op == "delete":
        if first.op == "create":
            return None
        return dataclasses.replace(second, expect=first.expect, **_copy(first, second))
    kept = {key: getattr(second, key) or getattr(first, key) for key in ("mode", "owner", "group", "aside")}
    copy = _copy(first, second) if first.op == "replace" else {}
    return dataclasses.replace(first, content=second.content, **kept, **copy)


def _copy(first: Change, second: Change) -> dict[str, t.Any]:
    """A copy is one of the file as it is on the node, which only the first change was planned for."""
    if first.backup or not second.backup:
        return {"backup": first.backup, "backup_mode": first.backup_mode}
    return {"backup": True, "backup_mode": _CLOSED}
