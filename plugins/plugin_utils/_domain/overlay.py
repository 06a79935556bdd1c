# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reading of a node as it would be once a change-set is applied. Private to this collection.

So that one plan can follow another before anything is written. The owner of what is new is left out: no plan asks it.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import posixpath
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import Change, ChangeSet, pem_labels, sha256
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import (
    ABSENT,
    Entry,
    NodeState,
    is_match,
)

# The node's clock is not known here, and what is still to be written is newer than all that is there.
_LATER = math.inf
# What the name of a copy ends in, in place of the time.
COPY = "00000000T000000.bak"
# A reading lists directories that deep.
_DEPTH = 2


def after(state: NodeState, changes: ChangeSet) -> NodeState:
    """The answer to the same questions, after the changes; copies that they leave have a stand-in name."""
    if not changes:
        return state
    model = _Model(state)
    for change in changes.changes:
        model.apply(change)
    return model.state()


class _Model:
    """The files that a reading knows, by the place at which they really are.

    A place is a path in which every directory is resolved; what a symlink at a place leads to is in ``links``.
    """

    def __init__(self, state: NodeState) -> None:
        self._state = state
        self._links: dict[str, str] = {}
        self._at: dict[str, Entry] = {}
        self._names: dict[str, set[str]] = collections.defaultdict(set)
        self._new_names: list[str] = []
        self._touched: set[str] = set()
        # A directory comes before what is in it.
        for path, entry in sorted(_known(state).items()):
            if entry.link:
                self._links[self._place(path)] = entry.link
            real = self._real(path)
            known = self._at.get(real, ABSENT)
            self._at[real] = known if known.content is not None else dataclasses.replace(entry, link=None)
            self._names[real].add(path)

    def _place(self, path: str) -> str:
        directory, name = posixpath.split(path.rstrip("/"))
        return posixpath.join(self._real(directory), name) if name else "/"

    def _real(self, path: str) -> str:
        place = self._place(path)
        return self._links.get(place, place)

    def apply(self, change: Change) -> None:
        work: t.Callable[[Change], None] = getattr(self, f"_{change.op}")
        work(change)

    def _create(self, change: Change) -> None:
        self._put(change.path, change.content or b"", self._at.get(self._real(change.path), ABSENT), change.mode)

    def _replace(self, change: Change) -> None:
        self._copy(change)
        self._create(change)

    def _delete(self, change: Change) -> None:
        self._copy(change)
        self._remove(self._place(change.path))

    def _mkdir(self, change: Change) -> None:
        place = self._place(change.path)
        if self._at.get(self._real(change.path), ABSENT).kind != "directory":
            self._at[place] = Entry("directory", mtime=_LATER, mode=_four_digits(change.mode))
            self._appears(change.path, place)

    def _rmdir(self, change: Change) -> None:
        place = self._place(change.path)
        is_empty = not any(
            other.startswith(f"{place}/") and (other in self._links or entry.kind != "absent")
            for other, entry in (*self._at.items(), *((link, ABSENT) for link in self._links))
        )
        if place not in self._links and self._at.get(place, ABSENT).kind == "directory" and is_empty:
            self._remove(place)

    def _put(self, path: str, content: bytes, former: Entry, mode: str | None) -> None:
        real = self._real(path)
        is_new = former.kind == "absent"
        self._at[real] = Entry(
            "file",
            content=content,
            sha256=sha256(content),
            size=len(content),
            mtime=_LATER,
            mode=_four_digits(mode) or former.mode,
            **({} if is_new else {key: getattr(former, key) for key in ("uid", "gid", "owner", "group")}),
        )
        self._touched.add(real)
        if is_new:
            self._appears(path, real)

    def _copy(self, change: Change) -> None:
        if change.backup:
            path = f"{change.path}.{COPY}"
            found = self._at.get(self._real(change.path), ABSENT)
            place = self._place(path)
            self._at[place] = dataclasses.replace(found, mode=_four_digits(change.backup_mode) or found.mode)
            self._appears(path, place)

    def _remove(self, place: str) -> None:
        self._links.pop(place, None)
        self._at[place] = ABSENT
        self._touched.add(place)

    def _appears(self, path: str, place: str) -> None:
        """Something new has a name in every name of its directory."""
        directory, name = posixpath.split(place)
        names = {path, place, *(posixpath.join(known, name) for known in self._names[directory])}
        self._names[place] |= names
        self._new_names += sorted(names)
        self._touched.add(place)

    # the same questions again

    def state(self) -> NodeState:
        state = self._state
        return dataclasses.replace(
            state,
            files={path: self._answer(path, entry) for path, entry in state.files.items()},
            directories={
                path: dataclasses.replace(self._answer(path, entry), content=None)
                for path, entry in state.directories.items()
            },
            globs={pattern: self._matches(pattern, found) for pattern, found in state.globs.items()},
            listings={root: self._listed(root, found) for root, found in state.listings.items()},
        )

    def _answer(self, path: str, found: Entry) -> Entry:
        place = self._place(path)
        real = self._links.get(place, place)
        if not self._touched & {place, real}:
            return found
        return dataclasses.replace(self._at.get(real, ABSENT), link=self._links.get(place))

    def _matches(self, pattern: str, found: t.Mapping[str, Entry]) -> dict[str, Entry]:
        names = [*found, *(name for name in self._new_names if is_match(name, pattern))]
        return self._those_there({name: self._answer(name, found.get(name, ABSENT)) for name in names}, found)

    def _listed(self, root: str, found: t.Mapping[str, Entry]) -> dict[str, Entry]:
        prefix = f"{root.rstrip('/')}/"
        news = [name.removeprefix(prefix) for name in self._new_names if name.startswith(prefix)]
        names = [*found, *(name for name in news if name.count("/") < _DEPTH)]
        answers = {name: self._answer(prefix + name, found.get(name, ABSENT)) for name in names}
        return self._those_there({name: _as_listed(entry) for name, entry in answers.items()}, found)

    def _those_there(self, answers: t.Mapping[str, Entry], found: t.Mapping[str, Entry]) -> dict[str, Entry]:
        return {name: entry for name, entry in answers.items() if entry != ABSENT or found.get(name) == ABSENT}


def _as_listed(entry: Entry) -> Entry:
    """Keys are among what is listed, so of a PEM only the kinds of its blocks are told."""
    if entry.content is None:
        return entry
    return dataclasses.replace(entry, content=None, pem=tuple(pem_labels(entry.content)))


def _known(state: NodeState) -> dict[str, Entry]:
    """Every path that was found; a later answer, which has the content, in place of one without."""
    known = {
        posixpath.join(root, name): entry for root, found in state.listings.items() for name, entry in found.items()
    }
    for answers in (state.directories, *state.globs.values(), state.files):
        known.update(answers)
    return known


def _four_digits(mode: str | None) -> str | None:
    return None if mode is None else mode.zfill(4)
