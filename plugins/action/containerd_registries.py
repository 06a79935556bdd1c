# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module ``containerd_registries``."""

from __future__ import annotations

import datetime

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


class ActionModule(NodeAction):
    """Reads the tree of hosts.toml files, plans it anew, and changes what differs."""

    ARGUMENT_SPEC = CONTAINERD_REGISTRIES

    def check_options(self, raw: Result) -> None:
        # The argument spec would say neither which entry is wrong nor what was probably meant.
        self._registries = read_registries(raw.get("registries"), raw.get("defaults"))

    def execute(self, options: Result) -> Result:
        intent = Intent(
            config_path=read_config_path(options["config_path"]),
            registries=self._registries,
            purge=options["purge"],
        )
        pems, pem_warnings = self._pems(intent)
        state = self.read(programs=["containerd"], **reading(intent))
        # The form of the files is one that all releases read alike.
        release = self.release(state, options["containerd_version"], newest_for_newer=True)
        plan = plan_registries(state, intent, pems, release)
        copies = self.apply(plan.changes)
        result: Result = {
            **plan.report,
            "backup_files": list(copies.values()),
            "containerd_version": str(release),
        }
        if plan.warnings or pem_warnings:
            result["warnings"] = [*plan.warnings, *pem_warnings]
        if self._task.diff and plan.changes:
            result["diff"] = tree_diff(plan, pems)
        return result

    def _pems(self, intent: Intent) -> tuple[dict[str, PemFile], list[str]]:
        """The files beside the play that are to be copied, each judged, and what is odd about them."""
        options = {source: option for source, option in intent.sources.items() if not is_node_path(source)}
        if options and CRYPTOGRAPHY_ERROR is not None:
            raise NodeFailure({"msg": missing_required_lib("cryptography", reason="on the controller, to check PEMs")})
        contents = {source: self.file_beside_play(source, option) for source, option in options.items()}
        return judge(intent, contents, datetime.datetime.now(tz=datetime.UTC))
