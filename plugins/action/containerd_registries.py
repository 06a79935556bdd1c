# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_registries``."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.plugin_utils._planners.registries import RegistriesPlanner
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import PlanAction


class ActionModule(PlanAction):
    """Reads what the plan needs, plans, applies."""

    PLANNER = RegistriesPlanner
    ARGUMENT_SPEC = RegistriesPlanner.SPEC
