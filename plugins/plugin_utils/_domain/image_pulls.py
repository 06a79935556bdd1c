# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How CRI pulls and unpacks images, and which of two services a setting is for. Private to this collection.

From 2.1 on CRI leaves pulls to the transfer service. Some settings of CRI, its own limit of downloads among them, make
it pull by itself as all older releases do; then, and only then, those settings count. The transfer service unpacks for
the snapshotters that its ``unpack_config`` names, overlayfs if there is none, and fails every pull for another.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import IMAGES
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import (
    Feature,
    Release,
    local_pull_reasons,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Remove, Set, applied, look_up

Data = t.Mapping[str, t.Any]
Setting = tuple[KeyPath, t.Any]

TRANSFER: KeyPath = ("plugins", "io.containerd.transfer.v1.local")
UNPACK_CONFIG: KeyPath = (*TRANSFER, "unpack_config")
SNAPSHOTTER: KeyPath = (*IMAGES, "snapshotter")
USE_LOCAL_PULL: KeyPath = (*IMAGES, "use_local_image_pull")
KEY_MODEL: KeyPath = (*IMAGES, "image_decryption", "key_model")
# The same key in both services.
DOWNLOADS = "max_concurrent_downloads"
FETCH_BUFFER = "concurrent_layer_fetch_buffer"

DEFAULT_SNAPSHOTTER = "overlayfs"
# The value with which CRI does not pull by itself.
DEFAULT_DOWNLOADS = 3
KEYS_ON_NODE = "node"
# What puts layers into a snapshot; any snapshotter that mounts takes the first.
_DIFFER = "walking"
_OWN_DIFFERS = {"erofs": "erofs"}


@dataclasses.dataclass(frozen=True)
class ImagePulls:
    """What a user asks for; None and empty ask for nothing."""

    snapshotter: str | None = None
    # Those of runtime classes, which have to be unpacked for too.
    class_snapshotters: tuple[str, ...] = ()
    unpack_config: tuple[Data, ...] | None = None
    key_model: str | None = None
    use_local_pull: bool | None = None
    downloads: int | None = None
    fetch_buffer: int | None = None

    def wishes(self, effective: Data, release: Release) -> list[Setting]:
        """Canonical paths and values on a node where ``effective`` is what the files say now."""
        settings: list[Setting] = []
        if self.snapshotter is not None:
            settings.append((SNAPSHOTTER, self.snapshotter))
        settings += self._decryption(effective, release)
        if self.use_local_pull is not None and release.rules.pulls_by_transfer_service:
            settings.append((USE_LOCAL_PULL, self.use_local_pull))
        after = applied(effective, [Set(path, value) for path, value in settings])
        is_local = _is_local(after, release)
        settings += self._downloads(after, is_local=is_local, release=release)
        settings += self._unpacking(after, is_local=is_local)
        return settings

    def _decryption(self, effective: Data, release: Release) -> list[Setting]:
        if self.key_model is None:
            return []
        settings: list[Setting] = [(KEY_MODEL, self.key_model)]
        has_to_pull = self.key_model == KEYS_ON_NODE and release.knows(Feature.IMAGE_DECRYPTION)
        if has_to_pull and self.use_local_pull is None and not _is_local(effective, release):
            settings.append((USE_LOCAL_PULL, True))
        return settings

    def _downloads(self, after: Data, *, is_local: bool, release: Release) -> list[Setting]:
        settings: list[Setting] = []
        if self.downloads is not None and is_local:
            settings.append(((*IMAGES, DOWNLOADS), self.downloads))
        elif self.downloads is not None:
            settings.append(((*TRANSFER, DOWNLOADS), self.downloads))
            if look_up(after, (*IMAGES, DOWNLOADS)) not in (None, DEFAULT_DOWNLOADS):
                settings.append(((*IMAGES, DOWNLOADS), DEFAULT_DOWNLOADS))
        if self.fetch_buffer is not None:
            # Neither service of an older release has it; either name tells so.
            table = IMAGES if is_local and release.rules.pulls_by_transfer_service else TRANSFER
            settings.append(((*table, FETCH_BUFFER), self.fetch_buffer))
        return settings

    def _unpacking(self, after: Data, *, is_local: bool) -> list[Setting]:
        if self.unpack_config is not None:
            return [(UNPACK_CONFIG, [dict(entry) for entry in self.unpack_config])]
        if is_local or (self.snapshotter is None and not self.class_snapshotters):
            return []
        default = look_up(after, SNAPSHOTTER) or DEFAULT_SNAPSHOTTER
        needed = dict.fromkeys([default, *self.class_snapshotters])
        stated = look_up(after, UNPACK_CONFIG)
        covered = [DEFAULT_SNAPSHOTTER] if stated is None else [entry.get("snapshotter") for entry in stated]
        if set(needed) <= set(covered):
            return []
        missing = [unpacked_for(name) for name in needed if stated is None or name not in covered]
        return [(UNPACK_CONFIG, [*(stated or []), *missing])]


def fails_to_unpack(effective: Data, release: Release) -> str | None:
    """The snapshotter for which the service that pulls does not unpack, so that every pull fails."""
    snapshotter = look_up(effective, SNAPSHOTTER)
    stated = look_up(effective, UNPACK_CONFIG)
    if not isinstance(snapshotter, str) or not release.rules.pulls_by_transfer_service:
        return None
    if local_pull_reasons(effective, release):
        return None
    # Some releases unpack for erofs where the node can.
    covered: set[t.Any] = {DEFAULT_SNAPSHOTTER, *_OWN_DIFFERS}
    if isinstance(stated, list):
        covered = {entry.get("snapshotter") for entry in stated if isinstance(entry, dict)}
    return None if snapshotter in covered else snapshotter


def _is_local(data: Data, release: Release) -> bool:
    """Whether CRI pulls by itself, its own limit of downloads set aside: that is put where it counts."""
    if not release.rules.pulls_by_transfer_service:
        return True
    return bool(local_pull_reasons(applied(data, [Remove((*IMAGES, DOWNLOADS))]), release))


def unpacked_for(snapshotter: str) -> dict[str, t.Any]:
    # An operating system alone means the node's own architecture.
    return {"platform": "linux", "snapshotter": snapshotter, "differ": _OWN_DIFFERS.get(snapshotter, _DIFFER)}
