# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version that a config.toml states, and the one that it is to have. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import V1_CRI
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, show_key_path
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import NEWEST_CONFIG_VERSION, Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import look_up, table_at

Data = t.Mapping[str, t.Any]

# The newest version whose [grpc], [ttrpc], [debug] and [metrics] containerd reads.
_SERVER_TABLES_UP_TO = 3
_ADD_VERSION = (
    "Say which version the file is meant to be, for example with settings: {version: 2}, after reading what is in it."
)


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


def version_to_have(
    data: Data, kept: Data, wanted: int | None, release: Release, *, needs_one: bool, imported: int = 0
) -> int | None:
    """The version that the file will have, None where it has none and must stay without.

    ``kept`` is the data less what is to go; ``wanted`` is what the user asks for; ``needs_one`` says that a plugin is
    spoken of; ``imported`` is the highest version that an imported file states.

    :raises DomainError: the file's tables would lose their meaning with that version.
    """
    stated = stated_version(data)
    if wanted is not None and wanted != stated:
        _check_version_change(kept, stated, wanted)
        return wanted
    if stated is not None and "version" not in kept:
        _check_version_change(kept, stated, 1)
        return None
    return _version_to_add(kept, release, imported) if stated is None and needs_one else stated


def _version_to_add(data: Data, release: Release, imported: int) -> int | None:
    """The version that a file without one gets, None where it must stay without.

    Only a file that has no plugin table can be given a version without a change of meaning: containerd reads all others
    as version 1, in which tables named by URI do not count.
    """
    if not data:
        return release.config_version
    plugins = data.get("plugins")
    unread = [name for key in ("disabled_plugins", "required_plugins") for name in data.get(key) or () if _is_uri(name)]
    if unread and not release.rules.reads_uris_of_versionless_files and look_up(data, V1_CRI) is None:
        raise DomainError(
            f"the file has no version line, so containerd {release} reads it as version 1 and passes over {unread[0]}",
            key_path=("disabled_plugins" if unread[0] in data.get("disabled_plugins", ()) else "required_plugins",),
            fix=_ADD_VERSION,
        )
    if not plugins:
        # Version 4 no longer reads [grpc], [ttrpc], [debug] and [metrics] of a file that was written before it. Without
        # them the file may be as new as what it imports, which must not be newer.
        is_open = not _server_tables(data)
        return min(release.config_version, max(imported, _SERVER_TABLES_UP_TO) if is_open else _SERVER_TABLES_UP_TO)
    ignored = [] if look_up(data, V1_CRI) is not None else [*filter(_is_uri, table_at(data, "plugins"))]
    if ignored and not release.rules.reads_uris_of_versionless_files:
        raise DomainError(
            f"the file has no version line, so containerd {release} reads it as version 1 and ignores "
            f"[{show_key_path(('plugins', ignored[0]))}]",
            key_path=("version",),
            fix=_ADD_VERSION,
        )
    return None


def _is_uri(plugin: t.Any) -> bool:
    return isinstance(plugin, str) and plugin.startswith("io.containerd.")


def _check_version_change(data: Data, version: int | None, wanted: int) -> None:
    """:raises DomainError: tables of the old version would silently lose their meaning, or stop containerd."""
    lost = [key for key in table_at(data, "plugins") if version or (wanted > 1 and not _is_uri(key))]
    if lost:
        raise DomainError(
            f"the file is of version {version or 1}; its plugin tables would be lost in version {wanted}",
            key_path=("version",),
            fix="Leave the version as it is, or move the tables in the file yourself.",
        )
    server = _server_tables(data)
    if server and wanted > _SERVER_TABLES_UP_TO >= (version or 1):
        raise DomainError(
            f"the file is of version {version or 1}; its table [{server[0]}] would be lost in version {wanted}",
            key_path=("version",),
            fix="Leave the version as it is, or move the table in the file yourself.",
        )


def _server_tables(data: Data) -> list[str]:
    """What version 4 has in tables of plugins."""
    names = [name for name in ("grpc", "ttrpc", "metrics") if table_at(data, name)]
    return [*names, *(["debug"] if table_at(data, "debug").keys() & {"address", "uid", "gid"} else [])]


def check_cri_survives(data: Data, version: int | None, release: Release) -> None:
    """:raises DomainError: the release drops CRI settings of files of that version."""
    if version in (None, 0, 1) and not release.rules.merges_cri_of_versionless_files:
        rename = 'Put version = 2 into the file and rename [plugins.cri] to [plugins."io.containerd.grpc.v1.cri"].'
        raise DomainError(
            f"containerd {release} drops every CRI setting of a file without version 2 or newer",
            key_path=("version",),
            fix=rename if look_up(data, V1_CRI) is not None else _ADD_VERSION,
        )
