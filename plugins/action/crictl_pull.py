# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of the module ``crictl_pull``: the module pulls, and after a failure this says why."""

from __future__ import annotations

import typing as t

from ansible_collections.airgap.nodes.plugins.plugin_utils._action import Result
from ansible_collections.airgap.nodes.plugins.plugin_utils._domain.pending_restart import unit_name
from ansible_collections.airgap.nodes.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.airgap.nodes.plugins.plugin_utils._pull_diagnosis import PullDiagnosis

MAX_IMAGES = 8
# What no registry has to do with, or what the words of containerd say whole.
NOT_OF_REGISTRIES = frozenset(
    "invalid_reference credentials_invalid no_space wrong_platform permission_denied containerd_down"
    " containerd_restarted cri_not_loaded cri_not_ready cri_timeout".split()
)


class ActionModule(NodeModule):
    """Lets the module pull; after a failure reads whom containerd asks, has each of them asked, and judges."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        # What the task says of itself can be lost: failed_when has the last word.
        return result if self._task.async_val else {**result, "is_failed": bool(result.get("failed"))}

    def execute(self, options: Result) -> Result:
        result = super().execute(options)
        failed = [each for each in result.get("failed_images") or () if each["reason"] not in NOT_OF_REGISTRIES]
        if failed:
            self.unit = unit_name(options.get("unit") or "containerd")
            PullDiagnosis(self, options).explain(failed[:MAX_IMAGES])
            result["msg"] = _message(result)
        return result


def _message(result: Result) -> str:
    failed, total = result["failed_images"], len(result["failed_images"]) + len(result["images"])
    head = [] if total == 1 else [f"{len(failed)} of {total} images could not be pulled as they should."]
    return "\n".join([*head, *(each["msg"] for each in failed)])
