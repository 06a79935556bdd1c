# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a containerd release makes of config.toml and the files that it imports. Private to this collection.

The result has canonical names (see ``config_keys``), whatever the files use, and only what the files say: containerd's
defaults are not in it. What the release passes over is not in it either: tables of another version, settings that its
own migration loses, a table that a later file replaces. ``containerd config dump`` is the judge of every rule here.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import table_migration
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    IMAGES,
    RENAMED_PLUGINS,
    RUNTIME,
    RUNTIMES,
    SANDBOX_IMAGE,
    SERVER_PLUGINS,
    V2_CRI,
    canonical,
    plugin_id,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release, Versions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, table_at

Data = t.Mapping[str, t.Any]
Table = dict[str, t.Any]

# Entries of these are replaced as wholes by those of a later file, on every release.
_REPLACED_ENTRIES = frozenset({"stream_processors", "proxy_plugins", "timeouts"})
# Tables with entries of the user's naming, of which even an empty one says something.
_NAMED_ENTRIES = frozenset(
    {"configs", "mirrors", "proxy_plugins", "runtime_platforms", "runtimes", "stream_processors"}
)
# What containerd 1.x passes over in a file of version 2.
_UNKNOWN_TO_1 = frozenset({IMAGES[1], RUNTIME[1], *RENAMED_PLUGINS.values(), *SERVER_PLUGINS})
# Plugins that 1.x finds by their short name in a file of version 1, and 2.x does not.
_SHORT_NAMES_OF_1 = {
    "bindir": "io.containerd.image-verifier.v1.bindir",
    "blockfile": "io.containerd.snapshotter.v1.blockfile",
    "local": "io.containerd.transfer.v1.local",
    "nri": "io.containerd.nri.v1.nri",
}


@dataclasses.dataclass(frozen=True)
class ConfigFile:
    """One file as parsed; ``config.toml`` itself or one that it imports."""

    path: str
    data: Data


def effective(files: t.Sequence[ConfigFile], release: Release) -> Table:
    """The settings that count, in canonical names; ``files`` in the order in which the release reads them."""
    merged = _merged(files, release)
    for table in (V2_CRI[1], RUNTIME[1]):
        _unite_cni_directories(merged, table, release)
    result: Table = {}
    for path, value in leaves(merged):
        if path[0] not in ("version", "imports"):
            _put(result, canonical(path), value)
    return result


def sandbox_image(settings: Data, release: Release) -> tuple[str, bool]:
    """The image that containerd pulls for every pod's sandbox, and whether nobody chose it."""
    stated = look_up(settings, SANDBOX_IMAGE)
    return (stated, False) if isinstance(stated, str) and stated else (release.rules.sandbox_image, True)


def cni_directories_twice(files: t.Sequence[ConfigFile], release: Release) -> bool:
    """Whether both keys for directories of CNI's programs count, in whatever files they stand."""
    cni = table_at(table_at(table_at(_merged(files, release), "plugins"), RUNTIME[1]), "cni")
    return bool(cni.get("bin_dir")) and bool(cni.get("bin_dirs"))


def _merged(files: t.Sequence[ConfigFile], release: Release) -> Table:
    return _read_by_1(files) if release.rules.imports.replaces_plugins else _read_by_2(files, release)


def versions_read_as(files: t.Sequence[ConfigFile], release: Release) -> tuple[int, ...]:
    """The version by which the release reads each of the files."""
    if release.rules.imports.versions is Versions.EACH_ITS_OWN:
        return tuple(_stated(file.data) or 1 for file in files)
    # The last one that is stated holds for all. containerd 2.x gives a file of version 1 the version that it has come
    # to by then, which is the newest one at first, and skips the migration that this version would have needed.
    lowest, first = (1, 1) if release.rules.imports.replaces_plugins else (2, release.config_version)
    return (_counting(files, lowest=lowest, first=first),) * len(files)


def _counting(files: t.Sequence[ConfigFile], *, lowest: int, first: int) -> int:
    stated = (_stated(file.data) for file in files)
    return [first, *(version for version in stated if version >= lowest)][-1]


def meaningful(data: Data) -> Table:
    """The data less what means nothing to containerd: empty tables, and empty values outside plugins, which it takes
    for unset. An entry of the user's naming means something."""
    result: Table = {}
    for path, value in leaves(data):
        _put(result, path, value)
    return result


def _put(data: Table, path: KeyPath, value: t.Any) -> None:
    """Puts a leaf into its place; of one that means nothing, only the entry that it belongs to is there."""
    if not means_something(path, value):
        path, value = _entry(path), {}
    for key in path[:-1]:
        data = data.setdefault(key, {})
    if value != {}:
        data[path[-1]] = value
    elif path:
        data.setdefault(path[-1], {})


def means_something(path: KeyPath, value: t.Any) -> bool:
    """Whether a setting at a canonical path says anything to containerd."""
    if value == {} or value is table_migration.DERIVED:
        return False
    if path[0] != "plugins":
        return value not in ("", 0, False, [])
    return value != 0 or path[-1] not in ("uid", "gid") or path[1] not in SERVER_PLUGINS


def _entry(path: KeyPath) -> KeyPath:
    """The entry of the user's naming that a path leads to or through, or nothing."""
    if path == RUNTIMES:
        # containerd 1.x takes away its own runtime class where there is a table of them, even an empty one.
        return path
    depth = next((depth for depth, key in enumerate(path[:-1], start=1) if key in _NAMED_ENTRIES), -1)
    return path[: depth + 1]


def leaves(data: Data, above: KeyPath = ()) -> t.Iterator[tuple[KeyPath, t.Any]]:
    """Every path that leads to something that is no table, or to an empty one."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def in_canonical_names(path: KeyPath, value: t.Any) -> tuple[KeyPath, t.Any]:
    """A setting under its canonical name; the one whose value changed its form with its name is in the newest form."""
    name = canonical(path)
    return name, [value] if name == CNI_BIN_DIRS and isinstance(value, str) else value


def _stated(data: Data) -> int:
    version = data.get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) else 0


# --- containerd 1.x: one version for all, each plugin's table replaced as a whole by that of a later file


def _read_by_1(files: t.Sequence[ConfigFile]) -> Table:
    merged: Table = {}
    for file in files:
        _merge(merged, file.data, plugins=_replace_entries, lists=_append)
    tables = table_at(merged, "plugins")
    if _counting(files, lowest=1, first=1) < 2:
        _read_short_names(merged, tables)
    elif "plugins" in merged:
        merged["plugins"] = {name: table for name, table in tables.items() if _is_read_by_1(name)}
    return merged


def _is_read_by_1(name: str) -> bool:
    return "." in name and name not in _UNKNOWN_TO_1


def _read_short_names(merged: Table, tables: Table) -> None:
    """Version 1 of containerd 1.x knows no ids: what is named by one is passed over."""
    if tables:
        merged["plugins"] = {_id_of_1(name): table for name, table in tables.items() if "." not in name}
    for key in ("disabled_plugins", "required_plugins"):
        names = merged.get(key)
        if isinstance(names, list):
            merged[key] = [_id_of_1(name) for name in names if isinstance(name, str) and "." not in name]


def _id_of_1(name: str) -> str:
    return _SHORT_NAMES_OF_1.get(name) or plugin_id(name)


# --- containerd 2.x: migrated, and merged key by key


def _read_by_2(files: t.Sequence[ConfigFile], release: Release) -> Table:
    merged: Table = {}
    each_on_its_own = release.rules.imports.versions is Versions.EACH_ITS_OWN
    versions = versions_read_as(files, release)
    for file, version in zip(files, versions, strict=True):
        data = {**file.data, "plugins": dict(table_at(file.data, "plugins"))}
        if _stated(data) < 2:
            table_migration.with_long_names(data)
        if each_on_its_own:
            table_migration.migrate(data, version, release)
        _merge(merged, data, plugins=_merge_tables, lists=_unite)
    if not each_on_its_own and files:
        table_migration.migrate(merged, versions[0], release)
    return merged


def _unite_cni_directories(merged: Table, table: str, release: Release) -> None:
    """One directory in the old key is a list of one in the new; both at once stop CRI, and stay as they are."""
    has_list, has_one = release.rules.has_bin_dirs, release.rules.reads_bin_dir
    plugin = table_at(table_at(merged, "plugins"), table)
    cni = table_at(plugin, "cni")
    if not has_list:
        cni = {key: value for key, value in cni.items() if key != "bin_dirs"}
    directory = cni.get("bin_dir")
    if not has_one or (directory == "" and has_list):
        # containerd 2.1 to 2.3 print the older key as an empty one beside the newer.
        cni = {key: value for key, value in cni.items() if key != "bin_dir"}
    elif directory is not None and not cni.get("bin_dirs"):
        cni = {("bin_dirs" if key == "bin_dir" else key): value for key, value in cni.items() if key != "bin_dirs"}
        cni["bin_dirs"] = [directory]
    if "cni" in plugin:
        merged["plugins"] = {**merged["plugins"], table: {**plugin, "cni": cni}}


# --- merging


def _merge(
    merged: Table,
    data: Data,
    *,
    plugins: t.Callable[[Table, Data], None],
    lists: t.Callable[[list[t.Any], list[t.Any]], list[t.Any]],
) -> None:
    for key, value in data.items():
        before = merged.get(key)
        if key == "plugins" and isinstance(value, dict):
            plugins(merged.setdefault(key, {}), value)
        elif key in _REPLACED_ENTRIES and isinstance(value, dict):
            merged[key] = {**(before or {}), **value}
        elif isinstance(value, list) and isinstance(before, list):
            merged[key] = lists(before, value)
        elif isinstance(value, dict) and isinstance(before, dict):
            merged[key] = before | {name: item for name, item in value.items() if item}
        elif before is None or value:
            # A later file cannot take a value back with an empty one.
            merged[key] = value


def _replace_entries(merged: Table, data: Data) -> None:
    merged.update(data)


def _merge_tables(merged: Table, data: Data) -> None:
    for key, value in data.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = dict(merged[key])
            _merge_tables(merged[key], value)
        else:
            merged[key] = value


def _append(before: list[t.Any], after: list[t.Any]) -> list[t.Any]:
    return [*before, *after]


def _unite(before: list[t.Any], after: list[t.Any]) -> list[t.Any]:
    return [*before, *(item for item in after if item not in before)]
