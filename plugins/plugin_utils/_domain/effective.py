# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a containerd release makes of config.toml and the files that it imports. Private to this collection.

The result has canonical names (see ``config_keys``), whatever the files use, and only what the files say: containerd's
defaults are not in it. What the release passes over is not in it either: tables of another version, settings that its
own migration loses, a table that a later file replaces. ``containerd config dump`` is the judge of every rule here.
"""

from __future__ import annotations

import copy
import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    IMAGE_KEYS,
    IMAGES,
    RUNTIME,
    SNAPSHOT_KEYS,
    STREAMING_KEYS,
    V2_CRI,
    canonical,
    plugin_id,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release, Versions

Data = t.Mapping[str, t.Any]
Table = dict[str, t.Any]

# Entries of these are replaced as wholes by those of a later file, on every release.
_REPLACED_ENTRIES = frozenset({"stream_processors", "proxy_plugins", "timeouts"})
_SERVER_TABLES = ("grpc", "ttrpc", "debug", "metrics")
# Tables with entries of the user's naming, of which even an empty one says something.
_NAMED_ENTRIES = frozenset(
    {"configs", "mirrors", "proxy_plugins", "runtime_platforms", "runtimes", "stream_processors"}
)


@dataclasses.dataclass(frozen=True)
class ConfigFile:
    """One file as parsed; ``config.toml`` itself or one that it imports."""

    path: str
    data: Data


def effective(files: t.Sequence[ConfigFile], release: Release) -> Table:
    """The settings that count, in canonical names; ``files`` in the order in which the release reads them."""
    merged = _read_by_1(files) if release.rules.imports.replaces_plugins else _read_by_2(files, release)
    result: Table = {}
    for path, value in leaves(merged):
        # containerd prints the older key as an empty one beside the newer.
        is_empty_alias = value == "" and canonical(path) == CNI_BIN_DIRS
        if path[0] not in ("version", "imports") and not is_empty_alias:
            _put(result, *in_canonical_names(path, value))
    return meaningful(result)


def meaningful(data: Data) -> Table:
    """The data less the empty tables that mean nothing to containerd; an entry of the user's naming means something."""
    result: Table = {}
    for path, value in leaves(data):
        if value != {} or (len(path) > 1 and path[-2] in _NAMED_ENTRIES):
            _put(result, path, value)
    return result


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


def _put(data: Table, path: KeyPath, value: t.Any) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = value


def merged_version(files: t.Sequence[ConfigFile]) -> int | None:
    """The version of the last file that states one, by which releases before 2.3 read all of them."""
    stated = [file.data["version"] for file in files if _stated(file.data)]
    return stated[-1] if stated else None


def _stated(data: Data) -> int:
    version = data.get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) else 0


# --- containerd 1.x: one version for all, each plugin's table replaced as a whole by that of a later file


def _read_by_1(files: t.Sequence[ConfigFile]) -> Table:
    merged: Table = {}
    for file in files:
        _merge(merged, file.data, plugins=_replace_entries, lists=_append)
    by_short_names = (merged_version(files) or 0) < 2
    plugins = {}
    for name, table in _table(merged, "plugins").items():
        if by_short_names and "." not in name:
            plugins[plugin_id(name)] = table
        elif not by_short_names and "." in name and ("plugins", name) not in (IMAGES, RUNTIME):
            plugins[name] = table
    if by_short_names:
        _rename_names(merged)
    return _with_plugins(merged, plugins)


# --- containerd 2.x: migrated, and merged key by key


def _read_by_2(files: t.Sequence[ConfigFile], release: Release) -> Table:
    merged: Table = {}
    newest = release.config_version
    each_on_its_own = release.rules.imports.versions is Versions.EACH_ITS_OWN
    for file in files:
        data = copy.deepcopy(dict(file.data))
        version = _stated(data)
        data = _with_long_names(data) if version < 2 else _without_short_names(data)
        if each_on_its_own:
            data = _migrated(data, version, newest=newest)
        _merge(merged, data, plugins=_merge_tables, lists=_unite)
    if each_on_its_own:
        return merged
    # A file without a version counts as one of version 3 once its plugins are renamed, and is not migrated further.
    versions = [version if version > 1 else 3 for version in (_stated(file.data) for file in files)]
    return _migrated(merged, versions[-1] if versions else 3, newest=newest)


def _with_long_names(data: Table) -> Table:
    plugins: Table = {}
    for name, table in _table(data, "plugins").items():
        plugins[plugin_id(name)] = table
    _rename_names(data)
    return _with_plugins(data, plugins)


def _without_short_names(data: Table) -> Table:
    """From version 2 on, a plugin's table by its short name is passed over."""
    return _with_plugins(data, {name: table for name, table in _table(data, "plugins").items() if "." in name})


def _rename_names(data: Table) -> None:
    for key in ("disabled_plugins", "required_plugins"):
        if isinstance(data.get(key), list):
            data[key] = [plugin_id(name) if isinstance(name, str) else name for name in data[key]]


def _migrated(data: Table, version: int, *, newest: int) -> Table:
    """A file's tables as those of the newest version that the release knows."""
    plugins = dict(_table(data, "plugins"))
    older = plugins.pop(V2_CRI[1], None)
    if isinstance(older, dict):
        if version < newest:
            _migrate_images(plugins, older)
            _migrate_runtime(plugins, older)
        plugins[V2_CRI[1]] = {key: value for key, value in older.items() if key in STREAMING_KEYS}
    data = _with_plugins(data, plugins)
    if newest >= 4:
        _migrate_server(data, version)
    return data


def _migrate_images(plugins: Table, older: Data) -> None:
    """An older key wins over a newer one, and a table over the whole of the newer table."""
    table = dict(_table(plugins, IMAGES[1]))
    if "sandbox_image" in older:
        table["pinned_images"] = {**_table(table, "pinned_images"), "sandbox": older["sandbox_image"]}
    table |= {key: older[key] for key in IMAGE_KEYS if key in older}
    containerd = _table(older, "containerd")
    if "runtimes" in containerd:
        table |= {key: containerd[key] for key in SNAPSHOT_KEYS if key in containerd}
    plugins[IMAGES[1]] = table


def _migrate_runtime(plugins: Table, older: Data) -> None:
    """A newer key wins over an older one; only `cni` and `containerd` are looked into."""
    table = dict(_table(plugins, RUNTIME[1]))
    rest = {key: value for key, value in older.items() if key not in IMAGE_KEYS | STREAMING_KEYS | {"sandbox_image"}}
    cni, containerd = rest.pop("cni", None), rest.pop("containerd", None)
    table = rest | table
    if isinstance(cni, dict):
        table["cni"] = {key: value for key, value in cni.items() if key != "bin_dir"} | _table(table, "cni")
        if "bin_dir" in cni:
            table["cni"]["bin_dir"] = cni["bin_dir"]
            table["cni"].pop("bin_dirs", None)
    if isinstance(containerd, dict):
        kept = {key: value for key, value in containerd.items() if key not in SNAPSHOT_KEYS}
        table["containerd"] = kept | _table(table, "containerd")
    plugins[RUNTIME[1]] = table


def _migrate_server(data: Table, version: int) -> None:
    """containerd 2.3 reads the server's tables as those of plugins that have none, and not at all in version 4."""
    tables = {name: data.pop(name) for name in _SERVER_TABLES if isinstance(data.get(name), dict)}
    plugins = dict(_table(data, "plugins"))
    stated = frozenset(plugins)
    for name, table in tables.items():
        for key, value in table.items():
            path = canonical((name, key))
            if path[0] != "plugins":
                data.setdefault(name, {})[key] = value
            elif version < 4 and path[1] not in stated:
                plugins.setdefault(path[1], {})[path[2]] = value
    data["plugins"] = plugins


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
            merged[key] = {**(before or {}), **copy.deepcopy(value)}
        elif isinstance(value, list) and isinstance(before, list):
            merged[key] = lists(before, value)
        elif isinstance(value, dict) and isinstance(before, dict):
            merged[key] = before | {name: item for name, item in value.items() if item}
        elif before is None or value:
            # A later file cannot take a value back with an empty one.
            merged[key] = copy.deepcopy(value)


def _replace_entries(merged: Table, data: Data) -> None:
    merged.update(copy.deepcopy(dict(data)))


def _merge_tables(merged: Table, data: Data) -> None:
    for key, value in data.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            _merge_tables(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)


def _append(before: list[t.Any], after: list[t.Any]) -> list[t.Any]:
    return [*before, *after]


def _unite(before: list[t.Any], after: list[t.Any]) -> list[t.Any]:
    return [*before, *(item for item in after if item not in before)]


def _table(data: Data, key: str) -> Table:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _with_plugins(data: Table, plugins: Table) -> Table:
    return {**data, "plugins": plugins} if plugins or "plugins" in data else data
