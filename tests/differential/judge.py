# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release says of files, and what it says of one new file with the settings that the model finds in them.

A dump is full of containerd's defaults, so a model that leaves them out is not compared with it leaf by leaf. Instead
the settings of the model are written into a single file of the release's newest version, of which nothing is merged or
migrated: both dumps have to be equal.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import random
import tomllib
import typing as t
from dataclasses import dataclass, field

import tomlkit
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    RUNTIME,
    V2_CRI,
    names,
    plugin_id,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import follow
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import parse
from nodes import dumps
from nodes.dumps import CONFIG, Case, DumpResult

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RELEASES = ("1.6", "1.7", "2.0", "2.1", "2.2", "2.3", "2.4")
Path = tuple[str, ...]
Leaves = dict[Path, t.Any]
Files = t.Mapping[str, bytes]

GRPC, TCP, TTRPC = (("plugins", f"io.containerd.server.v1.{name}") for name in ("grpc", "grpc-tcp", "ttrpc"))
_OF_DEBUG_PLUGIN = frozenset({("debug", "address"), ("debug", "uid"), ("debug", "gid")})


@functools.cache
def release(name: str) -> Release:
    return Release.parse(dumps.version(name))


@dataclass(frozen=True)
class Node:
    """The files of a node, as the domain's library of what was read."""

    files: Files

    def data(self, path: str, importer: str | None = None) -> dict[str, t.Any]:
        if path not in self.files:
            raise DomainError(f"names {path}, which is not there", file=importer)
        data: dict[str, t.Any] = parse(self.files[path].decode())
        return data

    def matches(self, pattern: str) -> list[str]:
        # A * of a glob goes no further than the next slash.
        depth = pattern.count("/")
        return [path for path in self.files if path.count("/") == depth and fnmatch.fnmatchcase(path, pattern)]

    def in_order(self, release: Release) -> tuple[str, ...]:
        """config.toml and what it imports, in the order in which the release reads them."""
        if CONFIG not in self.files:
            return (CONFIG,)
        return (CONFIG, *follow(CONFIG, self.data(CONFIG), self, release).paths)

    def parsed(self, release: Release) -> tuple[ConfigFile, ...]:
        return tuple(ConfigFile(path, self.data(path) if path in self.files else {}) for path in self.in_order(release))


@dataclass(frozen=True)
class Dump:
    """A dump as leaves, without what says nothing of the configuration's meaning."""

    result: DumpResult
    leaves: Leaves = field(default_factory=dict)

    @classmethod
    def of(cls, result: DumpResult, release: Release) -> Dump:
        if result.rc:
            return cls(result)
        data = tomllib.loads(result.stdout)
        if release.rules.has_bin_dirs:
            _unite_cni_directories(data)
        return cls(result, {path: value for path, value in leaves(data) if _counts(path, release)})

    def differing(self, other: Dump) -> dict[Path, tuple[t.Any, t.Any]]:
        paths = self.leaves.keys() | other.leaves.keys()
        both = {path: (self.leaves.get(path), other.leaves.get(path)) for path in paths}
        return {path: values for path, values in sorted(both.items()) if repr(values[0]) != repr(values[1])}


def _counts(path: Path, release: Release) -> bool:
    """Whether containerd reads what it prints there: it repeats tables that belong to no plugin, or no longer."""
    if path[0] == "plugins":
        return path[1] in _known_plugins(release)
    if path[0] in ("disabled_plugins", "required_plugins") and release.line < (2, 0):
        # Printed as written, though one of ids and short names means nothing; who is disabled shows in the plugins.
        return False
    is_of_server = path[0] in ("grpc", "ttrpc", "metrics") or path in _OF_DEBUG_PLUGIN
    return path[0] not in ("version", "imports") and not (is_of_server and release.config_version >= 4)


@functools.cache
def _known_plugins(release: Release) -> frozenset[str]:
    default = tomllib.loads(dumps.default_config(f"{release.major}.{release.minor}"))
    return frozenset(default["plugins"])


def _unite_cni_directories(data: dict[str, t.Any]) -> None:
    """containerd 2.1 and newer move the older key to the newer one after what a dump shows."""
    cni = data.get("plugins", {}).get(RUNTIME[1], {}).get("cni", {})
    if cni.get("bin_dir") and cni.get("bin_dirs") == ["/opt/cni/bin"]:
        cni.update(bin_dir="", bin_dirs=[cni["bin_dir"]])


def dump_all(name: str, files: Sequence[Files]) -> list[Dump]:
    return [Dump.of(result, release(name)) for result in dumps.dump_many(name, [Case(dict(each)) for each in files])]


def without_derived(one: Dump, other: Dump) -> dict[Path, tuple[t.Any, t.Any]]:
    """Where two dumps differ, less what containerd 2.3 takes from grpc's settings in files before version 4."""
    return {
        path: values
        for path, values in one.differing(other).items()
        if not any(_is_derived(path, value, dump) for value, dump in zip(values, (one, other), strict=True))
    }


def _is_derived(path: Path, value: t.Any, dump: Dump) -> bool:
    if path == (*TTRPC, "address"):
        return str(value).endswith(".sock.ttrpc")
    is_taken_over = (path[:2] == TCP and path[-1].endswith("_message_size")) or path[:2] == TTRPC
    return is_taken_over and bool(value) and value == dump.leaves.get((*GRPC, path[-1]))


def is_decided_by_chance(files: Files) -> bool:
    """Whether a file before version 2 has a plugin by both of its names, of which containerd 2.x takes one."""
    for content in files.values():
        data = parse(content.decode())
        plugins = data.get("plugins", {}) if data.get("version") in (None, 0, 1) else {}
        if any("." not in name and plugin_id(name) in plugins for name in plugins):
            return True
    return False


def in_one_file(settings: Mapping[str, t.Any], release: Release) -> Files:
    """The settings, which have canonical names, in one file of the newest version that the release knows."""
    version = release.config_version
    data: dict[str, t.Any] = {"version": version}
    for path, value in leaves(settings):
        name, form = _spelt(path, value, release)
        table = data
        for key in name[:-1]:
            table = table.setdefault(key, {})
        table[name[-1]] = form
    return {CONFIG: tomlkit.dumps(data).encode()}


def _spelt(path: Path, value: t.Any, release: Release) -> tuple[Path, t.Any]:
    if path != CNI_BIN_DIRS:
        return names(path).in_version(release.config_version) or path, value
    new = (*(RUNTIME if release.config_version > 2 else V2_CRI), "cni", "bin_dirs")
    is_one = not release.rules.has_bin_dirs and len(value) == 1
    return ((*new[:-1], "bin_dir"), value[0]) if is_one else (new, value)


def count() -> int:
    """How many cases to make up for each release; of the number in AIRGAP_NODES_CASES, or enough for every day."""
    return int(os.environ.get("AIRGAP_NODES_CASES") or 450) // len(RELEASES) + 1


def seed() -> str:
    """What the cases are made up from; the text in AIRGAP_NODES_SEED, or always the same."""
    return os.environ.get("AIRGAP_NODES_SEED") or "1"


def draw(name: str) -> random.Random:
    """What the cases of a release are drawn by, the same ones at every run with the same seed."""
    return random.Random(f"{seed()} {name}")  # noqa: S311


def shown(files: Files) -> str:
    return "\n".join(f"## {path}\n{content.decode()}" for path, content in files.items())
