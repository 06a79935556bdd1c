# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd 2.x makes of the tables of an older file as it reads them, and what it loses. Private.

Each function changes the data and the table of plugins that it is given, and leaves the tables below alone.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    IMAGE_KEYS,
    IMAGES,
    RENAMED_PLUGINS,
    RUNTIME,
    SERVER_PLUGINS,
    SNAPSHOT_KEYS,
    STREAMING_KEYS,
    V2_CRI,
    canonical,
    plugin_id,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import table_at

Table = dict[str, t.Any]

_TASK = "io.containerd.runtime.v2.task"
_SHIM = "io.containerd.shim.v1.manager"
_SERVER_TABLES = ("grpc", "ttrpc", "debug", "metrics")
_GRPC, _TCP, _TTRPC, _DEBUG = (f"io.containerd.server.v1.{name}" for name in ("grpc", "grpc-tcp", "ttrpc", "debug"))
_MOVED_FROM_DEBUG = ("address", "uid", "gid")
_MESSAGE_SIZES = ("max_recv_message_size", "max_send_message_size")
_ROOT: t.Mapping[str, int] = {"uid": 0, "gid": 0}
# What containerd takes from another setting, such as the address of ttrpc: no setting of the files, but it overrides
# those of files that were read before.
DERIVED = object()


def with_long_names(data: Table) -> None:
    """Plugins of a file without a version, or of version 1, by their ids."""
    data["plugins"] = {plugin_id(name): table for name, table in table_at(data, "plugins").items()}
    for key in ("disabled_plugins", "required_plugins"):
        if isinstance(data.get(key), list):
            data[key] = [plugin_id(name) if isinstance(name, str) else name for name in data[key]]


def migrate(data: Table, version: int, release: Release) -> None:
    """Tables of that version become those of the newest version that the release knows; what has no meaning goes."""
    plugins = table_at(data, "plugins")
    steps = release.config_version - version
    if steps > 0:
        _migrate_cri(plugins, release)
        _migrate_other_plugins(plugins, steps)
    older = plugins.get(V2_CRI[1])
    if isinstance(older, dict):
        plugins[V2_CRI[1]] = {key: value for key, value in older.items() if key in STREAMING_KEYS}
    unread = {*RENAMED_PLUGINS, *(SERVER_PLUGINS if release.config_version < 4 else ())}
    # A short name means nothing here, and neither does the id of a plugin that has another one by now, or not yet.
    plugins = {name: table for name, table in plugins.items() if "." in name and name not in unread}
    if release.config_version >= 4:
        _migrate_server(data, plugins, version)
    data["plugins"] = plugins


def _migrate_cri(plugins: Table, release: Release) -> None:
    older = plugins.get(V2_CRI[1])
    if not isinstance(older, dict):
        return
    has_bin_dirs = release.rules.has_bin_dirs
    plugins[RUNTIME[1]] = _with_runtime(table_at(plugins, RUNTIME[1]), older, has_bin_dirs=has_bin_dirs)
    images = plugins[IMAGES[1]] = _with_images(table_at(plugins, IMAGES[1]), older)
    registry = table_at(images, "registry")
    if release.rules.registry.default_stands_beside_mirrors and registry.get("config_path") == "":
        # These releases fill in their default.
        images["registry"] = {key: value for key, value in registry.items() if key != "config_path"}


def _with_images(newer: Table, older: Table) -> Table:
    """An older key wins over a newer one, and a table over the whole of the newer table."""
    table = {**newer, **{key: older[key] for key in IMAGE_KEYS if key in older}}
    if "sandbox_image" in older:
        table["pinned_images"] = {**table_at(newer, "pinned_images"), "sandbox": older["sandbox_image"]}
    containerd = table_at(older, "containerd")
    if "runtimes" in containerd:
        table.update({key: containerd[key] for key in SNAPSHOT_KEYS if key in containerd})
    return table


def _with_runtime(newer: Table, older: Table, *, has_bin_dirs: bool) -> Table:
    """A newer key wins over an older one; only `cni` and `containerd` are looked into."""
    elsewhere = IMAGE_KEYS | STREAMING_KEYS | {"sandbox_image", "cni", "containerd"}
    table = {**{key: value for key, value in older.items() if key not in elsewhere}, **newer}
    if has_bin_dirs and isinstance(older.get("cni"), dict):
        table["cni"] = _with_cni(table_at(newer, "cni"), older["cni"])
    elif "cni" in older:
        table.setdefault("cni", older["cni"])
    if isinstance(older.get("containerd"), dict):
        kept = {key: value for key, value in older["containerd"].items() if key not in SNAPSHOT_KEYS}
        table["containerd"] = _with_sandboxers({**kept, **table_at(newer, "containerd")})
    return table


def _with_cni(newer: Table, older: Table) -> Table:
    """The one directory of version 2 wins over a newer list: containerd looks for a list of another type."""
    table = {**{key: value for key, value in older.items() if key != "bin_dir"}, **newer}
    return {**table, "bin_dirs": [older["bin_dir"]]} if "bin_dir" in older else table


def _with_sandboxers(containerd: Table) -> Table:
    if not isinstance(containerd.get("runtimes"), dict):
        return containerd
    runtimes = {}
    for name, runtime in containerd["runtimes"].items():
        renamed = isinstance(runtime, dict) and "sandbox_mode" in runtime and "sandboxer" not in runtime
        runtimes[name] = {_sandboxer(key): value for key, value in runtime.items()} if renamed else runtime
    return {**containerd, "runtimes": runtimes}


def _sandboxer(key: str) -> str:
    return "sandboxer" if key == "sandbox_mode" else key


def _migrate_other_plugins(plugins: Table, steps: int) -> None:
    for old, new in RENAMED_PLUGINS.items():
        if old in plugins:
            plugins[new] = plugins.pop(old)
    task = plugins.get(_TASK)
    if isinstance(task, dict):
        # Each step writes the table anew, and only the first one finds the key.
        has_env = task.get("sched_core") is True and steps == 1
        plugins[_SHIM] = {"env": ["SCHED_CORE=1"]} if has_env else {}
        plugins[_TASK] = {key: value for key, value in task.items() if key != "sched_core"}


def _migrate_server(data: Table, plugins: Table, version: int) -> None:
    """containerd 2.3 reads the server's tables as those of plugins that have none, and not at all in version 4."""
    tables = {name: {**data.pop(name)} for name in _SERVER_TABLES if isinstance(data.get(name), dict)}
    logging = {key: value for key, value in table_at(tables, "debug").items() if key not in _MOVED_FROM_DEBUG}
    if logging:
        data["debug"] = logging
    if version < 4:
        for name, table in _server_plugins(tables).items():
            if table and name not in plugins:
                plugins[name] = table


def _server_plugins(tables: t.Mapping[str, Table]) -> dict[str, Table]:
    """An empty value says nothing; an address comes with an owner, who is root where none is named."""
    moved: dict[str, Table] = {}
    for name, table in tables.items():
        for key, value in table.items():
            path = canonical((name, key))
            if path[0] == "plugins" and value not in ("", 0, False):
                moved.setdefault(path[1], {})[path[2]] = value
    grpc, tcp, ttrpc, debug = (moved.get(name, {}) for name in (_GRPC, _TCP, _TTRPC, _DEBUG))
    moved[_TCP] = {**_derived(grpc, *_MESSAGE_SIZES), **tcp} if "address" in tcp else {}
    moved[_DEBUG] = {**_ROOT, **debug} if "address" in debug else {}
    if "address" in grpc and "address" not in ttrpc:
        moved[_TTRPC] = {**_ROOT, **_derived(grpc, "address", "uid", "gid"), **ttrpc}
    elif ttrpc:
        # Its owner alone brings the empty address along.
        moved[_TTRPC] = {"address": "", **_ROOT, **ttrpc}
    moved[_GRPC] = {**_ROOT, **grpc} if "address" in grpc else grpc
    return moved


def _derived(grpc: Table, *keys: str) -> Table:
    return {key: DERIVED for key in keys if key in grpc}
