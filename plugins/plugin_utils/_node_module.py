# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of an action whose work is the module's, on the node. Private to this collection."""

from __future__ import annotations

from ansible_collections.airgap.nodes.plugins.plugin_utils._action import NodeAction, Result, plain


class NodeModule(NodeAction):
    """Looks at the variables of the role, and runs the module as Ansible would."""

    _supports_async = True

    def _options(self) -> Result:
        # The module itself judges its options.
        options: Result = plain(self._task.args)
        return options

    def execute(self, options: Result) -> Result:  # noqa: ARG002 (the module is given those of the task)
        result: Result = self._execute_module(task_vars=self._variables, wrap_async=self._task.async_val)
        return result
