# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node that a runtime class cannot do without. Private to this collection.

containerd and CRI come up without them, and no pod of the class does.
"""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.config_keys import RUNTIMES, canonical
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError, KeyPath
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.toml_edit import Difference

_KEYS: t.Collection[KeyPath] = {
    ("runtime_path",),
    ("base_runtime_spec",),
    ("options", "BinaryName"),
    ("options", "ConfigPath"),
}


def newly_named(differences: t.Iterable[Difference]) -> dict[KeyPath, str]:
    """The files that an edit names, by key; a name without a path is looked for where containerd's PATH leads."""
    return {
        each.path: each.after
        for each in differences
        if _is_of_a_file(canonical(each.path)) and isinstance(each.after, str) and each.after.startswith("/")
    }


def check_there(named: t.Mapping[KeyPath, str], state: NodeState) -> None:
    """:raises DomainError: a file is not on the node."""
    errors = [
        DomainError(
            f"{path} is not on this node: no pod of the runtime class {_class_of(key)} could run",
            key_path=key,
            fix="Install it first, or mend the path in runtimes; unsupported: write writes it without looking.",
        )
        for key, path in named.items()
        if state.file(path).kind == "absent"
    ]
    if errors:
        raise DomainError.together(errors)


def _is_of_a_file(path: KeyPath) -> bool:
    return path[: len(RUNTIMES)] == RUNTIMES and path[len(RUNTIMES) + 1 :] in _KEYS


def _class_of(path: KeyPath) -> str:
    return canonical(path)[len(RUNTIMES)]
