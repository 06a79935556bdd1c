# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_registry_info``."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_REGISTRY_INFO
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import mask_value
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain import registry_report
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.errors import DomainError
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.node_state import NodeState, Program
from ansible_collections.airgap.nodes.plugins.plugin_utils._registry_survey import Survey


class ActionModule(NodeAction):
    """Reads a node, or a tree that was copied from one, and judges it; nothing is changed anywhere."""

    # An entry of registries that is wrong is named by who reads it.
    ARGUMENT_SPEC: t.ClassVar[t.Mapping[str, t.Any]] = {**CONTAINERD_REGISTRY_INFO, "registries": {"type": "raw"}}

    def execute(self, options: Result) -> Result:
        self._root = options["root"]
        result = registry_report.report(Survey(self, options).subject())
        result["config"]["effective"] = mask_value((), result["config"]["effective"])
        return {"changed": False, **result}

    def read(self, **arguments: t.Any) -> NodeState:
        return super().read(**arguments, **({"root": self._root} if self._root else {}))

    def _unknown(self, program: Program | None) -> t.NoReturn:
        what = (
            "containerd is not installed here, so it is unknown by whose rules to judge"
            if program is None
            else f"{program.path} does not tell its version; it said {program.output[:200]!r}"
        )
        raise DomainError(what, fix="Name the release in containerd_version.")
