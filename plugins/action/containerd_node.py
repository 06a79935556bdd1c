# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_node``."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_NODE
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._planners.parts import PARTS, Parts
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import PlanAction
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View


class ActionModule(PlanAction):
    """Reads once, makes each plan on what the one before it leaves, applies all of them as one change."""

    ARGUMENT_SPEC = CONTAINERD_NODE

    def execute(self, options: Result) -> Result:
        parts = Parts(options, self)
        view = View(self.read, self.read_whole(**parts.reading))
        plans = parts.plan(view)
        told = parts.judge(view, plans)
        applied = self.carry_out(view, list(plans.values()), proof=options["proof"], keep=options["keep_changes"])
        results: Result = {name: planned.report(applied.copies) for name, planned in plans.items()}
        return self.told(
            {
                **dict.fromkeys(PARTS),
                **results,
                **told,
                "changed": any(result["changed"] for result in results.values()),
                "restart_required": any(result.get("restart_required") for result in results.values()),
                "unproved": applied.is_open or bool(view.state.journal),
                "change": applied.change,
            },
            list(plans.values()),
        )
