# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A config.toml in a newer version of its schema, with its comments, and meaning what it meant. Private.

``containerd config migrate`` would drop every comment and write out every default.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import (
    CNI_BIN_DIRS,
    RUNTIME,
    canonical,
    long_name,
    names,
    plugin_id,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_version import stated_version
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile, effective, leaves
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.imports import targets
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import (
    Difference,
    Set,
    edit,
    look_up,
    parse,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_move import Moves, move
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_values import same

Data = t.Mapping[str, t.Any]

_GRPC: KeyPath = ("plugins", "io.containerd.server.v1.grpc")
_GRPC_TCP: KeyPath = ("plugins", "io.containerd.server.v1.grpc-tcp")
_TTRPC: KeyPath = ("plugins", "io.containerd.server.v1.ttrpc")
_DEBUG: KeyPath = ("plugins", "io.containerd.server.v1.debug")
_SOCKETS = (_GRPC, _GRPC_TCP, _TTRPC, _DEBUG)
# Printed by `config default` of 1.x and 2.x, and the same to containerd as nothing at all.
_MEAN_NOTHING: t.Mapping[KeyPath, t.Any] = {
    ("plugins", "io.containerd.server.v1.metrics", "address"): "",
    ("plugins", "io.containerd.metrics.v1.grpc-prometheus", "grpc_histogram"): False,
    ("plugins", "io.containerd.shim.v1.manager", "env"): [],
    ("plugins", "io.containerd.runtime.v2.task", "sched_core"): False,
}


def upgraded(text: str, target: int, release: Release) -> str:
    """The text with its tables where version ``target`` has them; unknown keys go along with their tables.

    :raises DomainError: the release does not read that version, the file is of a newer one, or two of its tables would
        have to become one.
    """
    data = parse(text)
    version = stated_version(data) or 1
    if target > release.config_version:
        raise DomainError(
            f"containerd {release} reads config versions up to {release.config_version}, not {target}",
            option="config_version",
            fix="Leave config_version at keep, or name one that this release reads.",
        )
    if target < version:
        raise DomainError(
            f"the file is of version {version}, and there is no way back to {target}",
            option="config_version",
            fix="Leave config_version at keep, or name a newer one.",
        )
    if target == version and "version" in data:
        return text
    if not release.rules.dump_migrates:
        raise DomainError(
            f"containerd {release} prints older tables as they are in config dump, so nothing could prove that an "
            "upgraded file means the same to it",
            option="config_version",
            fix="Upgrade containerd to 2.0.6 or newer first, or leave config_version at keep.",
        )
    text = move(text, _moves(data, target, release))
    text = edit(text, [Set(("version",), target)]).text
    return edit(text, _changed_values(parse(text), version, target, release)).text


def check_same_effect(before: t.Sequence[ConfigFile], after: t.Sequence[ConfigFile], release: Release) -> None:
    """:raises DomainError: a setting counts in one form of the files and not in the other."""
    old, new = effective(before, release), effective(after, release)
    for difference in differences(old, new):
        if difference.before is None and same(difference.after, _MEAN_NOTHING.get(difference.path)):
            continue
        if difference.path[:2] in _SOCKETS:
            # Version 4 has to spell out what the older ones took from each other; containerd itself judges this.
            continue
        raise DomainError(
            f"would {'begin' if difference.before is None else 'cease'} to count: containerd {release} reads it "
            "otherwise in the version that the file has",
            key_path=difference.path,
            fix="Remove the setting from the file, or set it in the task so that it counts now; then upgrade the file.",
        )


def comparable(text: str, path: str, release: Release) -> str:
    """The text for a containerd that reads it from elsewhere: with its imports as absolute names."""
    imports = targets(path, parse(text), release)
    return edit(text, [Set(("imports",), imports)]).text if imports else text


def check_dumps(dumps: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    """What containerd itself prints of the file ``before`` and ``after``; nothing, where there is no containerd.

    :raises DomainError: it refuses the new file, or reads something else in it.
    """
    if not dumps:
        return
    for name, what in (("before", "the file"), ("after", "the upgraded file")):
        if dumps[name]["rc"] != 0:
            reason = (dumps[name]["errors"].splitlines() or ["it gives no reason"])[-1]
            raise DomainError(
                f"containerd does not accept {what}: {reason}",
                option="config_version",
                fix="Nothing was changed; mend the file first, or leave config_version at keep.",
            )
    old, new = (_comparable_dump(parse(dumps[name]["output"])) for name in ("before", "after"))
    for difference in differences(old, new):
        raise DomainError(
            "would not be the same in the upgraded file, says the node's containerd",
            key_path=difference.path,
            fix="Nothing was changed; please report the file's layout, and upgrade it by hand.",
        )


def _comparable_dump(data: Data) -> Data:
    """containerd 1.x prints lists of plugins as they are written, short names and all."""
    lists = {
        key: [plugin_id(name) for name in data[key]] for key in ("disabled_plugins", "required_plugins") if key in data
    }
    return {key: value for key, value in data.items() if key != "imports"} | lists


def differences(before: Data, after: Data) -> tuple[Difference, ...]:
    """What is no longer where it was, and what is now elsewhere."""
    old, new = dict(leaves(before)), dict(leaves(after))
    gone = [Difference(path, value, None) for path, value in old.items() if path not in new]
    come = [
        Difference(path, old.get(path), value)
        for path, value in new.items()
        if path not in old or not same(old[path], value)
    ]
    return (*gone, *come)


def _moves(data: Data, target: int, release: Release) -> Moves:
    """Where each key goes; the longest path counts, so that a table that goes as a whole is said once."""
    moves: dict[KeyPath, KeyPath] = {}
    for path, _value in leaves(data):
        for depth in range(1, len(path) + 1):
            _put(moves, path[:depth], _new_path(path[:depth], target, release))
    return list(moves.items())


def _put(moves: dict[KeyPath, KeyPath], path: KeyPath, new: KeyPath) -> None:
    above = next((path[:depth] for depth in range(len(path), 0, -1) if path[:depth] in moves), ())
    if new != (moves[above] if above else ()) + path[len(above) :]:
        moves[path] = new


def _new_path(path: KeyPath, target: int, release: Release) -> KeyPath:
    if path[:1] == ("plugins",) and len(path) < 2:
        return path
    if path[:2] == RUNTIME:
        return path
    if target < 3:
        return long_name(path)
    name = canonical(path)
    if name == CNI_BIN_DIRS and path[-1] == "bin_dir" and not release.rules.has_bin_dirs:
        return (*CNI_BIN_DIRS[:-1], "bin_dir")
    return names(name).in_version(target) or name


def _changed_values(data: Data, version: int, target: int, release: Release) -> list[Set]:
    """What has to be said in another form, and what an older version did of itself."""
    wishes = []
    if version < 2:
        for key in ("disabled_plugins", "required_plugins"):
            if isinstance(data.get(key), list):
                wishes.append(Set((key,), [plugin_id(name) for name in data[key]]))
    directory = look_up(data, CNI_BIN_DIRS)
    if target > 2 and release.rules.has_bin_dirs and isinstance(directory, str):
        wishes.append(Set(CNI_BIN_DIRS, [directory] if directory else []))
    if target > 3:
        wishes += _of_the_sockets(data)
    return wishes


def _of_the_sockets(data: Data) -> t.Iterator[Set]:
    """Up to version 3 one table spoke for two sockets, and the address of the ttrpc socket followed that of grpc."""
    grpc = look_up(data, _GRPC) or {}
    if look_up(data, _GRPC_TCP) is not None:
        for key in ("max_recv_message_size", "max_send_message_size"):
            if key in grpc:
                yield Set((*_GRPC_TCP, key), grpc[key])
    ttrpc = look_up(data, _TTRPC) or {}
    if grpc.get("address") and not ttrpc.get("address"):
        yield Set((*_TTRPC, "address"), f"{grpc['address']}.ttrpc")
        for key in ("uid", "gid"):
            if grpc.get(key) and not ttrpc.get(key):
                yield Set((*_TTRPC, key), grpc[key])
