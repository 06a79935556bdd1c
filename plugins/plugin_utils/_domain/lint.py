# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a node's configuration opens the way out, breaks pulls, or means less than it says. Private.

Each trap is a rule with an id that never changes; docs/findings.md explains every one of them.
"""

from __future__ import annotations

import dataclasses
import enum

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.effective import ConfigFile
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.place import NOWHERE, Place
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.releases import Release
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.trust import NOBODY, Trust


class Severity(enum.Enum):
    """How bad it is: pulls go out or fail; something does not do what it seems to; good to know."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One trap that a node is in. No text of it quotes a secret."""

    id: str
    severity: Severity
    message: str
    fix: str
    place: Place = NOWHERE


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is looked at. ``files`` is config.toml, first, with all that it imports; none of them if it cannot be read.

    ``images`` are the references that the node uses, each with who uses it.
    """

    state: NodeState
    release: Release
    files: tuple[ConfigFile, ...] = ()
    trust: Trust = NOBODY
    images: tuple[tuple[str, tuple[str, ...]], ...] = ()


def lint(subject: Subject) -> tuple[Finding, ...]:
    """Every finding, the worst first, then by file and line."""
    raise NotImplementedError
