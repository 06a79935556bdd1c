# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a wish has to be written so that this release reads it, in these files. Private to this collection.

A setting has several names, and there may be several files. Each place is tried on the model of what containerd reads:
the first one counts by which the wish takes effect, and nothing else does.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    IMAGES,
    RUNTIME,
    RUNTIMES,
    V1_CRI,
    V2_CRI,
    canonical_paths,
    names,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import (
    ConfigFile,
    effective,
    leaves,
    meaningful,
    means_something,
    versions_read_as,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, applied, look_up
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same

Operation = Set | Remove
Operations = dict[str, list[Operation]]
Files = tuple[ConfigFile, ...]


@dataclasses.dataclass(frozen=True)
class Placement:
    """What to do in each file, and the files as that leaves them."""

    files: Files
    operations: Operations


@dataclasses.dataclass(frozen=True)
class _Draft:
    """Files in the making, and what was done to them so far."""

    files: Files
    release: Release
    done: tuple[tuple[str, Operation], ...] = ()

    def with_operations(self, path: str, operations: t.Sequence[Operation]) -> _Draft:
        files = tuple(
            ConfigFile(file.path, applied(file.data, operations)) if file.path == path else file for file in self.files
        )
        return _Draft(files, self.release, (*self.done, *((path, operation) for operation in operations)))

    @functools.cached_property
    def effective(self) -> dict[str, t.Any]:
        return effective(self.files, self.release)

    def version_of(self, file: ConfigFile) -> int:
        """The version by which the release reads the file."""
        versions = versions_read_as(self.files, self.release)
        return next(version for one, version in zip(self.files, versions, strict=True) if one.path == file.path)

    def operations(self) -> Operations:
        found: Operations = {}
        # What goes may show how what comes is to be laid out.
        for path, operation in sorted(self.done, key=lambda one: isinstance(one[1], Remove)):
            found.setdefault(path, []).append(operation)
        return found


def place(
    files: Files, wishes: t.Sequence[Set], absent: t.Sequence[KeyPath], release: Release, *, first: str | None = None
) -> Placement:
    """Operations on the files by which exactly the wishes take effect, and what is absent loses it.

    ``wishes`` have canonical paths, ``absent`` the paths that the user wrote. The file ``first`` is tried before the
    others; without it, ``config.toml`` itself is.

    :raises DomainError: the release reads the wish in none of the places, or something else would change with it.
    """
    tables = [path for path in absent if is_whole_table(path)]
    settings = [path for path in absent if path not in tables]
    draft = _removed(_Draft(files, release), tables)
    target = _without(draft.effective, settings)
    is_refilled = any(wish.path[: len(RUNTIMES)] == RUNTIMES for wish in wishes)
    if look_up(draft.effective, RUNTIMES) and look_up(target, RUNTIMES) == {} and not is_refilled:
        # No runtime class of the user's is left, so containerd's own comes back.
        settings.append(RUNTIMES)
        target = _without(target, [RUNTIMES])
    draft = _removed(draft, settings)
    # What stood behind something removed, as the snapshotter of version 2 behind its runtimes, is wished for again.
    lost = [Set(path, value) for path, value in leaves(target) if look_up(draft.effective, path) is None]
    for wish in [*lost, *wishes]:
        draft = _placed(draft, wish, first or files[0].path)
    _prove(draft, applied(target, wishes))
    return Placement(draft.files, draft.operations())


def _without(data: t.Mapping[str, t.Any], absent: t.Iterable[KeyPath]) -> dict[str, t.Any]:
    return meaningful(applied(data, [Remove(name) for path in absent for name in canonical_paths(path)]))


def is_whole_table(path: KeyPath) -> bool:
    """Whether a path names a table of one version, such as a plugin's, and not a setting, whatever it is called."""
    return len(path) < (3 if path[:1] == ("plugins",) else 2)


def _removed(draft: _Draft, paths: t.Sequence[KeyPath]) -> _Draft:
    every = [name for path in paths for name in _aliases(path)]
    for file in draft.files:
        removals = [Remove(name) for name in every if look_up(file.data, name) is not None]
        draft = draft.with_operations(file.path, removals) if removals else draft
    return draft


def _aliases(path: KeyPath) -> list[KeyPath]:
    if is_whole_table(path):
        return [path]
    return list(dict.fromkeys([path, *(alias for name in canonical_paths(path) for alias in names(name))]))


def _placed(draft: _Draft, wish: Set, first: str) -> _Draft:
    wanted = applied(draft.effective, [wish])
    if not means_something(wish.path, wish.value):
        wanted = meaningful(wanted)
    if same(draft.effective, wanted) and _is_stated(draft, wish):
        return draft
    order = sorted(draft.files, key=lambda file: file.path != first)
    for file in order:
        for operations in _candidates(file, wish, draft):
            trial = draft.with_operations(file.path, operations)
            if same(trial.effective, wanted):
                return trial
    raise _hopeless(draft, wish, order[0])


def _is_stated(draft: _Draft, wish: Set) -> bool:
    """Whether one of the files says so; what means nothing to containerd can be wished for, too."""
    found = (look_up(file.data, name) for file in draft.files for name in names(wish.path))
    return look_up(draft.effective, wish.path) is not None or any(
        value is not None and (same(value, wish.value) or wish.value == {}) for value in found
    )


# --- the places of one wish in one file, the best first


def _candidates(file: ConfigFile, wish: Set, draft: _Draft) -> t.Iterator[list[Operation]]:
    version = draft.version_of(file)
    if wish.value == {} and _is_nameless(draft, wish, file):
        return  # An empty table has no effect that would tell.
    for name in _by_preference(file, wish.path, version):
        if wish.path == CNI_BIN_DIRS:
            yield from _cni_directories(file, name, wish.value, has_list=draft.release.rules.has_bin_dirs)
        else:
            yield [Set(name, wish.value)]


def _by_preference(file: ConfigFile, path: KeyPath, version: int) -> list[KeyPath]:
    """Where the file has the setting already; then by the file's own version, the newer names, the older ones."""
    every = names(path)
    own = every.in_version(version)
    newer = [every.in_version(number) for number in range(version + 1, 5)]
    older = [every.in_version(number) for number in range(version - 1, 0, -1)]
    order = [*newer, own, *older] if _has_newer_tables_only(file, version) else [own, *newer, *older]
    known = list(dict.fromkeys(name for name in order if name is not None))
    if version < 2 and look_up(file.data, V2_CRI) is None:
        # As newer as the tables that the file has.
        known.sort(key=lambda name: name[:2] == V2_CRI)
    return sorted(known, key=lambda name: look_up(file.data, name) is None)


def _has_newer_tables_only(file: ConfigFile, version: int) -> bool:
    """A file that has CRI in tables of later versions alone is one for a containerd that reads those."""
    older = {0: (V1_CRI,), 1: (V1_CRI,), 2: (V2_CRI,)}.get(version)
    newer = (V2_CRI, IMAGES, RUNTIME) if version < 2 else (IMAGES, RUNTIME)
    return older is not None and not _has_any(file, older) and _has_any(file, newer)


def _has_any(file: ConfigFile, tables: t.Iterable[KeyPath]) -> bool:
    return any(look_up(file.data, table) is not None for table in tables)


def _cni_directories(
    file: ConfigFile, name: KeyPath, directories: list[str], *, has_list: bool
) -> t.Iterator[list[Operation]]:
    """One directory can stand in the old key, more than one need the new one; both together stop CRI."""
    table = name[:-1]
    old, new = (*table, "bin_dir"), (*table, "bin_dirs")
    is_there = bool(look_up(file.data, old))
    if len(directories) == 1 and (name == old or is_there or not has_list):
        yield [Set(old, directories[0])]
    yield [*([Remove(old)] if is_there else []), Set(new, directories)]


# --- what goes wrong


def _hopeless(draft: _Draft, wish: Set, file: ConfigFile) -> DomainError:
    """Why a wish takes effect nowhere: another file overrides it, or no place has room for it."""
    for other in draft.files:
        if other.path == file.path:
            continue
        alone = _Draft(tuple(one for one in draft.files if one.path != other.path), draft.release)
        try:
            _placed(alone, wish, file.path)
        except DomainError:
            continue
        return DomainError(
            f"is overridden by {other.path}, which the file imports, and cannot be set there without changing more",
            key_path=wish.path,
            fix=f"See to {other.path}: take {show_key_path(wish.path[:2])} out of it, or put the setting into it.",
        )
    what, fix = _why_nowhere(draft, wish, file)
    return DomainError(what, key_path=wish.path, fix=fix)


def _is_nameless(draft: _Draft, wish: Set, file: ConfigFile) -> bool:
    """Whether the file is read as one of version 1, in which there is no such setting."""
    reads_uris = draft.release.rules.reads_uris_of_versionless_files
    return not reads_uris and draft.version_of(file) < 2 and names(wish.path).v1 is None


def _why_nowhere(draft: _Draft, wish: Set, file: ConfigFile) -> tuple[str, str]:
    release = draft.release
    if _is_nameless(draft, wish, file):
        what = f"has no name in version 1, as which containerd {release} reads this file"
        return what, "Bring the file to version 2 first."
    what = f"containerd {release} reads this setting at no place of this file without another one changing"
    return what, "Nothing was changed; bring the CRI tables of the file into one form first."


def _prove(draft: _Draft, target: t.Mapping[str, t.Any]) -> None:
    """:raises DomainError: the model says that something else changed than what was asked."""
    before, after = meaningful(target), draft.effective
    if same(before, after):
        return
    wanted, found = dict(leaves(before)), dict(leaves(after))
    path = next(
        path
        for path in [*wanted, *found]
        if path not in wanted or path not in found or not same(wanted[path], found[path])
    )
    raise DomainError(
        f"would change too, as containerd {draft.release} reads these files",
        key_path=path,
        fix="Nothing was changed; bring the CRI tables of the files into one form first.",
    )
