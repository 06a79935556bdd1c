# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where containerd looks for a CRI setting, by what the file says and what the release reads. Private.

config.toml has had four versions, and each release reads several of them: 1.x reads 1 and 2; 2.0 to 2.2 read up to 3;
2.3 reads up to 4. Measured on containerd 1.4.13 to 2.4.0-beta.0.
"""

from __future__ import annotations

import enum
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import NEWEST_CONFIG_VERSION, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up

Data = t.Mapping[str, t.Any]

V1_CRI: KeyPath = ("plugins", "cri")
V2_CRI: KeyPath = ("plugins", "io.containerd.grpc.v1.cri")
V3_IMAGES: KeyPath = ("plugins", "io.containerd.cri.v1.images")
V3_RUNTIME: KeyPath = ("plugins", "io.containerd.cri.v1.runtime")
# The newest version whose [grpc], [ttrpc], [debug] and [metrics] containerd reads.
SERVER_TABLES_UP_TO = 3
# Tables with entries of the user's naming, of which even an empty one says something.
NAMED_ENTRIES = frozenset({"configs", "mirrors", "proxy_plugins", "runtime_platforms", "runtimes", "stream_processors"})
# Tables that say something by being there: containerd 2.x replaces its newer registry table by an older one, and moves
# the snapshotter of a version 2 file only beside runtimes.
COUNTING_TABLES = frozenset({"registry", "runtimes"})
CRI_IDS = frozenset({V2_CRI[1], V3_IMAGES[1], V3_RUNTIME[1]})


class Setting(enum.Enum):
    """A setting that moved between the versions: its place in version 1, 2, and 3 (which 4 shares).

    ``scope`` counts the trailing keys that containerd moves together: 1 for a single key; 2 for ``registry``, which
    is replaced as a whole.
    """

    SANDBOX_IMAGE = (
        (*V1_CRI, "sandbox_image"),
        (*V2_CRI, "sandbox_image"),
        (*V3_IMAGES, "pinned_images", "sandbox"),
        1,
    )
    REGISTRY_CONFIG_PATH = (
        (*V1_CRI, "registry", "config_path"),
        (*V2_CRI, "registry", "config_path"),
        (*V3_IMAGES, "registry", "config_path"),
        2,
    )

    def __init__(self, v1: KeyPath, v2: KeyPath, v3: KeyPath, scope: int) -> None:
        self.v1 = v1
        self.v2 = v2
        self.v3 = v3
        self.scope = scope

    def is_in(self, data: Data, path: KeyPath) -> bool:
        """Whether the data has the setting, or the table it is replaced with, at this one of its places."""
        return look_up(data, path[: len(path) + 1 - self.scope]) is not None


REGISTRY_TABLES = tuple(path[:-1] for path in Setting.REGISTRY_CONFIG_PATH.value[:3])


def stated_version(data: Data) -> int | None:
    """The file's ``version``, None where it states none.

    :raises DomainError: not an integer (fatal in every release), or newer than this collection knows.
    """
    version = data.get("version")
    if version is None:
        return None
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise DomainError(
            f"{version!r} is not a config version", key_path=("version",), fix="Write a plain integer: version = 2."
        )
    if version > NEWEST_CONFIG_VERSION:
        raise DomainError(
            f"config version {version} is newer than this collection knows ({NEWEST_CONFIG_VERSION})",
            key_path=("version",),
            fix="Nothing was changed; upgrade the collection.",
        )
    return version


def check_accepted(version: int, release: Release) -> None:
    """Passes over a version that the release reads.

    :raises DomainError: the release refuses it, or (1.6.31, 1.7.16 and older) starts and silently ignores its tables.
    """
    if version > release.config_version:
        raise DomainError(
            f"containerd {release} reads config versions up to {release.config_version}, this file says {version}",
            key_path=("version",),
            fix="Install the containerd that this file was written for, or write the file for this one.",
        )


def place(setting: Setting, data: Data, version: int | None, release: Release) -> KeyPath:
    """The path where this release will read the setting in this file."""
    if version in (None, 0, 1):
        if release.line < (2, 3):
            return setting.v1
        # containerd 2.3 passes over [plugins.cri] where there is a table named by URI.
        return _older_or_newer(setting, data, setting.v1 if look_up(data, V2_CRI) is None else setting.v2)
    if version == 2:
        return setting.v2 if release.line < (2, 0) else _older_or_newer(setting, data, setting.v2)
    # containerd 2.3 migrates version 2 tables even in a version 3 file, and they win over the new ones.
    if version == 3 and release.line >= (2, 3) and setting.is_in(data, setting.v2):
        return setting.v2
    return setting.v3


def _older_or_newer(setting: Setting, data: Data, older: KeyPath) -> KeyPath:
    """Where 2.x reads a setting that it moves from an older place, if there is one, to that of version 3."""
    if setting.is_in(data, older):
        return older
    only_new_tables = look_up(data, older[:2]) is None and any(
        look_up(data, path) is not None for path in (V3_IMAGES, V3_RUNTIME)
    )
    return setting.v3 if only_new_tables or setting.is_in(data, setting.v3) else older
