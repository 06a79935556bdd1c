# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of CRI that have a name of their own, as settings. Private to this collection."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release

Data = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class CriOptions:
    """What a user asks for by option; None asks for nothing."""

    def wishes(self, effective: Data, release: Release) -> list[tuple[KeyPath, t.Any]]:
        """Canonical paths and values. ``effective`` is what the files say now: some options speak of all that is there.

        :raises DomainError: an option has a value that containerd cannot have.
        """
        return []

    def removals(self, effective: Data) -> list[KeyPath]:
        """Canonical paths that have to go, such as a runtime class that is to be absent."""
        return []
