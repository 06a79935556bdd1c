# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that one setting of config.toml has in the four versions of that file. Private to this collection.

A setting's *canonical* path is where a version 4 file has it. Version 3 differs from it in the server's tables only;
version 2 has all of CRI in one table; version 1 names that table, and every other plugin, by its short name.
Read in containerd 1.7.24, 2.0.5, 2.1.5 and 2.3.4, and measured key by key on 1.6.20 to 2.4.2.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath

V1_CRI: KeyPath = ("plugins", "cri")
V2_CRI: KeyPath = ("plugins", "io.containerd.grpc.v1.cri")
IMAGES: KeyPath = ("plugins", "io.containerd.cri.v1.images")
RUNTIME: KeyPath = ("plugins", "io.containerd.cri.v1.runtime")
CRI_IDS = frozenset({V2_CRI[1], IMAGES[1], RUNTIME[1]})

REGISTRY: KeyPath = (*IMAGES, "registry")
REGISTRY_CONFIG_PATH: KeyPath = (*REGISTRY, "config_path")
SANDBOX_IMAGE: KeyPath = (*IMAGES, "pinned_images", "sandbox")
RUNTIMES: KeyPath = (*RUNTIME, "containerd", "runtimes")
CNI_BIN_DIRS: KeyPath = (*RUNTIME, "cni", "bin_dirs")

# What containerd 2.x moves from the one table of version 2 to that of the image service; all else is the runtime's.
IMAGE_KEYS = frozenset(
    {
        "image_decryption",
        "image_pull_progress_timeout",
        "image_pull_with_sync_fs",
        "max_concurrent_downloads",
        "registry",
        "stats_collect_period",
    }
)
# These stood below `containerd`, and move only from a file that has runtimes there.
SNAPSHOT_KEYS = frozenset({"disable_snapshot_annotations", "discard_unpacked_layers", "snapshotter"})
# What is left of the table of version 2 in version 3.
STREAMING_KEYS = frozenset(
    {
        "disable_tcp_service",
        "enable_tls_streaming",
        "stream_idle_timeout",
        "stream_server_address",
        "stream_server_port",
        "x509_key_pair_streaming",
    }
)

# Plugins whose short name does not tell their type.
_SHORT_NAMES = {
    "cri": V2_CRI[1],
    "cgroups": "io.containerd.monitor.v1.cgroups",
    "linux": "io.containerd.runtime.v1.linux",
    "scheduler": "io.containerd.gc.v1.scheduler",
    "bolt": "io.containerd.metadata.v1.bolt",
    "task": "io.containerd.runtime.v2.task",
    "opt": "io.containerd.internal.v1.opt",
    "restart": "io.containerd.internal.v1.restart",
    "tracing": "io.containerd.internal.v1.tracing",
    "otlp": "io.containerd.tracing.processor.v1.otlp",
    "aufs": "io.containerd.snapshotter.v1.aufs",
    "btrfs": "io.containerd.snapshotter.v1.btrfs",
    "devmapper": "io.containerd.snapshotter.v1.devmapper",
    "native": "io.containerd.snapshotter.v1.native",
    "overlayfs": "io.containerd.snapshotter.v1.overlayfs",
    "zfs": "io.containerd.snapshotter.v1.zfs",
}

# Plugins that containerd 2.0 renamed, from version 3 on.
RENAMED_PLUGINS: t.Mapping[str, str] = {
    "io.containerd.internal.v1.restart": "io.containerd.monitor.container.v1.restart",
    "io.containerd.monitor.v1.cgroups": "io.containerd.monitor.task.v1.cgroups",
}
_OLD_PLUGINS = {new: old for old, new in RENAMED_PLUGINS.items()}

_SERVER = "io.containerd.server.v1."
# The server's tables up to version 3, and where version 4 has their keys; `*` stands for any other key.
_SERVER_KEYS: t.Mapping[KeyPath, KeyPath] = {
    ("grpc", "tcp_address"): ("plugins", f"{_SERVER}grpc-tcp", "address"),
    ("grpc", "tcp_tls_ca"): ("plugins", f"{_SERVER}grpc-tcp", "tls_ca"),
    ("grpc", "tcp_tls_cert"): ("plugins", f"{_SERVER}grpc-tcp", "tls_cert"),
    ("grpc", "tcp_tls_key"): ("plugins", f"{_SERVER}grpc-tcp", "tls_key"),
    ("grpc", "tcp_tls_common_name"): ("plugins", f"{_SERVER}grpc-tcp", "tls_common_name"),
    ("grpc", "*"): ("plugins", f"{_SERVER}grpc", "*"),
    ("ttrpc", "*"): ("plugins", f"{_SERVER}ttrpc", "*"),
    ("debug", "address"): ("plugins", f"{_SERVER}debug", "address"),
    ("debug", "uid"): ("plugins", f"{_SERVER}debug", "uid"),
    ("debug", "gid"): ("plugins", f"{_SERVER}debug", "gid"),
    ("metrics", "address"): ("plugins", f"{_SERVER}metrics", "address"),
    ("metrics", "grpc_histogram"): ("plugins", "io.containerd.metrics.v1.grpc-prometheus", "grpc_histogram"),
}
_SERVER_KEYS_BACK = {new: old for old, new in _SERVER_KEYS.items()}
# What became a plugin in version 4.
SERVER_PLUGINS = frozenset(path[1] for path in _SERVER_KEYS.values())
# No release reads these in the server's tables: version 4 alone has them.
_VERSION_4_ONLY = frozenset({f"{_SERVER}grpc-tcp"})


@dataclasses.dataclass(frozen=True)
class Names:
    """The paths of one setting by config version; None where that version has no name for it."""

    v1: KeyPath | None
    v2: KeyPath | None
    v3: KeyPath | None
    v4: KeyPath

    def in_version(self, version: int) -> KeyPath | None:
        """0 is read as 1."""
        return (self.v1, self.v1, self.v2, self.v3, self.v4)[version]

    def __iter__(self) -> t.Iterator[KeyPath]:
        """Each name once, the newest first."""
        return iter(dict.fromkeys(name for name in (self.v4, self.v3, self.v2, self.v1) if name is not None))


@functools.cache
def canonical(path: KeyPath) -> KeyPath:
    """The version 4 path of a setting that is named as in any version.

    A table whose keys went different ways (``containerd`` of version 2) leads to where most of them went.
    """
    path = long_name(path)
    if path[:2] == V2_CRI:
        return _from_version_2(path[2:])
    if path == (*RUNTIME, "cni", "bin_dir"):
        return CNI_BIN_DIRS
    return _server_key(_with_plugin(path, RENAMED_PLUGINS), _SERVER_KEYS)


def canonical_paths(path: KeyPath) -> tuple[KeyPath, ...]:
    """Where all keys at or below a path went; only those of ``containerd`` of version 2 went different ways."""
    if long_name(path) != (*V2_CRI, "containerd"):
        return (canonical(path),)
    return (canonical(path), *((*IMAGES, key) for key in sorted(SNAPSHOT_KEYS)))


def names(path: KeyPath) -> Names:
    """The names of the setting at a canonical path."""
    v3 = _server_key(path, _SERVER_KEYS_BACK)
    if v3 is not None and v3[:1] == ("plugins",) and len(v3) > 2 and v3[1] in _VERSION_4_ONLY:
        return Names(None, None, None, path)
    v2 = _to_version_2(v3)
    if v2 is None or canonical(v2) != path:
        # In version 2 this key belonged to another plugin, or to none.
        return Names(None, None, v3, path)
    return Names(_short_name(v2), v2, v3, path)


def long_name(path: KeyPath) -> KeyPath:
    """The path with the id of a plugin for its short name."""
    is_short = path[:1] == ("plugins",) and len(path) > 1 and "." not in path[1]
    return ("plugins", plugin_id(path[1]), *path[2:]) if is_short else path


def plugin_id(name: str) -> str:
    """The id of a plugin that version 1 names by its short name, as containerd 2.x renames it."""
    if "." in name:
        return name
    if name.endswith("-service"):
        return f"io.containerd.service.v1.{name}"
    return _SHORT_NAMES.get(name, f"io.containerd.grpc.v1.{name}")


def _with_plugin(path: KeyPath, ids: t.Mapping[str, str]) -> KeyPath:
    is_named = path[:1] == ("plugins",) and len(path) > 1 and path[1] in ids
    return ("plugins", ids[path[1]], *path[2:]) if is_named else path


def _short_name(path: KeyPath) -> KeyPath | None:
    """None where version 1 has no name that leads back to this plugin."""
    if path[:1] != ("plugins",) or len(path) < 2:
        return path
    name = path[1].split(".", 4)[-1]
    return ("plugins", name, *path[2:]) if plugin_id(name) == path[1] and name != path[1] else None


def _from_version_2(rest: KeyPath) -> KeyPath:
    key = rest[0] if rest else None
    if key is None or key in STREAMING_KEYS:
        return (*V2_CRI, *rest)
    if rest == ("sandbox_image",):
        return SANDBOX_IMAGE
    if key in IMAGE_KEYS:
        return (*IMAGES, *rest)
    if key == "containerd" and len(rest) > 1 and rest[1] in SNAPSHOT_KEYS:
        return (*IMAGES, *rest[1:])
    if rest == ("cni", "bin_dir"):
        return CNI_BIN_DIRS
    return (*RUNTIME, *_renamed_in_runtimes(rest, "sandbox_mode", "sandboxer"))


def _to_version_2(path: KeyPath) -> KeyPath | None:
    """The path in version 2's one table; it may belong to another setting there."""
    table, rest = path[:2], path[2:]
    if table == RUNTIME:
        if path == CNI_BIN_DIRS:
            return (*V2_CRI, "cni", "bin_dir")
        return (*V2_CRI, *_renamed_in_runtimes(rest, "sandboxer", "sandbox_mode"))
    if table != IMAGES or not rest:
        return _with_plugin(path, _OLD_PLUGINS)
    if path == SANDBOX_IMAGE:
        return (*V2_CRI, "sandbox_image")
    if rest[0] in SNAPSHOT_KEYS:
        return (*V2_CRI, "containerd", *rest)
    return (*V2_CRI, *rest) if rest[0] in IMAGE_KEYS else None


def _renamed_in_runtimes(rest: KeyPath, old: str, new: str) -> KeyPath:
    in_runtime = len(rest) == 4 and rest[:2] == ("containerd", "runtimes") and rest[3] == old
    return (*rest[:3], new) if in_runtime else rest


def _server_key(path: KeyPath, table: t.Mapping[KeyPath, KeyPath]) -> KeyPath:
    if path in table:
        return table[path]
    new = table.get((*path[:-1], "*"))
    return (*new[:-1], path[-1]) if new and path[-1] != "*" else path
