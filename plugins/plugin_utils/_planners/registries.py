# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of hosts.toml files, as ``containerd_registries`` plans it. Private to this collection."""

from __future__ import annotations

import datetime
import typing as t

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.airgap.nodes.plugins.module_utils._argspec import CONTAINERD_REGISTRIES
from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, NodeFailure, Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._diff import tree_diff
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries import (
    Intent,
    is_node_path,
    read_config_path,
    read_registries,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.registries_plan import (
    PemFile,
    plan_registries,
    reading,
)
from ansible_collections.airgap.nodes.plugins.plugin_utils._pem import CRYPTOGRAPHY_ERROR, judge
from ansible_collections.airgap.nodes.plugins.plugin_utils._planning import Planned, Planner
from ansible_collections.airgap.nodes.plugins.plugin_utils._view import View


class RegistriesPlanner(Planner):
    """Plans the whole tree anew; what differs is to change."""

    # Of these, the argument spec would say neither which entry is wrong nor what was probably meant.
    SPEC: t.ClassVar[t.Mapping[str, t.Any]] = {
        **CONTAINERD_REGISTRIES,
        "registries": {"type": "raw"},
        "defaults": {"type": "raw"},
    }

    def __init__(self, options: Result, action: NodeAction) -> None:
        super().__init__(options, action)
        self.intent = Intent(
            registries=read_registries(options["registries"], options["defaults"]),
            config_path=read_config_path(options["config_path"]),
            purge=options["purge"],
        )
        self.pems, self.warnings = self._pems()
        self.reading = reading(self.intent)

    def plan(self, view: View) -> Planned:
        # The form of the files is one that all releases read alike.
        release = self.action.release(view.state, self.options["containerd_version"], newest_for_newer=True)
        plan = plan_registries(view.state, self.intent, self.pems, release)
        return Planned(
            result={**plan.report, "containerd_version": str(release)},
            changes=plan.changes,
            warnings=(*plan.warnings, *self.warnings),
            diff=tuple(tree_diff(plan, self.pems)),
        )

    def _pems(self) -> tuple[dict[str, PemFile], list[str]]:
        """The files beside the play that are to be copied, each judged, and what is odd about them."""
        options = {source: option for source, option in self.intent.sources.items() if not is_node_path(source)}
        if options and CRYPTOGRAPHY_ERROR is not None:
            raise NodeFailure({"msg": missing_required_lib("cryptography", reason="on the controller, to check PEMs")})
        contents = {source: self.action.file_beside_play(source, option) for source, option in options.items()}
        return judge(self.intent, contents, datetime.datetime.now(tz=datetime.UTC))
