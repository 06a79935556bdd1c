# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as it was read, and as the plans made so far would leave it. Private to this collection."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._changeset import ChangeSet
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_reading import ConfigReading, about
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.overlay import after
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release


class View:
    """What a plan looks at; ``read`` takes one round trip to the node."""

    def __init__(self, read: t.Callable[..., NodeState], found: NodeState) -> None:
        self._read = read
        self._found = found
        self._planned: list[ChangeSet] = []
        self.state = found

    def read(self, **arguments: t.Any) -> None:
        """More of the node, which earlier plans may be about as well."""
        self._found = self._found.and_also(self._read(**arguments))
        self.state = functools.reduce(after, self._planned, self._found)

    def follow(self, changes: ChangeSet) -> None:
        """What is planned from now on comes after these changes."""
        self._planned.append(changes)
        self.state = after(self.state, changes)

    def config(self, path: str, release: Release, drop_in: str | None = None) -> ConfigReading:
        """config.toml with its imports; what was read is enough unless files are imported from unusual places."""
        while True:
            with about(path):
                config = ConfigReading(self.state, path, release, drop_in)
            if not config.unread_files and not config.unread_globs:
                return config
            self.read(files=sorted(config.unread_files), globs=sorted(config.unread_globs))
