# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshotters that CRI uses: whether containerd has them, and what those before them leave behind. Private.

Measured on 1.7.24 and 2.3.4: with a snapshotter that is not there CRI does not load. From 2.1 on neither does it with
one in ``unpack_config``, whoever uses it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import RUNTIMES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.image_pulls import (
    DEFAULT_SNAPSHOTTER,
    SNAPSHOTTER,
    UNPACK_CONFIG,
    unpacked_for,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.plugin_set import (
    DIFFER,
    built_in_of,
    is_of_some_release,
    proxies_of,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.plugin_set import SNAPSHOTTER as KIND
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.runtime_classes import RUNTIME_PLATFORMS
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, look_up

Data = t.Mapping[str, t.Any]
# What is wrong, and what to do about it.
Fault = tuple[str, str]

# Built in, and skipped by containerd unless these keys of theirs are set; read in every line from 1.4 to 2.3.
_NEEDED_KEYS: t.Mapping[str, tuple[str, ...]] = {
    "devmapper": ("pool_name", "base_image_size"),
    "blockfile": ("scratch_file",),
}
# Keys of an entry of unpack_config that came later than the others; read at v1.7.0 to v2.3.4, measured on 1.7.24 and
# 2.1.5, of which 1.7 passes over them without a word.
_LATER_KEYS: t.Mapping[str, Release] = {
    "config_type": Release.parse("2.1.0"),
    "layer_types": Release.parse("2.1.0"),
    "optional": Release.parse("2.3.0"),
}


def used(effective: Data) -> dict[KeyPath, str]:
    """The snapshotter that CRI uses, and those of single runtime classes, by their canonical paths."""
    found: dict[KeyPath, t.Any] = {SNAPSHOTTER: look_up(effective, SNAPSHOTTER) or DEFAULT_SNAPSHOTTER}
    for table in (RUNTIMES, RUNTIME_PLATFORMS):
        classes = look_up(effective, table)
        for name, entry in classes.items() if isinstance(classes, dict) else ():
            found[(*table, name, "snapshotter")] = look_up(entry, ("snapshotter",))
    return {path: name for path, name in found.items() if name and isinstance(name, str)}


def fault(name: str, effective: Data, release: Release) -> Fault | None:
    """:returns: why containerd would not have this snapshotter."""
    own, proxies = built_in_of(KIND, release), proxies_of(KIND, effective, release)
    if name in proxies:
        return None
    if name not in own and release.is_known:
        found = f"its proxy_plugins are {', '.join(proxies)}" if proxies else "its files name none in proxy_plugins"
        return (
            f"containerd {release} has no snapshotter {name!r}: built in are {', '.join(own)}, and {found}",
            f"Name one of these, or add proxy_plugins.{name} with type: snapshot and its address in the same task.",
        )
    table = ("plugins", f"{KIND}.{name}")
    missing = [key for key in _NEEDED_KEYS.get(name, ()) if not look_up(effective, (*table, key))]
    if missing:
        keys = " and ".join(missing)
        return (
            f"containerd {release} passes over its snapshotter {name} without {keys}",
            f'Set what it needs in the same task: settings: {{plugins: {{"{table[1]}": {{{missing[0]}: ...}}}}}}.',
        )
    return None


def is_of_some_node(name: str) -> bool:
    """Whether another release has it by itself; any other name that no proxy has is a slip as likely as not."""
    return is_of_some_release(f"{KIND}.{name}")


def unpack_fault(entries: t.Any, effective: Data, release: Release) -> Fault | None:
    """:returns: why the transfer service, and CRI with it, would not load with this ``unpack_config``."""
    if entries == []:
        # 1.x does not start with an empty array in the place of tables.
        return "is empty: no image would be unpacked", "Name what is in use, or leave the key out."
    differs = (*built_in_of(DIFFER, release), *proxies_of(DIFFER, effective, release))
    for entry in entries if isinstance(entries, list) and release.rules.pulls_by_transfer_service else ():
        if not isinstance(entry, dict) or (entry.get("optional") and not _is_later("optional", release)):
            continue
        wrong = fault(str(entry.get("snapshotter")), effective, release)
        if wrong is not None:
            return wrong
        if entry.get("differ") and entry["differ"] not in differs:
            what = f"containerd {release} has no differ {entry['differ']!r}: there are {', '.join(differs)}"
            return what, "Name one of these, or add it to proxy_plugins in the same task."
    return None


def later_keys(entries: t.Any, release: Release) -> list[str]:
    """Keys of these entries that this release does not read."""
    found = (key for entry in entries if isinstance(entry, dict) for key in entry if _is_later(key, release))
    return list(dict.fromkeys(found)) if isinstance(entries, list) else []


def without_later_keys(entries: t.Any, release: Release) -> list[t.Any]:
    return [{key: value for key, value in entry.items() if not _is_later(key, release)} for entry in entries]


def _is_later(key: str, release: Release) -> bool:
    since = _LATER_KEYS.get(key)
    return since is not None and dataclasses.replace(release, final=True) < since


def settled_unpacking(after: Data) -> Set | Remove | None:
    """What has to become of ``unpack_config``: an entry that is exactly as this collection writes it goes when nothing
    uses its snapshotter any more, for it would keep CRI from loading without it. Any other one stays.
    """
    stated = look_up(after, UNPACK_CONFIG)
    in_use = set(used(after).values())
    kept = [entry for entry in stated or () if not _is_ours(entry) or entry["snapshotter"] in in_use]
    if not isinstance(stated, list) or len(kept) == len(stated):
        return None
    default = unpacked_for(DEFAULT_SNAPSHOTTER)
    if all(entry == default for entry in kept):
        # What containerd does by itself.
        return Remove(UNPACK_CONFIG)
    own = used(after)[SNAPSHOTTER]
    covered = [entry.get("snapshotter") for entry in kept if isinstance(entry, dict)]
    return Set(UNPACK_CONFIG, kept if own in covered else [*kept, unpacked_for(own)])


def _is_ours(entry: t.Any) -> bool:
    name = entry.get("snapshotter") if isinstance(entry, dict) else None
    return isinstance(name, str) and entry == unpacked_for(name)
