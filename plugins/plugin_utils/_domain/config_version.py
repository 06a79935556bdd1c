# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version that a config.toml states. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import NEWEST_CONFIG_VERSION, Release

Data = t.Mapping[str, t.Any]


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
