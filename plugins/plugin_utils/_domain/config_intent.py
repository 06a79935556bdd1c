# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``containerd_config`` as what a user asks for. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_options import CriOptions
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_wishes import ConfigIntent
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.credentials import node_credentials
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.option_values import check_numbers
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import read_registries
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_lines import parse_key_path


def read_intent(raw: t.Mapping[str, t.Any], release: Release) -> ConfigIntent:
    """Reads the options, whose types are right and all of which are there.

    :raises DomainError: a value that cannot be meant, or credentials that this release cannot have.
    """
    check_numbers(raw, "")
    registries = read_registries(raw["registries"], raw["registries_defaults"])
    return ConfigIntent(
        sandbox_image=raw["sandbox_image"],
        registry_config_path=raw["registry_config_path"],
        settings=raw["settings"],
        absent=tuple(read_key_path(written, f"absent[{index}]") for index, written in enumerate(raw["absent"])),
        options=CriOptions.read(raw),
        credentials=node_credentials(registries, release),
        unsupported=raw["unsupported"],
        config_version=_config_version(raw["config_version"], release),
    )


def _config_version(wanted: str, release: Release) -> int | None:
    """None for the version that the file has."""
    if wanted == "keep":
        return None
    return release.config_version if wanted == "newest" else int(wanted)


def read_key_path(raw: t.Any, at: str) -> KeyPath:
    """A list of keys, or a text as TOML writes it.

    :raises DomainError: it is neither.
    """
    if isinstance(raw, list) and raw and all(isinstance(key, str) for key in raw):
        return tuple(raw)
    try:
        return parse_key_path(str(raw))
    except ValueError:
        raise DomainError(
            f"{raw!r} is not a key path",
            option=at,
            fix='Write a list of keys, or TOML: plugins."io.containerd.grpc.v1.cri".registry.mirrors.',
        ) from None
